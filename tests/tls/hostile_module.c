/* Pretends to be an OpenSSL provider: whoever loads it leaves a mark. */
#include <fcntl.h>
#include <stdlib.h>

__attribute__((constructor)) static void mark(void)
{
    const char *path = getenv("HOSTILE_MARK");

    if (path != NULL)
        open(path, O_WRONLY | O_CREAT, 0600);
}

int OSSL_provider_init(void *handle, void *in, void *out, void *context);
int OSSL_provider_init(void *handle, void *in, void *out, void *context)
{
    (void)handle, (void)in, (void)out, (void)context;
    return 0;
}
