/* TLS 1.3 as a transport of the load generators, by OpenSSL.
 *
 * One suite (TLS_AES_128_GCM_SHA256) and one group (X25519) are offered, so
 * that every server does the same work, whatever its own preference. The
 * certificate's chain is not checked: it is the server that is measured. */
#ifndef BENCH_TLS_CLIENT_H
#define BENCH_TLS_CLIENT_H

#include "transport.h"

extern const struct transport tls_transport;

/* From now on handshakes resume the newest session that a server gave; the
 * program fails if a server does not agree. */
void tls_client_resume(void);

#endif
