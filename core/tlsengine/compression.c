//go:build !openssl_shared

/* The library has no compression (context.c forbids it). But some distributions build OpenSSL with
 * zlib and zstd, Debian from 13 on; then a static libcrypto wants functions of those. They are
 * here, and each says that it has failed: so the library is the same everywhere, and needs and
 * contains neither. */

#include <stddef.h>

#define ZLIB(function) \
    int function(void); \
    int function(void) { return -2; } /* Z_STREAM_ERROR */

#define ZSTD(function) \
    size_t function(void); \
    size_t function(void) { return (size_t) -1; } /* ZSTD_error_GENERIC */

#define ZSTD_NOTHING(function) \
    void *function(void); \
    void *function(void) { return NULL; }

#define TEXT(function) \
    const char *function(void); \
    const char *function(void) { return "no compression"; }

#define ZSTD_TRUE(function) \
    unsigned function(void); \
    unsigned function(void) { return 1; }

ZLIB(compress)
ZLIB(uncompress)
ZLIB(deflateInit_)
ZLIB(deflate)
ZLIB(deflateEnd)
ZLIB(inflateInit_)
ZLIB(inflate)
ZLIB(inflateEnd)
TEXT(zError)

ZSTD_NOTHING(ZSTD_createCStream_advanced)
ZSTD_NOTHING(ZSTD_createDStream_advanced)
ZSTD(ZSTD_freeCStream)
ZSTD(ZSTD_freeDStream)
ZSTD(ZSTD_initCStream)
ZSTD(ZSTD_initDStream)
ZSTD(ZSTD_CStreamInSize)
ZSTD(ZSTD_DStreamInSize)
ZSTD(ZSTD_compress)
ZSTD(ZSTD_compressStream2)
ZSTD(ZSTD_decompress)
ZSTD(ZSTD_decompressStream)
ZSTD(ZSTD_endStream)
ZSTD(ZSTD_flushStream)
ZSTD_TRUE(ZSTD_isError)
TEXT(ZSTD_getErrorName)
