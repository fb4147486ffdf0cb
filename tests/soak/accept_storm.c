// accept_storm [CLIENTS]: a server whose process runs out of descriptors while CLIENTS wait. The
// listener must survive, say so once, not spin, go on by itself when descriptors are free again,
// and serve everybody in the end.
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "helper.h"
#include "soak.h"

enum {
    ROOM = 60,          // descriptors the server may use more
    WINDOW_MS = 1000,   // of looking whether it spins
    // A server without descriptors tries again every 100 ms; a look at nothing, a wait and a timer
    // are three steps.
    FEW_STEPS = WINDOW_MS / 100 * 6 + 20,
    STORMS = 3,
};

static atomic_int accepted, errors, closes;

static void on_client(const socket_event *e, void *unused)
{
    (void)unused;
    CHECK_OK(socket_on(e->connection, SOCKET_EVENT_MESSAGE, send_back, NULL));
    atomic_fetch_add(&accepted, 1);
    happened();
}

static void on_error(const socket_event *e, void *unused)
{
    (void)unused;
    if (e->error != -SOCKET_ERROR_SERVER_MFILE) FAIL("error event: %s", socket_strerror(e->error));
    atomic_fetch_add(&errors, 1);
    happened();
}

static void on_close(const socket_event *e, void *unused)
{
    (void)e;
    (void)unused;
    atomic_fetch_add(&closes, 1);
    happened();
}

static void set_files(int n)
{
    struct rlimit r;
    CHECK(getrlimit(RLIMIT_NOFILE, &r) == 0);
    r.rlim_cur = (rlim_t)n;
    CHECK(setrlimit(RLIMIT_NOFILE, &r) == 0);
}

static int port, clients;

static void connect_all(struct pollfd *fd)
{
    struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    for (int i = 0; i < clients; i++) {
        fd[i] = (struct pollfd){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), .events = POLLIN};
        CHECK(fd[i].fd >= 0);
        CHECK(connect(fd[i].fd, (struct sockaddr *)&to, sizeof to) == 0);
        CHECK(send(fd[i].fd, "x", 1, MSG_NOSIGNAL) == 1);
    }
}

static int close_served(struct pollfd *fd)
{
    int served = 0;
    char c;
    if (poll(fd, (nfds_t)clients, PATIENCE_MS) == 0) FAIL("no client is served");
    for (int i = 0; i < clients; i++)
        if (fd[i].fd >= 0 && fd[i].revents) {
            // Served, and nothing else: not reset, not closed.
            if (recv(fd[i].fd, &c, 1, 0) != 1) FAIL("a client was not served");
            close(fd[i].fd);
            fd[i].fd = -1;
            served++;
        }
    return served;
}

// The clients, in a process of their own with plain sockets.
enum { OPEN_ALL = 'o', CLOSE_SERVED = 'c' };

static int serve_clients(char order, int unused)
{
    static struct pollfd *fd;
    (void)unused;
    if (!fd) {
        raise_files();
        fd = calloc((size_t)clients, sizeof *fd);
        CHECK(fd != NULL);
    }
    if (order == CLOSE_SERVED) return close_served(fd);
    connect_all(fd);
    return clients;
}

// Looks at what the server does for a while without descriptors.
static uint64_t steps_without_descriptors(void)
{
    uint64_t steps = stats_now().loop_iterations;
    int64_t until = now_ms() + WINDOW_MS;
    int room = accepted;
    while (now_ms() < until) await_happening(happenings(), until);
    steps = stats_now().loop_iterations - steps;
    if (steps > FEW_STEPS) FAIL("%llu looks for events in %d ms without descriptors", (unsigned long long)steps, WINDOW_MS);
    if (errors != 1) FAIL("%d error events, wanted one", errors);
    if (accepted != room) FAIL("accepted %d, then %d", room, accepted);
    return steps;
}

int main(int argc, char **argv)
{
    int n = (int)argument(argc, argv, 1, 1000), files = raise_files();
    warm_up();
    socket_handle server = CHECK_OK(socket_construct_tcp_server());
    CHECK_OK(socket_on(server, SOCKET_EVENT_CONNECT, on_client, NULL));
    CHECK_OK(socket_on(server, SOCKET_EVENT_ERROR, on_error, NULL));
    CHECK_OK(socket_on(server, SOCKET_EVENT_CLOSE, on_close, NULL));
    port = server_listen(server, "127.0.0.1", 0);
    clients = n;
    struct helper helper = helper_process(serve_clients);
    struct baseline before = baseline_now();

    for (int storm = 0; storm < STORMS; storm++) {
        accepted = errors = 0;
        set_files(count_fds() + ROOM);
        helper_order(&helper, OPEN_ALL, 0);
        WAIT(errors > 0);
        int room = accepted;
        CHECK(room >= ROOM && room < n); // more if a descriptor lies above the limit
        uint64_t steps = steps_without_descriptors();

        // Half of the storm passes through the few descriptors there are, the rest when the limit
        // is raised.
        int served = 0;
        int64_t until = now_ms() + PATIENCE_MS;
        while (served < n) {
            CHECK(now_ms() < until);
            served += helper_order(&helper, CLOSE_SERVED, 0);
            if (served > n / 2) set_files(files);
        }
        CHECK(accepted == n);
        WAIT_STATE(stats_now().sockets == 1);
        printf("storm %d: %d of %d clients fitted in; %llu looks for events in %d ms, %d error events until all were served\n", storm + 1,
               room, n, (unsigned long long)steps, WINDOW_MS, errors);
        fflush(stdout);
        CHECK(closes == 0);
    }
    helper_end(&helper);
    CHECK_OK(socket_close(server, NULL, NULL));
    WAIT(closes == 1);
    CHECK_OK(socket_release(server));
    baseline_wait(&before);
    return 0;
}
