#include "fuzz_calls.h"

#include <string.h>

int64_t call_library(unsigned operation)
{
    switch (operation) {
    case 48: return socket_set_dispatch_threads(u8() < 200 ? 1 + (int)u8() % 4 : (int)u32());
    case 49: return u8() % 8 ? 0 : socket_shutdown(u8() < 200 ? 10000 : -(int)u8());
    case 50:
        if (u8() % 2) return socket_set_total_queue_limit(u8() < 200 ? u32() % (1 << 20) : (int64_t)u64());
        return socket_set_compat(u8() < 200 ? (int)u8() % 2 : (int)u32());
    case 51: {
        socket_stats o = SOCKET_STATS_INIT;
        return socket_get_stats(any_struct(&o, sizeof o, 1));
    }
    case 52: {
        int code = u8() & 1 ? (int)u32() : -(2301000 + (int)u8());
        const char *a = socket_strerror(code), *b = socket_error_name(code);
        return strlen(a) > 0 && strlen(b) > 0 ? socket_error_category(code) : -1;
    }
    case 53:
        if (u8() % 8) return call_tls();
        return socket_version_number() == SOCKET_VERSION_HEX && socket_version() ? 0 : -1;
    case 54: { // give things a moment
        if (u8() % 8 == 0) send_strangers(u8());
        pass_time((int64_t)u8() * 4000);
        return 0;
    }
    }
    return 0;
}
