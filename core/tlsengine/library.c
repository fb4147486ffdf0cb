#include "engine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <openssl/crypto.h>
#include <openssl/provider.h>

static OSSL_LIB_CTX *library;

/* Without handlers at exit: threads of the library may be in a handshake when the host ends.
 * Without a configuration file, and with providers of our own: it may name modules that bring
 * another libcrypto into the process. */
int engine_start(engine_failure *failure) {
    memset(failure, 0, sizeof *failure);
    /* Before anything else of OpenSSL: whatever comes first, even to clear the errors, would bring
     * the handlers. */
    if (!OPENSSL_init_ssl(OPENSSL_INIT_NO_ATEXIT | OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_LOAD_SSL_STRINGS |
                              OPENSSL_INIT_LOAD_CRYPTO_STRINGS,
                          NULL))
        return engine_collect(failure);
    OSSL_LIB_CTX *fresh = OSSL_LIB_CTX_new();
    if (fresh == NULL) return engine_collect(failure);
    if (OSSL_PROVIDER_load(fresh, "default") == NULL) {
        OSSL_LIB_CTX_free(fresh);
        return engine_collect(failure);
    }
    library = fresh;
    return 1;
}

const char *engine_version(void) { return OpenSSL_version(OPENSSL_VERSION); }

OSSL_LIB_CTX *engine_library(void) { return library; }

static pthread_mutex_t keylog_lock = PTHREAD_MUTEX_INITIALIZER;
static int keylog = -1;

int engine_set_keylog(const char *path) {
    int fd = -1;
    if (path != NULL) {
        /* Not blocking, so that a FIFO that nobody reads does not hold us up before it is
         * refused. */
        fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0600);
        if (fd < 0) return errno;
        struct stat status;
        if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
            close(fd);
            return EINVAL;
        }
    }
    pthread_mutex_lock(&keylog_lock);
    int old = keylog;
    keylog = fd;
    pthread_mutex_unlock(&keylog_lock);
    if (old >= 0) close(old);
    return 0;
}

/* One write for a line, so that lines of several processes do not mix. */
void engine_log_key(const SSL *ssl, const char *line) {
    (void)ssl;
    struct iovec parts[2] = {{(void *)line, strlen(line)}, {"\n", 1}};
    pthread_mutex_lock(&keylog_lock);
    while (keylog >= 0 && writev(keylog, parts, 2) < 0 && errno == EINTR) {
    }
    pthread_mutex_unlock(&keylog_lock);
}
