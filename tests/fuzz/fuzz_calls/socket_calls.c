#define _GNU_SOURCE
#include "fuzz_calls.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

static socket_completion any_completion(void) { return u8() & 1 ? on_completion : NULL; }

#define PROMISE(expression) \
    ({ \
        socket_completion completion = any_completion(); \
        void *user_data = any_user_data(); \
        if (completion) atomic_fetch_add(&promised, 1); \
        int64_t value_ = (expression); \
        if (value_ < 0 && completion) atomic_fetch_sub(&promised, 1); \
        value_; \
    })

static int any_fd(void)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int pair[2], fd = -1;
    switch (u8() % 8) {
    case 0: return -1;
    case 1: return 1 << 19;
    case 2: return open("/dev/null", O_RDWR | O_CLOEXEC);
    case 3: return socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    case 4:
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (bind(fd, (struct sockaddr *)&a, sizeof a) == 0) listen(fd, 4);
        return fd;
    case 5:
        fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (u8() & 1) bind(fd, (struct sockaddr *)&a, sizeof a);
        return fd;
    case 6:
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0) {
            close(pair[1]);
            fd = pair[0];
        }
        return fd;
    default: // a connection whose other end is gone
        a.sin_port = htons((uint16_t)ports[0]);
        fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        fcntl(fd, F_SETFL, O_NONBLOCK);
        if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0 && errno != EINPROGRESS) return fd;
        return fd;
    }
}

static void note_port(socket_handle s)
{
    int port;
    if (socket_get_local_address(s, NULL, 0, &port, NULL) >= 0) ports[u8() % 4] = port;
}

int64_t call_socket(unsigned operation)
{
    socket_handle s = any_handle();
    size_t size;
    switch (operation) {
    case 0: return socket_release(s);
    case 1: {
        socket_address a = any_address(0);
        int64_t r = socket_bind(s, u8() == 255 ? NULL : &a);
        if (r >= 0) note_port(s);
        return r;
    }
    case 2: {
        socket_listen_options o = SOCKET_LISTEN_OPTIONS_INIT;
        unsigned n = u8();
        o.backlog = n < 200 ? 0 : (int32_t)u32();
        o.tls = n >= 150 && n < 200 ? any_tls_options() : NULL;
        o.address = any_address(0);
        int64_t r = socket_listen(s, any_struct(&o, sizeof o, 0));
        if (r >= 0) note_port(s);
        return r;
    }
    case 3:
    case 4: {
        socket_connect_options o = SOCKET_CONNECT_OPTIONS_INIT;
        o.timeout_ms = u8() < 240 ? 1 + (int32_t)u8() : (int32_t)u32() % 2000;
        o.address = any_address(1);
        o.tls = operation == 4 ? any_tls_options() : NULL;
        const void *p = any_struct(&o, sizeof o, 0);
        return PROMISE(socket_connect(s, p, completion, user_data));
    }
    case 5:
    case 6:
    case 7: {
        const void *data = any_data(&size);
        return PROMISE(socket_send(s, data, size, completion, user_data));
    }
    case 8: {
        unsigned n = u8();
        int count = n < 240 ? (int)n % 8 : (int)u32();
        socket_buffer *b = memory(sizeof *b * 8);
        for (int i = 0; i < 8; i++) b[i].data = any_data(&b[i].size);
        if (count > 8 && count <= 1024) count = 1025;
        return PROMISE(socket_sendv(s, n == 239 ? NULL : b, count, completion, user_data));
    }
    case 9:
    case 10: {
        const void *data = any_data(&size);
        socket_address a = any_address(1);
        const socket_address *p = u8() == 255 ? NULL : &a;
        return PROMISE(socket_send_to(s, p, data, size, completion, user_data));
    }
    case 11: return socket_flush(s);
    case 12: return PROMISE(socket_end(s, completion, user_data));
    case 13: return PROMISE(socket_close(s, completion, user_data));
    case 14: return socket_abort(s);
    case 15: return socket_pause(s);
    case 16: return socket_resume(s);
    case 17: {
        int fd = any_fd();
        int64_t r = socket_adopt(s, fd);
        if (r < 0 && fd >= 0 && fd != 1 << 19) close(fd);
        return r;
    }
    case 18:
    case 19: {
        int type = u8() < 240 ? (int)u8() % 9 : (int)u32();
        return socket_on(s, type, u8() == 255 ? NULL : on_event, any_user_data());
    }
    case 20: {
        int type = u8() < 240 ? (int)u8() % 9 : (int)u32();
        return socket_off(s, type, u8() & 1 ? NULL : on_event, any_user_data());
    }
    case 21:
    case 22: return socket_subscribe(s, u8() < 240 ? u8() : u32(), any_user_data());
    case 23: {
        socket_extra_options o = SOCKET_EXTRA_OPTIONS_INIT;
        o.fields = u8() < 240 ? u16() & 0x1ff : u32();
        int32_t *fields = &o.keep_alive;
        for (int i = 0; i < 10; i++) {
            unsigned n = u8();
            fields[i] = n < 128 ? (int32_t)(n & 1) : n < 240 ? (int32_t)n : (int32_t)u32();
        }
        return socket_set_extra_options(s, any_struct(&o, sizeof o, 0));
    }
    case 24: {
        int option = u8() < 240 ? (int)u8() % 14 : (int)u32();
        int64_t value = u8() < 200 ? (int64_t)u8() : (int64_t)u64();
        if (option == SOCKET_OPTION_CLOSE_TIMEOUT && value > 300 && value < 86400000) value = 300;
        return socket_set_option(s, option, value);
    }
    case 25: return socket_get_option(s, u8() < 240 ? (int)u8() % 14 : (int)u32());
    case 26: {
        socket_state_info o = SOCKET_STATE_INFO_INIT;
        return socket_get_state(s, any_struct(&o, sizeof o, 1));
    }
    case 27:
    case 28: {
        unsigned n = u8();
        size = n < 128 ? n : n < 250 ? 0 : 70;
        char *text = n == 255 ? NULL : memory(size);
        int *port = u8() & 1 ? memory(sizeof *port) : NULL, *family = u8() & 1 ? memory(sizeof *family) : NULL;
        return operation == 27 ? socket_get_local_address(s, text, size, port, family) : socket_get_remote_address(s, text, size, port, family);
    }
    case 29: {
        unsigned n = u8();
        return socket_get_error_detail(s, n == 255 ? NULL : memory(n), n);
    }
    case 30: return socket_get_fd(s) >= 0;
    case 31: return socket_get_kind(s) + (socket_get_client_id(s) > 0) + (socket_get_send_queue_length(s) > 0);
    }
    return 0;
}
