#include "fuzz_calls.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct input *known[MAX_KNOWN];
static int known_count;

void add_known(const struct input *in)
{
    if (known_count == MAX_KNOWN) return;
    known[known_count] = malloc(sizeof *in);
    CHECK(known[known_count] != NULL);
    *known[known_count++] = *in;
}

void read_file(const char *path, struct input *to)
{
    FILE *f = fopen(path, "re");
    if (!f) FAIL("%s: %s", path, strerror(errno));
    to->size = (uint32_t)fread(to->data, 1, INPUT_SIZE, f);
    fclose(f);
}

void save(const char *folder, const struct input *in)
{
    char path[600];
    uint64_t name = in->size;
    for (uint32_t i = 0; i < in->size; i++) name = mix(name ^ in->data[i]);
    snprintf(path, sizeof path, "%s/%016llx", folder, (unsigned long long)name);
    FILE *f = fopen(path, "we");
    if (!f || fwrite(in->data, 1, in->size, f) != in->size) FAIL("%s: %s", path, strerror(errno));
    fclose(f);
}

void mutate(struct input *in, uint64_t *chance)
{
#define CHANCE(n) (*chance = mix(*chance), (uint32_t)((*chance >> 20) % (n)))
    if (known_count && CHANCE(20))
        *in = *known[CHANCE(known_count)];
    else
        in->size = 0;
    for (unsigned rounds = 1 + CHANCE(8); rounds > 0; rounds--) {
        uint32_t where = CHANCE(in->size + 1), n = 1 + CHANCE(24);
        switch (CHANCE(6)) {
        case 0: // other bytes
            for (uint32_t i = where; i < in->size && i < where + n; i++) in->data[i] = (unsigned char)CHANCE(256);
            break;
        case 1: // one byte a little different
            if (where < in->size) in->data[where] = (unsigned char)(in->data[where] + CHANCE(9) - 4);
            break;
        case 2: // less
            if (where + n > in->size) n = in->size - where;
            memmove(in->data + where, in->data + where + n, in->size - where - n);
            in->size -= n;
            break;
        case 3: // more of chance
            if (in->size + n > INPUT_SIZE) break;
            memmove(in->data + where + n, in->data + where, in->size - where);
            for (uint32_t i = 0; i < n; i++) in->data[where + i] = (unsigned char)CHANCE(256);
            in->size += n;
            break;
        default: { // a piece of another one
            if (!known_count) break;
            const struct input *other = known[CHANCE(known_count)];
            uint32_t from = CHANCE(other->size + 1);
            n = 1 + CHANCE(200);
            if (from + n > other->size) n = other->size - from;
            if (in->size + n > INPUT_SIZE) break;
            memmove(in->data + where + n, in->data + where, in->size - where);
            memcpy(in->data + where, other->data + from, n);
            in->size += n;
        }
        }
    }
#undef CHANCE
}
