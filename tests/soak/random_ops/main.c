// random_ops [--seed S] [--seconds N] [--first EPOCH] [--epochs N]: operations drawn by chance, by
// several threads, on sockets of two default loops, a hosted loop with callbacks and one with
// records. Their peers are each other, and plain sockets that reset, stop reading or end early,
// and TLS peers that break every rule.
// Checked all the time: every accepted completion comes exactly once, in the order of the sends and
// never inside the call; events in the order of the contracts, one at a time for a socket, at most
// one close for each opening; every byte. After each epoch everything is released, or aborted by
// socket_shutdown and socket_loop_close, and handles, loops, descriptors, queued bytes, goroutines
// and what there is of TLS are as before. A TLS client that must not trust its peer is never
// connected, and bytes that were changed on the way are never delivered.
//
// What a thread does in an epoch depends on the seed only; how threads interleave does not. A
// failure prints the seed and the epoch: --seed S --first EPOCH --epochs 1 repeats it.
#include "random_ops.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

// A port that nobody listens at, for both protocols.
static void reserve_dead_port(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof a;
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&a, sizeof a) == 0 && getsockname(fd, (struct sockaddr *)&a, &size) == 0);
    dead_port = ntohs(a.sin_port);
}

int main(int argc, char **argv)
{
    int64_t seconds = 30, first = 1, epochs = INT32_MAX;
    seed = (uint64_t)now_ns();
    for (int i = 1; i < argc; i += 2) {
        int64_t value = argument(argc, argv, i + 1, 1);
        if (strcmp(argv[i], "--seed") == 0)
            seed = (uint64_t)value;
        else if (strcmp(argv[i], "--seconds") == 0)
            seconds = value;
        else if (strcmp(argv[i], "--first") == 0)
            first = value;
        else if (strcmp(argv[i], "--epochs") == 0)
            epochs = value;
        else {
            fprintf(stderr, "usage: random_ops [--seed S] [--seconds N] [--first EPOCH] [--epochs N]\n");
            return 2;
        }
    }
    printf("seed %llu\n", (unsigned long long)seed);
    fflush(stdout);
    soak_on_fail = print_seed;
    for (int w = 0; w < WORKERS; w++)
        for (int i = 0; i < SLOTS; i++) pthread_mutex_init(&slots[w][i].lock, NULL);
    reserve_dead_port();
    read_certificates();
    CHECK_OK(socket_set_dispatch_threads(2));
    warm_up();
    CHECK_OK(socket_shutdown(10000));
    struct baseline before = baseline_now(), now;
    int64_t until = now_ms() + seconds * 1000;
    int done = 0;
    for (epoch = (int)first; now_ms() < until && done < epochs; epoch++, done++) {
        int64_t from = now_ms();
        run_epoch(&before);
        if (done % 50 == 0 || getenv("SOAK_VERBOSE")) {
            char title[64];
            now = baseline_now();
            snprintf(title, sizeof title, "epoch %d (%lld ms)", epoch, (long long)(now_ms() - from));
            baseline_print(title, &now);
        }
    }
    now = baseline_now();
    baseline_print("at the end", &now);
    printf("%d epochs: %llu operations, %llu completions, %llu accepted, %llu closes, %llu frames, %llu MiB, %llu datagrams, "
           "%llu errors, %llu drains, %llu TLS connections (%llu resumed, %llu over TCP), %llu attacks on TLS\n", done, (unsigned long long)did_ops, (unsigned long long)did_completions,
           (unsigned long long)did_accepts, (unsigned long long)did_closes, (unsigned long long)did_frames,
           (unsigned long long)did_bytes >> 20, (unsigned long long)did_packets, (unsigned long long)did_events[SOCKET_EVENT_ERROR],
           (unsigned long long)did_events[SOCKET_EVENT_DRAIN], (unsigned long long)did_handshakes, (unsigned long long)did_resumptions,
           (unsigned long long)did_upgrades, (unsigned long long)did_attacks);
    return 0;
}
