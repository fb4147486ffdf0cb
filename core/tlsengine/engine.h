/* OpenSSL as the Go side of this package uses it. Functions that can fail return 1 for success and
 * 0 with *failure filled in; those that operate on a session return an ENGINE_ status. None leaves
 * anything in OpenSSL's error queue. */
#ifndef OHSOCKET_TLSENGINE_H
#define OHSOCKET_TLSENGINE_H

#include <stddef.h>
#include <openssl/ssl.h>

/* Why something failed. */
typedef struct engine_failure {
    char text[256];     /* in words; empty: see library and reason */
    int library;        /* of OpenSSL (ERR_LIB_), 0: none */
    int reason;
    char reason_text[128];
    int alert_received; /* -1: none */
    int alert_sent;     /* -1: none */
    long verify;        /* X509_V_ERR_ */
    int certificate;    /* an option's certificate is the cause */
} engine_failure;

enum { ENGINE_HOST_MOST = 256 }; /* with its NUL */

enum { ENGINE_PIN_SIZE = 32 }; /* SHA-256 of a public key, as its certificate has it */

/* Ciphertext on its way to the peer. */
typedef struct engine_output {
    unsigned char *bytes;
    size_t size, capacity;
} engine_output;

/* How much memory it keeps when it is reset. */
enum { ENGINE_OUTPUT_KEPT = 256 * 1024 };

typedef struct engine_identity {
    EVP_PKEY *key;
    X509 *leaf;
    STACK_OF(X509) *chain; /* NULL: none */
    int standard;          /* one of those used when no name fits */
} engine_identity;

typedef struct engine_context {
    SSL_CTX *ssl;
    unsigned char *alpn;
    unsigned int alpn_size;
    engine_identity *identities;
    size_t identity_count;
    int verify_peer, optional; /* optional: a client that shows no certificate goes on */
    unsigned char id[32];      /* of sessions that are kept; see names.c */
    unsigned char (*pins)[ENGINE_PIN_SIZE];
    size_t pin_count;
} engine_context;

typedef struct engine_options {
    int server, prefer_remote_cipher, verify_peer, optional, no_tickets, keylog;
    int lowest, highest;            /* protocol versions, TLS1_2_VERSION ... */
    const char *cipher_list;        /* TLS 1.2 and below, NULL: default */
    const char *cipher_suites;      /* TLS 1.3, NULL: default */
    const char *signature_algorithms;
    const char *groups;
} engine_options;

enum { ENGINE_DONE, ENGINE_MORE, ENGINE_ENDED, ENGINE_FAILED };

/* How far a client's first messages have been looked at: records, and the messages in them. */
typedef struct engine_hello {
    unsigned char header[5];
    int header_size; /* of the record, that has come */
    int left;        /* bytes of the record */
    int message_size; /* of the message's header, that has come */
    int message_left; /* bytes of the message */
    int over;        /* other messages follow: nothing is looked at any more */
} engine_hello;

typedef struct engine_session {
    SSL *ssl;
    void *owner; /* for engine_resumable_session; NULL: sessions are not kept */
    /* The operation that runs. */
    const unsigned char *input;
    size_t input_left;
    engine_output *output;
    /* Its result. */
    size_t consumed, produced;
    int portion; /* how much more work this operation may do, see ENGINE_PORTION */
    int pending;     /* a read would give plaintext without more input */
    /* State. */
    int established; /* the handshake is done */
    int broken;      /* failed for good, failure says why */
    int verify;      /* the peer has to show a certificate; a server, that of host or ip */
    int optional;    /* but it may show none */
    char host[ENGINE_HOST_MOST];
    unsigned char ip[16];
    int ip_size;
    /* Writes, and the end, that wait for the rest of a handshake message of the peer. */
    unsigned char *deferred;
    size_t deferred_size;
    int deferred_end;
    /* Limits for what a peer sends, see limits.c. */
    /* key updates, other messages of the handshake, since there was data */
    int idle_updates, idle_messages;
    int too_many;                    /* there were more than ENGINE_IDLE_MESSAGES of one */
    int looks_at_hello; /* a server */
    engine_hello hello;
    engine_failure failure;
} engine_session;

enum { ENGINE_RECORD_HEADER = 5 };

/* An operation stops after that many reads of its input, two for each record, and a message of the
 * handshake counts as ENGINE_MESSAGE_COST of them; the rest of the input is for the next
 * operation. */
enum { ENGINE_PORTION = 256, ENGINE_MESSAGE_COST = 32 };

/* Key updates, and other messages of the handshake (tickets, wishes to negotiate again), that a
 * peer may send in a row after the handshake. */
enum { ENGINE_IDLE_MESSAGES = 32 };

enum { ENGINE_ALGORITHMS_MOST = 64 }; /* OpenSSL knows 26 */

/* What a handshake came to. The certificates are no references; the texts are OpenSSL's, the
 * suite's stays for ever. */
typedef struct engine_outcome {
    int version, resumed;
    const char *suite, *server_name, *group; /* NULL: none */
    const unsigned char *alpn;
    unsigned int alpn_size;
    X509 *local, *remote; /* NULL: none */
    STACK_OF(X509) *chain; /* as the peer has sent it, with remote or without; NULL: none */
    int algorithm_count;
    struct engine_algorithm {
        int key, hash; /* NID_ */
    } algorithms[ENGINE_ALGORITHMS_MOST];
} engine_outcome;

