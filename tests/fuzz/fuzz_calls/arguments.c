#include "fuzz_calls.h"

#include <stdlib.h>
#include <string.h>

const struct input *input;
size_t at;
socket_handle handles[HANDLES];
_Atomic socket_handle connections[CONNECTIONS];
socket_loop loops[LOOPS];
int ports[4];
unsigned char bytes[BYTES];
int in_namespace;

unsigned u8(void) { return at < input->size ? input->data[at++] : 0; }
unsigned u16(void) { unsigned a = u8(); return a << 8 | u8(); }
uint32_t u32(void) { uint32_t a = u16(); return a << 16 | u16(); }
uint64_t u64(void) { uint64_t a = u32(); return a << 32 | u32(); }

static void *allocated[MAX_CALLS * 8];
static int allocations;

// Memory of exactly this size, until the end of the input.
void *memory(size_t size)
{
    if (allocations == MAX_CALLS * 8) return bytes;
    void *p = malloc(size ? size : 1);
    CHECK(p != NULL);
    memset(p, 0x5a, size ? size : 1);
    return allocated[allocations++] = p;
}

socket_handle any_handle(void)
{
    unsigned n = u8();
    switch (n % 16) {
    default: return handles[n % TLS_HANDLES];
    case 14:
    case 15: return handles[TLS_HANDLES + (n >> 4) % (HANDLES - TLS_HANDLES)];
    case 8:
    case 9: return connections[(n >> 4) % CONNECTIONS];
    case 10: return (socket_handle)u64();
    case 11: return handles[(n >> 4) % HANDLES] + ((int64_t)1 << 20);
    case 12: return loops[1 + (n >> 4) % 2];
    case 13: return -(int64_t)(n >> 4);
    }
}

socket_loop any_loop(void)
{
    unsigned n = u8();
    switch (n % 16) {
    default: return loops[n % LOOPS];
    case 12: return handles[(n >> 4) % HANDLES];
    case 13: return (socket_loop)u64();
    case 14: return loops[1] + ((int64_t)1 << 20);
    case 15: return -1;
    }
}

void *any_user_data(void) { return (void *)(uintptr_t)(u8() % 4 ? u8() % 4 : u64()); }

static const char *const texts[] = {"127.0.0.1", "localhost", "::1", "0.0.0.0", "::", "127.0.0.2", "", "256.0.0.1", "::ffff:127.0.0.1",
                                    "fe80::1%lo", "::1%1", "127.1", "224.0.0.1", "255.255.255.255", "[::1]", "127.0.0.1%lo"};

static const char *any_text(int goes_out)
{
    unsigned n = u8();
    if (n == 255) return NULL;
    size_t size;
    char *p;
    if (n < 200 || (goes_out && !in_namespace)) {
        size = strlen(texts[n % 16]) + 1;
        p = memory(size);
        memcpy(p, texts[n % 16], size);
        return p;
    }
    size = n < 250 ? n % 50 : 900 + u8() % 200;
    p = memory(size + 1);
    for (size_t i = 0; i < size; i++) p[i] = (char)u8();
    p[size] = 0;
    return p;
}

socket_address any_address(int goes_out)
{
    socket_address a;
    a.address = any_text(goes_out);
    unsigned n = u8();
    a.port = n % 4 == 0 ? 0 : n % 4 < 3 ? ports[n >> 4 & 3] : (int32_t)u32();
    if (n % 8 == 7) a.port &= 0xffff;
    n = u8();
    a.family = n < 200 ? (int32_t)(n % 4) : (int32_t)u32();
    return a;
}

// A struct that begins with its size, of the size it says it has.
void *any_struct(const void *from, size_t right, int is_output)
{
    unsigned n = u8();
    uint32_t says = n < 200 ? (uint32_t)right : n < 220 ? (uint32_t)right + n % 100 : n < 240 ? u8() : n < 250 ? u32() : 0;
    if (n == 255) return NULL;
    size_t size = says > 4 ? says : 4;
    if (says > 1024) {
        if (is_output) says = 1024; // it may be written to
        size = 1024;
    }
    unsigned char *p = memory(size + 1);
    memset(p, n & 1 ? 0 : (int)n, size + 1);
    memcpy(p, from, size < right ? size : right);
    memcpy(p, &says, 4);
    if (n == 254) { // not aligned
        memmove(p + 1, p, size);
        p++;
    }
    return p;
}

const void *any_data(size_t *size)
{
    unsigned n = u8();
    switch (n % 8) {
    case 0:
        *size = n >> 3;
        return n >> 3 ? bytes : NULL;
    case 1:
        *size = u16();
        return NULL;
    case 2: // more than there can be: refused without a look at it
        *size = ((size_t)1 << 31) + u64() % ((size_t)1 << 62);
        return memory(8);
    case 3:
        *size = u16();
        return bytes;
    default: {
        *size = n;
        void *p = memory(n);
        return p;
    }
    }
}

void free_memory(void)
{
    while (allocations) free(allocated[--allocations]);
}
