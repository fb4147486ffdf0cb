#include "random_ops.h"

#include <stdlib.h>
#include <string.h>

atomic_ullong did_bytes, did_frames, did_packets;

unsigned char *frame_bytes(struct object *o, uint64_t key, uint32_t number, size_t size, int wants_answer)
{
    (void)o;
    unsigned char *bytes = malloc(sizeof(struct frame) + size);
    CHECK(bytes != NULL);
    struct frame f = {MAGIC, (uint32_t)size, (uint16_t)sender, (uint16_t)wants_answer, number, key};
    memcpy(bytes, &f, sizeof f);
    pattern_fill(bytes + sizeof f, key * 31 + (uint64_t)sender * 7 + number, 0, size);
    return bytes;
}

int send_frame(struct object *o, size_t size, int pieces, int wanted, int wants_answer)
{
    uint32_t number = o->numbers[sender];
    unsigned char *bytes = frame_bytes(o, o->key, number, size, wants_answer);
    size_t total = sizeof(struct frame) + size;
    int result;
    // The number may be seen by the receiver before the call returns.
    if (pieces < 2) {
        result = CALL(o, SOCKET_OPERATION_SEND, wanted, socket_send(o->handle, bytes, total, completion, pending));
    } else {
        socket_buffer buffers[8];
        size_t each = total / (size_t)pieces, at = 0;
        for (int i = 0; i < pieces; i++) {
            size_t n = i == pieces - 1 ? total - at : i % 3 == 1 ? 0 : each;
            buffers[i] = (socket_buffer){n ? bytes + at : NULL, n};
            at += n;
        }
        result = CALL(o, SOCKET_OPERATION_SEND, wanted, socket_sendv(o->handle, buffers, pieces, completion, pending));
    }
    if (result == 0) {
        o->numbers[sender] = number + 1;
        atomic_fetch_add(&did_frames, 1);
    }
    memset(bytes, 0xee, total < 64 ? total : 64); // the caller's again
    free(bytes);
    return result;
}

void send_packet(struct object *o, int port, size_t size, int wanted)
{
    uint32_t number = o->numbers[sender]++;
    unsigned char *bytes = frame_bytes(o, o->key, number, size, 0);
    socket_address to = {"127.0.0.1", port, 0};
    if (port)
        CALL(o, SOCKET_OPERATION_SEND, wanted, socket_send_to(o->handle, &to, bytes, sizeof(struct frame) + size, completion, pending));
    else
        CALL(o, SOCKET_OPERATION_SEND, wanted, socket_send(o->handle, bytes, sizeof(struct frame) + size, completion, pending));
    memset(bytes, 0xee, sizeof(struct frame));
    free(bytes);
}

static void answer(struct object *o, const struct frame *f)
{
    // Who cannot send now holds the answer back for ever: nobody counts them.
    send_frame(o, mix(f->number * 131 + f->size) % 3000, 0, f->number & 1, 0);
}

static void check_frame_header(struct object *o, const struct frame *f)
{
    struct parser *in = &o->in;
    if (f->magic != MAGIC || f->size > MAX_PAYLOAD || f->sender >= SENDERS)
        FAIL("a %s has received a broken header: magic %x size %u sender %u", kind_name(o->kind), f->magic, f->size, f->sender);
    if (in->key && f->key != in->key) FAIL("bytes of another stream: key %llu, wanted %llu", (unsigned long long)f->key, (unsigned long long)in->key);
    in->key = f->key;
    if (in->seen[f->sender] && f->number != in->next[f->sender])
        FAIL("frame %u of sender %u, wanted %u", f->number, f->sender, in->next[f->sender]);
    in->seen[f->sender] = 1;
    in->next[f->sender] = f->number + 1;
}

void parse(struct object *o, const unsigned char *data, size_t size)
{
    struct parser *in = &o->in;
    atomic_fetch_add(&did_bytes, size);
    while (size > 0) {
        if (in->left == 0) {
            size_t n = sizeof in->header - in->have;
            if (n > size) n = size;
            memcpy(in->header + in->have, data, n);
            in->have += n;
            data += n;
            size -= n;
            if (in->have < sizeof in->header) return;
            memcpy(&in->frame, in->header, sizeof in->frame);
            check_frame_header(o, &in->frame);
            in->have = 0;
            in->at = 0;
            in->left = in->frame.size;
        } else {
            size_t n = in->left < size ? in->left : size;
            struct frame *f = &in->frame;
            if (!pattern_matches(data, f->key * 31 + f->sender * 7ul + f->number, in->at, n))
                FAIL("wrong bytes in frame %u of sender %u at %zu", f->number, f->sender, in->at);
            in->at += n;
            in->left -= n;
            data += n;
            size -= n;
        }
        if (in->left == 0 && in->have == 0 && in->frame.wants_answer && o->echoes) answer(o, &in->frame);
    }
}

void parse_packet(const socket_event *e)
{
    struct frame f;
    if (e->size < sizeof f) FAIL("a datagram of %zu bytes", e->size);
    memcpy(&f, e->data, sizeof f);
    if (f.magic != MAGIC || f.size + sizeof f != e->size) FAIL("a datagram was cut or mixed up");
    if (!pattern_matches((const char *)e->data + sizeof f, f.key * 31 + f.sender * 7ul + f.number, 0, f.size)) FAIL("wrong bytes in a datagram");
    if (!e->remote.address || e->remote.port < 1) FAIL("a datagram from nowhere");
    atomic_fetch_add(&did_packets, 1);
}
