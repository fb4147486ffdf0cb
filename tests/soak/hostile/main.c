// hostile [MS [BOUND_US]]: one flooder beside a hundred polite clients, each attack for MS
// milliseconds, with a server that has callbacks and then with one that fetches records. Prints
// what the polite clients wait for an echo, and memory and descriptors before, during and after.
// Fails if a hundredth of the echoes beside an attack takes longer than BOUND_US, each time of
// TRIES (other work of the machine delays them too), or if memory or descriptors do not come back.
// TLS-14, TLS-19, TLS-20, TLS-21, LOOP-12.
#define _GNU_SOURCE
#include "hostile.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>

enum {
    TRIES = 5,
    // what fewer than 128 handshakes at once may leave: they are no burst (BOUND-7)
    ROOM_KB = 12 << 10,
};

struct most {
    long kb;
    int fds;
};

// Waits for the answer and looks meanwhile.
static int watch(const struct helper *h, struct most *most)
{
    struct pollfd p = {.fd = h->answers, .events = POLLIN};
    do {
        long kb = resident_kb();
        int fds = count_fds();
        if (kb > most->kb) most->kb = kb;
        if (fds > most->fds) most->fds = fds;
    } while (poll(&p, 1, 20) == 0);
    return helper_answer(h);
}

static int measure_once(const char *mode, const char *what, char order, int ms, struct helper *flood, struct helper *clients)
{
    struct most most = {0};
    int count = 0;
    if (order) helper_begin(flood, order, ms);
    helper_begin(clients, SERVE, ms);
    int p99 = watch(clients, &most);
    if (order) count = watch(flood, &most);
    int slowest = helper_order(clients, SLOWEST, 0);
    printf("%-9s %-30s %7d times, polite p99 %7.2f ms, slowest %7.2f ms, up to %6ld KiB and %4d descriptors\n", mode, what, count,
           p99 / 1e3, slowest / 1e3, most.kb, most.fds);
    fflush(stdout);
    return p99;
}

static int failed;

static void measure(const char *mode, const char *what, char order, int ms, int bound, struct helper *flood, struct helper *clients)
{
    for (int i = 0; i < TRIES; i++)
        if (measure_once(mode, what, order, ms, flood, clients) <= bound) return;
    fprintf(stderr, "%s, %s: more than %d us, %d times\n", mode, what, bound, TRIES);
    failed = 1;
}

static void print_state(const char *mode, const char *when)
{
    printf("%-9s %-30s %6ld KiB resident, %4d descriptors\n", mode, when, resident_kb(), count_fds());
    fflush(stdout);
}

static void memory_is_back(long before)
{
    long most = before + before / 20 + ROOM_KB;
    long kb = anonymous_kb() > most ? memory_settle(most) : anonymous_kb();
    if (kb > most && !SOAK_ASAN) FAIL("%ld KiB after the attacks, %ld before", kb, before);
}

static void attack_all(const char *mode, int ms, int bound, struct helper *flood, struct helper *clients)
{
    int polite_ones = connections;
    measure(mode, "nobody", 0, ms, bound, flood, clients);
    struct baseline before = baseline_now();
    print_state(mode, "before the attacks");
    for (int i = 0; i < ATTACKS; i++) measure(mode, attacks[i].name, attacks[i].order, ms, bound, flood, clients);
    WAIT_STATE(connections == polite_ones);
    baseline_wait(&before);
    measure(mode, "nobody again", 0, ms, bound, flood, clients);
    memory_is_back(before.kb);
    print_state(mode, "after the attacks");
}

static void run_mode(int with_records, int ms, int bound, struct helper *flood, struct helper *clients)
{
    socket_loop loop = with_records ? CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS)) : 0;
    socket_handle servers[2] = {CHECK_OK(socket_construct(loop, SOCKET_KIND_TCP_SERVER)), CHECK_OK(socket_construct(loop, SOCKET_KIND_TLS_SERVER))};
    pthread_t thread;
    for (int i = 0; i < 2; i++) {
        if (with_records) CHECK_OK(socket_subscribe(servers[i], SOCKET_EVENT_MASK(SOCKET_EVENT_CONNECT), NULL));
        else CHECK_OK(socket_on(servers[i], SOCKET_EVENT_CONNECT, on_client, NULL));
        int port = listen_to_strangers(servers[i], i);
        helper_order(flood, i ? TLS_PORT : TCP_PORT, port);
        helper_order(clients, i ? TLS_PORT : TCP_PORT, port);
    }
    if (with_records) CHECK(pthread_create(&thread, NULL, fetch_records, &loop) == 0);
    helper_order(clients, JOIN, 0);
    WAIT_STATE(connections == POLITE);
    attack_all(with_records ? "records" : "callbacks", ms, bound, flood, clients);
    helper_order(clients, LEAVE, 0);
    WAIT_STATE(connections == 0);
    for (int i = 0; i < 2; i++) CHECK_OK(socket_release(servers[i]));
    if (with_records) CHECK_OK(socket_loop_post(loop, NULL, NULL));
    if (with_records) CHECK(pthread_join(thread, NULL) == 0);
}

int main(int argc, char **argv)
{
    int ms = (int)argument(argc, argv, 1, 2000), bound = (int)argument(argc, argv, 2, 10000);
    raise_files();
    struct helper flood = helper_process(serve_flood), clients = helper_process(serve_polite);
    warm_up();
    struct baseline before = baseline_now();
    run_mode(0, ms, bound, &flood, &clients);
    WAIT_STATE(stats_now().sockets == 0);
    run_mode(1, ms, bound, &flood, &clients);
    baseline_wait(&before);
    // The second one has the first one's pipe, too, which ends when both have closed it.
    helper_end(&clients);
    helper_end(&flood);
    return failed;
}
