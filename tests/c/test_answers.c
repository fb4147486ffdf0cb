// An answer never overtakes the completion of what it answers: ORDER-8.
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "peer.h"
#include "probe.h"

// A peer of the system in a thread of its own, which answers at once, until there is an end or a Q.
static void *answer_all(void *argument)
{
    int fd = *(int *)argument;
    char bytes[64];
    struct sockaddr_in from;
    for (;;) {
        socklen_t size = sizeof from;
        ssize_t n = recvfrom(fd, bytes, sizeof bytes, 0, (struct sockaddr *)&from, &size);
        if (n < 0 && errno == EINTR) continue;
        if (n <= 0 || bytes[0] == 'Q') return NULL;
        CHECK_EQ(sendto(fd, bytes, (size_t)n, 0, size ? (struct sockaddr *)&from : NULL, size), n);
    }
}

static void peer_blocks(int fd)
{
    struct timeval limit = {.tv_sec = PATIENCE_MS / 1000};
    CHECK_EQ(fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK), 0);
    CHECK_EQ(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit), 0);
}

static void is_behind_its_send(struct probe *p, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_MESSAGE) CHECK_EQ(p->done[SOCKET_OPERATION_SEND], p->count[SOCKET_EVENT_MESSAGE]);
}

static void send_and_be_answered(void *argument)
{
    CHECK_EQ(probe_send(argument, "ping", 4), 0);
}

// ORDER-8: sends of another thread than the loop's, and of the loop's own.
LOOPS_TEST(a_send_completes_before_its_answer)
{
    static const int kinds[] = {SOCKET_KIND_TCP, SOCKET_KIND_TCP_CONNECTION, SOCKET_KIND_UDP};
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        struct pair pair = {0};
        if (kinds[i] == SOCKET_KIND_UDP) {
            int port;
            pair.peer = peer_udp(&port);
            pair.probe = probe_new(SOCKET_KIND_UDP);
            CHECK_EQ(probe_connect(pair.probe, port), 0);
            WAIT(pair.probe->done[SOCKET_OPERATION_CONNECT] == 1);
        } else {
            pair = pair_new(kinds[i]);
        }
        struct probe *p = pair.probe;
        pthread_t thread;
        peer_blocks(pair.peer);
        start_thread(&thread, answer_all, &pair.peer);
        p->on_event = is_behind_its_send;
        for (int round = 1; round <= 400; round++) {
            if (round % 2)
                send_and_be_answered(p);
            else
                on_loop(send_and_be_answered, p);
            WAIT(p->count[SOCKET_EVENT_MESSAGE] == round);
        }
        CHECK_EQ(probe_send(p, "Q", 1), 0);
        WAIT(p->done[SOCKET_OPERATION_SEND] == 401);
        join_thread(thread);
        p->on_event = NULL;
        if (kinds[i] == SOCKET_KIND_UDP) {
            peer_close(pair.peer);
            probe_closed(p);
        } else {
            pair_close(&pair);
        }
    }
}

static void is_behind_connect(struct probe *p, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_MESSAGE) CHECK_EQ(p->done[SOCKET_OPERATION_CONNECT], 1);
}

// ORDER-8: a peer that speaks at once, to a client that its loop looks at late.
LOOPS_TEST(a_connect_completes_before_the_first_message)
{
    int port, listener = peer_listen(&port);
    for (int round = 0; round < 20; round++) {
        struct probe *p = probe_new(SOCKET_KIND_TCP);
        p->on_event = is_behind_connect;
        CHECK_EQ(probe_connect(p, port), 0);
        int peer = peer_accept(listener);
        peer_write(peer, "x", 1);
        WAIT(p->count[SOCKET_EVENT_MESSAGE] == 1);
        peer_close(peer);
        WAIT(p->count[SOCKET_EVENT_CLOSE] == 1);
        probe_release(p);
    }
    peer_close(listener);
}

static void is_behind_end(struct probe *p, const socket_event *e)
{
    if (e->type == SOCKET_EVENT_MESSAGE) CHECK_EQ(p->done[SOCKET_OPERATION_END], 1);
}

static void *answer_the_end(void *argument)
{
    int fd = *(int *)argument;
    char byte;
    while (recv(fd, &byte, 1, 0) > 0) {
    }
    CHECK_EQ(send(fd, "x", 1, MSG_NOSIGNAL), 1);
    return NULL;
}

// ORDER-8
LOOPS_TEST(an_end_completes_before_its_answer)
{
    for (int round = 0; round < 40; round++) {
        struct pair pair = pair_new(round % 2 ? SOCKET_KIND_TCP : SOCKET_KIND_TCP_CONNECTION);
        pthread_t thread;
        pair.probe->on_event = is_behind_end;
        peer_blocks(pair.peer);
        start_thread(&thread, answer_the_end, &pair.peer);
        CHECK_EQ(probe_end(pair.probe), 0);
        WAIT(pair.probe->count[SOCKET_EVENT_MESSAGE] == 1);
        join_thread(thread);
        pair.probe->on_event = NULL;
        pair_close(&pair);
    }
}
