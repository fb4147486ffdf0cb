// accept_storm [CLIENTS]: a server whose process runs out of descriptors while CLIENTS wait. The listener must
// survive, say so once, not spin, go on by itself when descriptors are free again, and serve everybody in the end.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "soak.h"

enum {
    ROOM = 60,          // descriptors the server may use more
    WINDOW_MS = 1000,   // of looking whether it spins
    // A server without descriptors tries again every 100 ms; a look at nothing, a wait and a timer are three steps.
    FEW_STEPS = WINDOW_MS / 100 * 6 + 20,
    STORMS = 3,
};

static atomic_int accepted, errors, closes;

static void on_bytes(const socket_event *e, void *unused)
{
    (void)unused;
    int result = socket_send(e->socket, e->data, e->size, NULL, NULL);
    if (result < 0) FAIL("echo: %s", socket_strerror(result));
}

static void on_client(const socket_event *e, void *unused)
{
    (void)unused;
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_MESSAGE, on_bytes, NULL));
    atomic_fetch_add(&accepted, 1);
}

static void on_error(const socket_event *e, void *unused)
{
    (void)unused;
    if (e->error != -SOCKET_ERROR_SERVER_MFILE) FAIL("error event: %s", socket_strerror(e->error));
    atomic_fetch_add(&errors, 1);
}

static void on_close(const socket_event *e, void *unused)
{
    (void)e;
    (void)unused;
    atomic_fetch_add(&closes, 1);
}

static void set_files(int n)
{
    struct rlimit r;
    CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0);
    r.rlim_cur = (rlim_t)n;
    CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
}

// The clients, in a process of their own with plain sockets. Each line read is an order: 'o' opens all, 'c' closes
// those that have been served; it answers with their number.
static void clients(int orders, int answers, int port, int n)
{
    raise_files();
    struct pollfd *fd = calloc((size_t)n, sizeof *fd);
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    char order, c = 'x';
    while (read(orders, &order, 1) == 1) {
        int served = 0;
        for (int i = 0; order == 'o' && i < n; i++) {
            fd[i] = (struct pollfd){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = POLLIN};
            CHECK(fd[i].fd >= 0);
            CHECK(connect(fd[i].fd, (struct sockaddr *)&to, sizeof to) == 0);
            CHECK(send(fd[i].fd, &c, 1, MSG_NOSIGNAL) == 1);
        }
        if (order == 'c' && poll(fd, (nfds_t)n, 100) > 0)
            for (int i = 0; i < n; i++)
                if (fd[i].fd >= 0 && fd[i].revents) {
                    // Served, and nothing else: not reset, not closed.
                    if (recv(fd[i].fd, &c, 1, 0) != 1) FAIL("a client was not served");
                    close(fd[i].fd);
                    fd[i].fd = -1;
                    served++;
                }
        CHECK(write(answers, &served, sizeof served) == sizeof served);
    }
    _exit(0);
}

static int order(int to, int from, char what)
{
    int answer;
    CHECK(write(to, &what, 1) == 1);
    CHECK(read(from, &answer, sizeof answer) == sizeof answer);
    return answer;
}

int main(int argc, char **argv)
{
    int n = (int)argument(argc, argv, 1, 1000), files = raise_files();
    warm_up();
    socket_handle server = CHECK_OK(socket_construct_tcp_server());
    CHECK_OK(socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL));
    CHECK_OK(socket_on(server, SOCKET_EVENT_ERROR, on_error, NULL));
    CHECK_OK(socket_on(server, SOCKET_EVENT_CLOSE, on_close, NULL));
    int port = server_listen(server, "127.0.0.1", 0);
    int orders[2], answers[2];
    CHECK(pipe(orders) == 0 && pipe(answers) == 0);
    pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        close(orders[1]);
        close(answers[0]);
        clients(orders[0], answers[1], port, n); // plain sockets only: the library is not for forked processes
    }
    close(orders[0]);
    close(answers[1]);
    struct baseline before = baseline_now();

    for (int storm = 0; storm < STORMS; storm++) {
        accepted = errors = 0;
        set_files(count_fds() + ROOM);
        order(orders[1], answers[0], 'o');
        WAIT(errors > 0);
        int room = accepted;
        CHECK(room >= ROOM && room < n); // more if a descriptor lies above the limit

        uint64_t steps = stats_now().loop_iterations;
        int64_t since = now_ms();
        WAIT(now_ms() - since >= WINDOW_MS);
        steps = stats_now().loop_iterations - steps;
        if (steps > FEW_STEPS) FAIL("%llu looks for events in %d ms without descriptors", (unsigned long long)steps, WINDOW_MS);
        if (errors != 1) FAIL("%d error events, wanted one", errors);
        if (accepted != room) FAIL("accepted %d, then %d", room, accepted);

        // Half of the storm passes through the few descriptors there are, the rest when the limit is raised.
        int served = 0;
        int64_t until = now_ms() + PATIENCE_MS;
        while (served < n) {
            CHECK(now_ms() < until);
            served += order(orders[1], answers[0], 'c');
            if (served > n / 2) set_files(files);
        }
        CHECK(accepted == n);
        WAIT(stats_now().sockets == 1);
        printf("storm %d: %d of %d clients fitted in; %llu looks for events in %d ms, %d error events until all were served\n", storm + 1,
               room, n, (unsigned long long)steps, WINDOW_MS, errors);
        fflush(stdout);
        CHECK(closes == 0);
    }
    close(orders[1]);
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 0);
    CHECK_OK(socket_close(server, NULL, NULL));
    WAIT(closes == 1);
    CHECK_OK(socket_release(server));
    baseline_wait(&before);
    return 0;
}
