#include "fuzz_calls.h"

int64_t timers[TIMERS];
int timer_loop[TIMERS];
static unsigned timer_turn;
int record_loop_closed, dropped;

int64_t call_loop(unsigned operation)
{
    switch (operation) {
    case 32:
    case 33:
    case 34:
    case 35:
    case 36: {
        unsigned i = u8() % HANDLES, n = u8();
        socket_handle h = operation == 32   ? socket_construct(any_loop(), n < 240 ? 1 + (int)n % 7 : (int)u32())
                          : operation == 33 ? socket_construct_tcp_server()
                          : operation == 34 ? socket_construct_udp()
                          : operation == 35 ? socket_construct_tcp()
                                            : socket_construct(loops[1 + n % 2], 1 + (int)(n >> 1) % 7);
        if (h < 0) return h;
        socket_abort(handles[i]);
        socket_release(handles[i]);
        handles[i] = h;
        socket_set_option(h, SOCKET_OPTION_CLOSE_TIMEOUT, 20);
        return 0;
    }
    case 37: {
        int mode = 1 + (int)(u8() % 2);
        if (loops[mode]) return 0;
        socket_loop l = socket_loop_create(u8() < 240 ? mode : (int)u32());
        if (l < 0) return l;
        // The mode by chance may be the other one.
        if (socket_loop_run(l, 0) == -SOCKET_ERROR_NOTSUP) mode = 2; else mode = 1;
        if (loops[mode]) socket_loop_close(l), mode == 2 ? socket_loop_close(l) : 0;
        else loops[mode] = l;
        return 0;
    }
    case 38: return socket_loop_fd(any_loop()) >= 0;
    case 39:
    case 40: return socket_loop_run(any_loop(), u8() < 240 ? (int)u8() % 3 : -2 - (int)u8());
    case 41:
    case 42: {
        unsigned n = u8();
        int capacity = n < 240 ? 1 + (int)n % 40 : n < 248 ? 0 : -(int)n;
        if (n == 255) capacity = 65537;
        socket_event *records = n == 254 ? NULL : memory(sizeof *records * (size_t)(capacity > 0 && capacity < 100 ? capacity : 1));
        socket_loop l = any_loop();
        int r = socket_loop_poll(l, records, capacity, u8() < 240 ? (int)u8() % 3 : -2);
        if (r > 0) take_records(records, r);
        if (r == -SOCKET_ERROR_BADF && l == loops[2]) loops[2] = record_loop_closed = 0;
        return r;
    }
    case 43: return socket_loop_flush(any_loop());
    case 44: return socket_loop_post(any_loop(), u8() & 1 ? on_function : NULL, any_user_data());
    case 45: {
        socket_loop l = any_loop();
        int64_t delay = u8() < 200 ? (int64_t)u8() % 4 : (int64_t)u64(), interval = u8() < 200 ? (int64_t)u8() % 4 : (int64_t)u64();
        int64_t r = socket_loop_set_timer(l, delay, interval, u8() & 1 ? on_function : NULL, any_user_data());
        if (r < 0) return r;
        unsigned i = timer_turn++ % TIMERS;
        if (timers[i]) socket_loop_clear_timer(loops[timer_loop[i]], timers[i]);
        timers[i] = r;
        timer_loop[i] = l == loops[1] ? 1 : l == loops[2] ? 2 : 0;
        return 0;
    }
    case 46: return socket_loop_clear_timer(any_loop(), u8() & 1 ? timers[u8() % TIMERS] : (int64_t)u64());
    case 47: {
        if (u8() % 4) return 0;
        socket_loop l = any_loop();
        int r = socket_loop_close(l);
        if (r == 0 && l == loops[1]) loops[1] = 0;
        if (r == 0 && l == loops[2]) {
            dropped |= record_loop_closed;
            if (record_loop_closed) loops[2] = 0;
            record_loop_closed = !record_loop_closed;
        }
        return r;
    }
    case 55: { // the record loop as hosts run it
        socket_event records[8];
        if (!loops[2]) return 0;
        int r = socket_loop_poll(loops[2], records, 8, 0);
        if (r > 0) take_records(records, r);
        if (r == -SOCKET_ERROR_BADF) loops[2] = record_loop_closed = 0;
        return r;
    }
    }
    return 0;
}
