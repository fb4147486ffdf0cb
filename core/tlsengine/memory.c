#include "engine.h"

#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>

void engine_trim(void) { malloc_trim(0); }

engine_output *engine_output_new(void) { return calloc(1, sizeof(engine_output)); }

void engine_output_free(engine_output *output) {
    if (output == NULL) return;
    free(output->bytes);
    free(output);
}

void engine_output_shrink(engine_output *output) {
    if (output->capacity <= ENGINE_OUTPUT_KEPT) return;
    free(output->bytes);
    output->bytes = NULL;
    output->size = output->capacity = 0;
}

int engine_output_reserve(engine_output *output, size_t more) {
    if (more <= output->capacity - output->size) return 1;
    if (more > SIZE_MAX / 2 - output->size) return 0;
    size_t capacity = output->capacity < 16 * 1024 ? 16 * 1024 : output->capacity;
    while (capacity - output->size < more) capacity *= 2;
    unsigned char *bytes = realloc(output->bytes, capacity);
    if (bytes == NULL) return 0;
    output->bytes = bytes;
    output->capacity = capacity;
    return 1;
}

/* The BIO reads from the input of the operation that runs and writes to its output. */

static int memory_read(BIO *bio, char *buffer, int size) {
    engine_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    if (session->too_many && size >= ENGINE_RECORD_HEADER) return engine_forge(session, (unsigned char *)buffer);
    if (session->input_left == 0 || session->portion <= 0) {
        BIO_set_retry_read(bio);
        return -1;
    }
    session->portion--;
    size_t n = (size_t)size < session->input_left ? (size_t)size : session->input_left;
    if (session->looks_at_hello && !session->hello.over && !engine_hello_fits(session, session->input, n)) return -1;
    memcpy(buffer, session->input, n);
    session->input += n;
    session->input_left -= n;
    return (int)n;
}

static int memory_write(BIO *bio, const char *bytes, int size) {
    engine_session *session = BIO_get_data(bio);
    BIO_clear_retry_flags(bio);
    if (size <= 0) return 0;
    engine_output *output = session->output;
    if (output == NULL || !engine_output_reserve(output, (size_t)size)) return -1;
    memcpy(output->bytes + output->size, bytes, (size_t)size);
    output->size += (size_t)size;
    return size;
}

static long memory_control(BIO *bio, int command, long number, void *argument) {
    (void)bio, (void)number, (void)argument;
    return command == BIO_CTRL_FLUSH;
}

static BIO_METHOD *method;
static pthread_once_t method_once = PTHREAD_ONCE_INIT;

static void make_method(void) {
    BIO_METHOD *fresh = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "operation");
    if (fresh == NULL) return;
    if (BIO_meth_set_read(fresh, memory_read) && BIO_meth_set_write(fresh, memory_write) &&
        BIO_meth_set_ctrl(fresh, memory_control))
        method = fresh;
    else
        BIO_meth_free(fresh);
}

int engine_attach(engine_session *session) {
    pthread_once(&method_once, make_method);
    BIO *bio = method == NULL ? NULL : BIO_new(method);
    if (bio == NULL) return 0;
    BIO_set_data(bio, session);
    BIO_set_init(bio, 1);
    SSL_set_bio(session->ssl, bio, bio);
    return 1;
}
