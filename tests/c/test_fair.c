// One socket does not keep the loop: THREAD-4 and LOOP-6, for sends made in completions.
#include <string.h>

#include "peer.h"
#include "probe.h"

// PORTION is written at once, not gathered (GATHER-2), and the kernel takes some of them whether
// anybody reads or not.
enum { ENOUGH = 40, PORTION = 16384 };

static char portion[PORTION];

struct chain {
    int sends;
    int after; // how many it were when the loop did something else
    int done;
};

static void something_else(void *user_data)
{
    struct chain *c = user_data;
    c->after = c->sends;
}

static void send_again(socket_handle socket, int error, void *user_data)
{
    struct chain *c = user_data;
    CHECK_EQ(error, 0);
    if (++c->sends < ENOUGH) {
        CHECK_EQ(socket_send(socket, portion, PORTION, send_again, c), 0);
        return;
    }
    state_lock();
    c->done = 1;
    state_changed();
    state_unlock();
}

static void begin(socket_handle socket, int error, void *user_data)
{
    struct chain *c = user_data;
    CHECK_EQ(error, 0);
    CHECK_EQ(socket_loop_post(socket_get_loop(socket), something_else, c), 0);
    CHECK_EQ(socket_send(socket, portion, PORTION, send_again, c), 0);
}

// LOOP-6
CALLBACKS_TEST(sends_in_completions_let_others_have_their_turn)
{
    static struct chain c;
    memset(&c, 0, sizeof c);
    struct pair pair = pair_new(SOCKET_KIND_TCP);
    CHECK_EQ(socket_send(pair.probe->socket, "x", 1, begin, &c), 0);
    static char data[ENOUGH * PORTION + 1];
    peer_read(pair.peer, data, sizeof data);
    WAIT(c.done);
    CHECK(c.after <= 2);
    pair_close(&pair);
}
