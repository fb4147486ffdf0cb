#include "fuzz_calls.h"

#include <stdio.h>
#include <string.h>

struct input *last;
char current_name[300];
atomic_llong started_ms;
atomic_int current_call = -1;

// What there is when the calls begin, by the bits of the first byte: otherwise most of them would
// meet nothing.
static void prepare(unsigned what)
{
    static const int kinds[] = {SOCKET_KIND_TCP_SERVER, SOCKET_KIND_TCP, SOCKET_KIND_UDP, SOCKET_KIND_TCP, SOCKET_KIND_UDP, SOCKET_KIND_TCP, SOCKET_KIND_TCP_SERVER};
    static const int on[] = {0, 0, 0, 1, 1, 2, 2};
    if (what & 1) loops[1] = CHECK_OK(socket_loop_create(SOCKET_LOOP_CALLBACKS));
    if (what & 2) loops[2] = CHECK_OK(socket_loop_create(SOCKET_LOOP_RECORDS));
    for (int i = 0; i < 7; i++) {
        if (on[i] && !loops[on[i]]) continue;
        if (!on[i] && !(what & 4)) continue;
        handles[i] = CHECK_OK(socket_construct(loops[on[i]], kinds[i]));
        socket_set_option(handles[i], SOCKET_OPTION_CLOSE_TIMEOUT, 20);
        for (int type = 1; type <= 7 && on[i] != 2 && what & 8; type++) CHECK_OK(socket_on(handles[i], type, on_event, NULL));
        if (on[i] == 2 && what & 8) CHECK_OK(socket_subscribe(handles[i], 0xfe, NULL));
        socket_address any = {"127.0.0.1", 0, 0};
        if (kinds[i] == SOCKET_KIND_TCP_SERVER && what & 16) ports[i == 0] = server_listen(handles[i], "127.0.0.1", 0);
        if (kinds[i] == SOCKET_KIND_UDP && what & 32) {
            CHECK_OK(socket_bind(handles[i], &any));
            CHECK_OK(socket_get_local_address(handles[i], NULL, 0, &ports[2], NULL));
        }
        if (kinds[i] == SOCKET_KIND_TCP && what & 64 && handles[0] && what & 16) {
            socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
            to.address.address = "127.0.0.1";
            to.address.port = ports[1];
            to.timeout_ms = 200;
            atomic_fetch_add(&promised, 1);
            CHECK_OK(socket_connect(handles[i], &to, on_completion, NULL));
            int64_t until = now_ms() + 1000;
            socket_state_info state = SOCKET_STATE_INFO_INIT;
            while (what & 128 && !on[i] && now_ms() < until && socket_get_state(handles[i], &state) == 0 && !state.is_connected && !state.is_close)
                look_again_later();
        }
    }
}

static int64_t call(unsigned operation)
{
    if (operation < 32) return call_socket(operation);
    return operation < 48 || operation == 55 ? call_loop(operation) : call_library(operation);
}

static uint8_t seen[1 << 16];
unsigned call_counts[OPERATIONS][2];

static int is_new(unsigned operation, int64_t result, unsigned before)
{
    uint64_t what = operation * 1000003u + (uint64_t)(result < 0 ? result : result > 0);
    uint16_t a = (uint16_t)mix(what), b = (uint16_t)mix(what * 64 + before);
    int new = !seen[a] || !seen[b];
    seen[a] = seen[b] = 1;
    return new;
}

static void close_all(void)
{
    for (int i = 0; i < TIMERS; i++) {
        if (timers[i]) socket_loop_clear_timer(loops[timer_loop[i]], timers[i]);
        timers[i] = 0;
    }
    loose = 1;
    for (int i = 0; i < HANDLES; i++) {
        socket_abort(handles[i]);
        socket_release(handles[i]);
    }
    int closed = 0; // a callback of another loop may be running it just now
    if (loops[1]) WAIT_STATE((closed = socket_loop_close(loops[1])) != -SOCKET_ERROR_ALREADY);
    CHECK_OK(closed);
    if (loops[2]) {
        int r = record_loop_closed ? 0 : socket_loop_close(loops[2]);
        socket_event records[16];
        while (r == 0 && (r = socket_loop_poll(loops[2], records, 16, 0)) >= 0) {
            take_records(records, r);
            r = 0;
        }
        if (r != -SOCKET_ERROR_BADF) FAIL("the record loop: %d", r);
    }
    loops[1] = loops[2] = 0;
    int64_t until = now_ms() + INPUT_LIMIT_MS;
    while (stats_now().sockets || (!dropped && promised != kept)) {
        for (int i = 0; i < CONNECTIONS; i++) socket_abort(connections[i]);
        if (now_ms() > until)
            FAIL("%llu sockets are left; %llu completions promised, %llu kept", (unsigned long long)stats_now().sockets, (unsigned long long)promised,
                 (unsigned long long)kept);
        look_again_later();
    }
    if (dropped) { // how many is not known: have all others delivered, and start anew
        CHECK_OK(socket_shutdown(10000));
        kept = (unsigned long long)promised;
    }
    record_loop_closed = dropped = 0;
    socket_set_compat(0);
    socket_set_total_queue_limit(0);
    loose = 0;
}

int run_input(const struct input *in, const struct baseline *before, unsigned number)
{
    int new = 0;
    unsigned operation = 0, previous;
    if (last) *last = *in;
    input = in;
    at = 0;
    connection_turn = 0;
    reentry = in->size;
    started_ms = now_ms();
    loose = 1;
    prepare(u8());
    prepare_tls(u8());
    loose = 0;
    for (int calls = 0; at < in->size && calls < MAX_CALLS; calls++) {
        previous = operation;
        operation = u8() % OPERATIONS;
        current_call = (int)operation;
        int64_t result = call(operation);
        call_counts[operation][result >= 0]++;
        if (result == -SOCKET_ERROR_INTERNAL) FAIL("call %d returned %lld: a panic in the library", operation, (long long)result);
        if (result < 0 && strcmp(socket_error_name((int)result), "SOCKET_ERROR_UNKNOWN") == 0 && operation != 52 && operation != 48)
            FAIL("call %d returned %lld, which is no code", operation, (long long)result);
        new |= is_new(operation, result, previous);
    }
    current_call = -1;
    close_all();
    free_memory();
    memset(handles, 0, sizeof handles);
    if (number % 16 == 0) {
        CHECK_OK(socket_shutdown(10000));
        CHECK_OK(socket_set_dispatch_threads(1));
        baseline_wait(before);
    }
    return new;
}