/* library.c */
int engine_start(engine_failure *failure);
const char *engine_version(void);
OSSL_LIB_CTX *engine_library(void);
int engine_set_keylog(const char *path); /* NULL: off. errno or 0 */
void engine_log_key(const SSL *ssl, const char *line);

/* failure.c */
void engine_no_failure(engine_failure *failure);
int engine_collect(engine_failure *failure); /* drains the error queue; 0 */
int engine_explain(engine_failure *failure, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* limits.c */
void engine_watch_messages(int sent, int version, int type, const void *message, size_t size, SSL *ssl, void *unused);
void engine_watch_renegotiation(engine_session *session);
/* what makes OpenSSL end the connection */
int engine_forge(const engine_session *session, unsigned char *bytes);
/* 0: refused, with an alert */
int engine_hello_fits(engine_session *session, const unsigned char *bytes, size_t size);
/* whether a limit was the reason; then failure has it in words */
int engine_limit_failed(engine_session *session);

/* memory.c */
void engine_trim(void); /* free memory of the process goes back to the system */
engine_output *engine_output_new(void);
void engine_output_free(engine_output *output);
void engine_output_shrink(engine_output *output);
int engine_output_reserve(engine_output *output, size_t more);
int engine_attach(engine_session *session); /* gives session->ssl its BIO */

/* pem.c */
/* 1, 0: there are no more, -1: damaged */
int engine_next_certificate(BIO *bio, X509 **certificate);
EVP_PKEY *engine_read_key(const void *pem, size_t size, const void *password, size_t password_size, int has_password,
                          engine_failure *failure);
X509_STORE *engine_store_new(void);
/* how many were read; skips the others */
int engine_store_add(X509_STORE *store, const void *pem, size_t size);
int engine_refuse_password(char *buffer, int size, int writing, void *unused);

/* context.c */
engine_context *engine_context_new(const engine_options *options, engine_failure *failure);
void engine_context_free(engine_context *context);
int engine_context_add_ca(engine_context *context, const void *pem, size_t size, int announce, engine_failure *failure);
void engine_context_limit_ca_names(engine_context *context);
int engine_context_set_alpn(engine_context *context, const void *list, size_t size, int server, engine_failure *failure);
/* by the name that the client sends */
void engine_context_choose_identity(engine_context *context);
/* id has 32 bytes */
int engine_context_set_id(engine_context *context, const void *id, engine_failure *failure);

/* pins.c */
/* pins has count of them */
int engine_context_set_pins(engine_context *context, const void *pins, size_t count, engine_failure *failure);

/* names.c */
/* other has ENGINE_HOST_MOST + 64 bytes; 0: there is none */
int engine_wildcard_only(const char *host, char *other);
int engine_has_host(X509 *certificate, const char *host);
int engine_same_name(SSL *ssl, const SSL_SESSION *session); /* of a client's hello and a session */
/* sessions that the server keeps are for the name in the hello; a client hello callback */
int engine_watch_hello(SSL *ssl, int *alert, void *context);

/* issuer.c */
/* of several certificates of one subject takes the one that has signed */
void engine_check_issuers(X509_STORE *store);

/* identity.c */
int engine_context_add_identity(engine_context *context, const void *key, size_t key_size, const void *password,
                                size_t password_size, int has_password, const void *certificate,
                                size_t certificate_size, engine_failure *failure);
void engine_identity_clear(engine_identity *identity);

/* lists.c */
SSL_CTX *engine_lists_new(engine_failure *failure); /* an SSL_CTX that knows every suite there is */
/* OpenSSL's name, NULL: no such suite */
const char *engine_find_suite(SSL_CTX *lists, const char *name, int *tls13);
enum engine_list { ENGINE_CIPHERS, ENGINE_SIGNATURES, ENGINE_GROUPS };
int engine_takes(SSL_CTX *lists, enum engine_list list, const char *element);

/* session.c */
engine_session *engine_session_new(engine_context *context, int server, void *owner, engine_failure *failure);
int engine_session_expect(engine_session *session, const char *host, const void *ip, int ip_size, X509_STORE *store);
void engine_session_free(engine_session *session);
int engine_handshake(engine_session *session, const void *input, size_t size, engine_output *output);
int engine_read(engine_session *session, const void *input, size_t size, void *plain, size_t capacity,
                engine_output *output);
int engine_write(engine_session *session, const void *plain, size_t size, engine_output *output);
int engine_shutdown(engine_session *session, engine_output *output);

/* info.c */
void engine_describe(SSL *ssl, engine_outcome *outcome);
/* the index-th certificate besides the peer's own; NULL: there are no more */
X509 *engine_issuer_sent(const engine_outcome *outcome, int index);
void engine_algorithm_name(int key, int hash, char *name, size_t capacity);
/* size, 0: none; to be freed with engine_free */
int engine_certificate(X509 *certificate, unsigned char **der);
int engine_session_has_expired(SSL_SESSION *session);
void engine_free(void *memory);
int engine_highest_version(engine_context *context);
const char *engine_enabled_suite(SSL *ssl, int index); /* NULL: there are no more */

/* In Go: takes the reference to session, which is one that the owner of the engine_session can
 * resume. */
extern void ohsocketResumableSession(void *owner, SSL_SESSION *session);

#endif
