/* SHA-256 (FIPS 180-4). The test programs must not bring an OpenSSL of their own into the
 * process. */
#ifndef OHSOCKET_TESTS_TLS_SHA256_H
#define OHSOCKET_TESTS_TLS_SHA256_H

#include <stddef.h>
#include <stdint.h>

struct sha256 {
    uint32_t state[8];
    uint64_t size;
    unsigned char block[64];
};

void sha256_begin(struct sha256 *hash);
void sha256_add(struct sha256 *hash, const void *data, size_t size);
/* Writes 64 hexadecimal digits and a NUL. */
void sha256_end(struct sha256 *hash, char text[65]);

#endif
