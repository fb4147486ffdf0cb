/*
 * ohsocket.h - event-driven TCP, UDP and TLS sockets and servers, callable from any language.
 *
 * The library has the sockets of OpenHarmony's network API (ohos.net.socket) for Linux. A
 * socket is an integer handle. Operations return at once. What happens afterwards is reported
 * as events, to listeners, on the thread of the socket's loop. By default the library runs the
 * loops on threads of its own, and nothing needs to be set up. A program that has an event loop
 * makes loops that it drives itself.
 *
 *     static void on_message(const socket_event *event, void *user_data) {
 *         (void)user_data;
 *         fwrite(event->data, 1, event->size, stdout);
 *         socket_close(event->socket, NULL, NULL);
 *     }
 *
 *     static void on_connected(socket_handle tcp, int error, void *user_data) {
 *         (void)user_data;
 *         if (error < 0) {
 *             fprintf(stderr, "connect: %s\n", socket_strerror(error));
 *             return;
 *         }
 *         socket_send(tcp, "Hello, server!", 14, NULL, NULL);
 *     }
 *
 *     int main(void) {
 *         socket_connect_options to = SOCKET_CONNECT_OPTIONS_INIT;
 *         to.address.address = "127.0.0.1";
 *         to.address.port = 5678;
 *         socket_handle tcp = socket_construct_tcp();
 *         socket_on(tcp, SOCKET_EVENT_MESSAGE, on_message, NULL);
 *         socket_connect(tcp, &to, on_connected, NULL);
 *         socket_run();
 *         return socket_release(tcp);
 *     }
 *
 *     cc hello.c -o hello $(pkg-config --cflags --libs ohsocket)
 *
 * RULES
 *
 * Results. A function that succeeds returns >= 0: 0, a handle or a size. A function that fails
 * returns minus an error code, e.g. -SOCKET_ERROR_CONNREFUSED. The lists below name the codes
 * without the sign. Two codes are possible everywhere and are not listed: SOCKET_ERROR_BADF,
 * because the handle is not valid or not valid any more, and SOCKET_ERROR_FORKED (see Fork).
 *
 * Arguments. If an argument is NULL where that is not allowed, or out of range, the function
 * returns -SOCKET_ERROR_PARAMETER and has done nothing. A pointer that is not NULL must be
 * valid. The library copies everything before the function returns: data, addresses and options
 * are the caller's again. Nothing that a function returns has to be freed.
 *
 * Structs. Set up a struct that begins with struct_size with its _INIT macro. A struct_size
 * that the library does not know is SOCKET_ERROR_PARAMETER. Zero in a member means its default.
 * socket_address, socket_buffer and socket_event have no struct_size, because they never
 * change.
 *
 * Completions. The last two parameters of an operation are a completion and its user_data. If
 * the call returns < 0, the completion never runs. If it returns >= 0, the completion runs
 * exactly once, whatever happens, after the call has returned. Completions of sends come in the
 * order of the sends.
 *
 * Order. Operations on one socket take effect in the order of the calls: a program can call
 * connect, send and close one after the other, and all of them happen. Between its opening and
 * its close event a socket reports, in this order and as far as they occur: listening (UDP,
 * servers), connect, message..., end, error, close. drain may come in between. connect,
 * listening and close come before the completion of the operation that caused them. If a
 * connect fails, only its completion runs. Exception: a close waits behind queued sends; then
 * error and close follow.
 *
 * Close and release. socket_close ends an open period, not the handle. The library sends queued
 * bytes; then the close event and the completion come. The handle keeps its listeners and
 * options, and can be bound, connected or listen again. socket_release ends the handle: it is
 * invalid at once. The socket closes as by socket_close; its listeners are not called again,
 * but completions still come. Release every handle from a construct function once.
 * socket_shutdown and socket_loop_close release too; a release after that returns
 * -SOCKET_ERROR_BADF. Connections of a server release themselves after their close event.
 * socket_abort closes without sending.
 *
 * Half close. After the end event the library still sends queued bytes, and bytes that the end
 * listener sends. Then it closes the socket. With SOCKET_OPTION_ALLOW_HALF_OPEN it stays open
 * for sending until socket_close.
 *
 * Bounds. If a send would grow the queue over SOCKET_OPTION_SEND_QUEUE_LIMIT, it returns
 * -SOCKET_ERROR_AGAIN and takes nothing; a drain event tells when to go on. Before it refuses,
 * the library writes gathered bytes (see below). An empty queue takes a send of any size.
 *
 * Reading. Reading starts with the first message listener. It stops with socket_pause, or when
 * the last one is removed. The library queues no received bytes: those that are not read wait
 * in the kernel, and hide an end or a reset behind them. The library sees it when they have
 * been read, or when a send has failed. SOCKET_OPTION_IDLE_TIMEOUT finds peers that have
 * disappeared.
 *
 * Gathering. Sends made inside a callback of the socket's loop are written together when the
 * callback returns; sends from elsewhere are written at once. socket_flush writes earlier.
 *
 * TLS. Use a TLS client or server as a TCP one, with the secure options in the options of
 * connect or listen. The library verifies the peer's certificate and name unless the options
 * say otherwise. connect completes, and a server's connect event comes, when the handshake is
 * done. If a stream ends without close_notify, what had arrived is delivered, then the error
 * SOCKET_ERROR_TLS_SYSTEM_CALL follows. docs/guide/tls.md explains options and errors.
 *
 * THREADS
 *
 * Every function may be called from every thread at any time, also inside callbacks.
 * Exceptions: inside a callback of a default loop, socket_run and socket_shutdown return
 * -SOCKET_ERROR_DEADLK. While a loop is in use, by another thread or by the callback that
 * calls, socket_loop_run, socket_loop_poll and socket_loop_close of it return
 * -SOCKET_ERROR_ALREADY.
 *
 * Callbacks of one loop run one at a time on its thread, with no lock held. They never run
 * inside another callback or any call but socket_loop_run and socket_loop_close. A callback
 * that takes long delays the sockets of its own loop only. Only socket_run, socket_shutdown,
 * socket_loop_run and socket_loop_poll wait for anything.
 *
 * A call happens before the callbacks that it causes, and these happen before the return of the
 * call that waits for them. Data that is passed on in this way needs no lock. ThreadSanitizer
 * sees it so too.
 *
 * If socket_off or socket_release is called on the loop's thread, the listener is not called
 * again. If it is called on another thread, one call may still be running; a function given to
 * socket_loop_post afterwards runs after it.
 *
 * PROCESS
 *
 * Fork. After fork() without exec every function returns -SOCKET_ERROR_FORKED in the child,
 * except socket_strerror, socket_error_name, socket_error_category, socket_version and
 * socket_version_number. The parent is not affected. Load the library after the fork, or exec.
 * A program that is linked with the library loads it at its start, so it cannot use daemon(3).
 * All descriptors of the library are close-on-exec.
 *
 * Signals. Threads of the library block all signals but those that the Go runtime needs
 * (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF, SIGURG, SIGPIPE).
 * Signals of the program are therefore delivered to threads of the program. No write raises
 * SIGPIPE. Loading the library installs handlers for SIGSEGV, SIGBUS, SIGFPE, SIGPIPE and
 * SIGURG, which pass on signals that are not the library's, and sets SA_ONSTACK on the
 * program's handlers. Handlers that the program installs later must have SA_ONSTACK. They run
 * on the stack that the thread has set with sigaltstack before its first call, or, without one,
 * on a stack of 32 KiB. A fault of the program's own code, in a callback too, goes to the
 * handler that the program had before loading, or ends it by that signal.
 *
 * Call nothing inside a signal handler, because functions take locks. Block the signal before
 * threads start and take it with sigwait on a thread, or let the handler write to a pipe.
 * socket_run goes on when a handler returns. RLIMIT_NOFILE is left as it was.
 *
 * Unloading. The library stays loaded: dlclose has no effect. socket_shutdown ends the default
 * loops. Their threads stay, idle, as do others of the Go runtime.
 *
 * WHAT MAY BE CALLED WHEN
 *
 * The tables have the error of a call in each state, without SOCKET_ERROR_. "ok" is 0 or a
 * size. "closing" is from socket_close to its completion. A function that is not for a socket
 * of this kind returns NOTSUP.
 *
 *     TCP client          new, closed  bound    connecting  connected  after end  closing
 *     bind, adopt         ok           INVAL    INVAL       INVAL      INVAL      ALREADY
 *     connect             ok           ok       ALREADY     ISCONN     ISCONN     ALREADY
 *     send, sendv, end    BADF         NOTCONN  ok, queued  ok         SHUTDOWN   SHUTDOWN
 *     close               OTHER        ok       ok          ok         ok         ok, joins
 *     abort               OTHER        ok       ok          ok         ok         ok
 *     flush               BADF         NOTCONN  ok          ok         ok         ok
 *     set_extra_options   BADF         ok       ok          ok         ok         BADF
 *     get_local_address,
 *       get_fd            BADF         ok       if bound    ok         ok         while open
 *     get_remote_address  BADF         NOTCONN  NOTCONN     ok         ok         while open
 *
 * TCP connection (of a server): as a connected TCP client, but bind, listen, connect and adopt
 * return NOTSUP, and send, sendv and end after end or close SERVER_SHUTDOWN.
 *
 *     TCP server          new, closed  listening     closing
 *     listen, adopt       ok           SERVER_INVAL  SERVER_ALREADY
 *     close, abort        OTHER        ok            ok
 *     set_extra_options   SERVER_BADF  ok            SERVER_BADF
 *     get_local_address,
 *       get_fd            BADF         ok            while open
 *
 *     UDP                 new, closed  bound        connecting  connected  closing
 *     bind, adopt         ok           INVAL        INVAL       INVAL      ALREADY
 *     connect             ok           ok           ALREADY     ISCONN     ALREADY
 *     send, sendv         BADF         DESTADDRREQ  ok, queued  ok         SHUTDOWN
 *     send_to             BADF         ok           ok, queued  ok         SHUTDOWN
 *     close, abort        OTHER        ok           ok          ok         ok
 *     join_group          BADF         ok           if bound    ok         BADF
 *     leave_group         BADF         if member    if bound    ok         BADF
 *
 * Multicast: as UDP, but join_group of a socket that is new or closed opens it.
 *
 * TLS client, connection and server: as TCP, with SERVER_ before the name. BADF, SERVER_BADF
 * and OTHER above are TLS_NOT_BOUND. NOTCONN of send, end and flush is TLS_SESSION. An empty
 * send is PARAMETER.
 *
 * on, off, subscribe, set_option, get_option, get_state, pause, resume and release: ok in all
 * states.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OHSOCKET_H
#define OHSOCKET_H

#include <stddef.h>
#include <stdint.h>

#include "ohsocket_errors.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- Version ----------------------------------------------------------------------------- */

/*
 * The version of this header. Within one major version programs go on working with later
 * libraries without being compiled again.
 */
#define SOCKET_VERSION_MAJOR 1
#define SOCKET_VERSION_MINOR 0
#define SOCKET_VERSION_PATCH 0
#define SOCKET_VERSION_HEX 0x010000
#define SOCKET_VERSION_STRING "1.0.0"

/* ---- Handles ----------------------------------------------------------------------------- */

/*
 * A socket: positive, below 2^52, so exact as a double. 0 is never a handle. Valid until
 * socket_release; the number does not soon come back.
 */
typedef int64_t socket_handle;

/* A loop: positive, below 2^53. 0 stands for the default loops where a function allows it. */
typedef int64_t socket_loop;

/* ---- Constants --------------------------------------------------------------------------- */

/* SOCKET_KIND_* says what a handle names. */
enum {
    /* A TCP client. */
    SOCKET_KIND_TCP = 1,
    /* A listening TCP socket. */
    SOCKET_KIND_TCP_SERVER = 2,
    /* A client accepted by a server; made by the library only. */
    SOCKET_KIND_TCP_CONNECTION = 3,
    /* A UDP socket. */
    SOCKET_KIND_UDP = 4,
    /* A TLS client. */
    SOCKET_KIND_TLS = 5,
    /* A listening TLS socket. */
    SOCKET_KIND_TLS_SERVER = 6,
    /* A client accepted by a TLS server; made by the library only. */
    SOCKET_KIND_TLS_CONNECTION = 7,
    /* A UDP socket for multicast groups. */
    SOCKET_KIND_MULTICAST = 8
};

/* SOCKET_FAMILY_* says which addresses are meant. The numbers are part of the ABI. */
enum {
    /* Whatever the address is; a name may have any */
    SOCKET_FAMILY_UNSPECIFIED = 0,
    SOCKET_FAMILY_IPV4 = 1,
    SOCKET_FAMILY_IPV6 = 2,
    /* A name, all its addresses; a literal is accepted as well */
    SOCKET_FAMILY_DOMAIN = 3
};

/*
 * SOCKET_EVENT_* says what happened. A mask of events, as socket_subscribe takes it, has bit 1
 * << type set for each.
 */
enum {
    /*
     * The connection is established; on a server, a client has arrived and the event's
     * connection is its handle.
     */
    SOCKET_EVENT_CONNECT = 1,
    /* Bytes of a stream, or one whole datagram, have arrived. */
    SOCKET_EVENT_MESSAGE = 2,
    /* The peer sends no more (once, after the last message). */
    SOCKET_EVENT_END = 3,
    /* After a refused send the queue has fallen under half its limit. */
    SOCKET_EVENT_DRAIN = 4,
    /*
     * The connection has failed; close follows. On UDP sockets and servers it is a notice, and
     * the socket goes on. On a TLS server, remote is the client whose handshake has failed.
     */
    SOCKET_EVENT_ERROR = 5,
    /* The open period is over; the last event of it. */
    SOCKET_EVENT_CLOSE = 6,
    /* A UDP socket is bound, or a server is listening. */
    SOCKET_EVENT_LISTENING = 7,
    /* An operation is complete. Records only; callbacks get a socket_completion instead. */
    SOCKET_EVENT_COMPLETION = 8,
    /* Posted work without a function. Records only. */
    SOCKET_EVENT_POST = 9,
    /* A timer without a function has expired. Records only. */
    SOCKET_EVENT_TIMER = 10
};

/* The bit of an event in the mask of socket_subscribe. */
#define SOCKET_EVENT_MASK(type) (1u << (type))

/* SOCKET_OPERATION_* says which kind of call a completion belongs to. */
enum {
    /* socket_connect. */
    SOCKET_OPERATION_CONNECT = 1,
    /* socket_send, socket_sendv or socket_send_to. */
    SOCKET_OPERATION_SEND = 2,
    /* socket_end. */
    SOCKET_OPERATION_END = 3,
    /* socket_close. */
    SOCKET_OPERATION_CLOSE = 4
};

/* SOCKET_LOOP_* says how the events of a host-driven loop are consumed. */
enum {
    /* socket_loop_run calls listeners and completions. */
    SOCKET_LOOP_CALLBACKS = 1,
    /* socket_loop_poll fills an array of socket_event. */
    SOCKET_LOOP_RECORDS = 2
};

/* Field bits of socket_extra_options: they name which of its members apply. */
enum {
    /* keep_alive applies. TCP. */
    SOCKET_EXTRA_KEEP_ALIVE = 0x1,
    /* oob_inline applies. TCP. */
    SOCKET_EXTRA_OOB_INLINE = 0x2,
    /* tcp_no_delay applies. TCP. */
    SOCKET_EXTRA_TCP_NO_DELAY = 0x4,
    /* linger_on and linger_ms apply. TCP. */
    SOCKET_EXTRA_LINGER = 0x8,
    /* receive_buffer_size applies. */
    SOCKET_EXTRA_RECEIVE_BUFFER_SIZE = 0x10,
    /* send_buffer_size applies. */
    SOCKET_EXTRA_SEND_BUFFER_SIZE = 0x20,
    /* reuse_address applies. */
    SOCKET_EXTRA_REUSE_ADDRESS = 0x40,
    /* socket_timeout_ms applies. */
    SOCKET_EXTRA_SOCKET_TIMEOUT = 0x80,
    /* broadcast applies. UDP. */
    SOCKET_EXTRA_BROADCAST = 0x100
};

/*
 * SOCKET_OPTION_* names a setting of the library that can be read and set at any time, before
 * the socket is open too.
 */
enum {
    /*
     * Bytes that may wait to be sent before a send is refused; a completion that has not run
     * counts as 64, and a datagram 64 besides its bytes. 1 to 1073741824, default 16777216 (16
     * MiB).
     */
    SOCKET_OPTION_SEND_QUEUE_LIMIT = 1,
    /*
     * Milliseconds without a byte received or sent after which a connection fails with
     * SOCKET_ERROR_TIMEDOUT. 0 to 86400000, default 0: never.
     */
    SOCKET_OPTION_IDLE_TIMEOUT = 2,
    /*
     * Milliseconds that a close waits for the peer. On a TLS server: for the handshakes of its
     * clients. 1 to 86400000, default 2000.
     */
    SOCKET_OPTION_CLOSE_TIMEOUT = 3,
    /*
     * 1: the socket stays writable after the peer's end until it is closed. 0 (default): the
     * library closes it when its queue is empty.
     */
    SOCKET_OPTION_ALLOW_HALF_OPEN = 4,
    /*
     * Seconds of silence before the first keep-alive probe. 0 to 32767, default 0: the
     * kernel's. Takes effect with keep_alive.
     */
    SOCKET_OPTION_KEEP_ALIVE_IDLE = 5,
    /* Seconds between probes. 0 to 32767, default 0: the kernel's. */
    SOCKET_OPTION_KEEP_ALIVE_INTERVAL = 6,
    /* Unanswered probes that end the connection. 0 to 127, default 0: the kernel's. */
    SOCKET_OPTION_KEEP_ALIVE_COUNT = 7,
    /*
     * 1: several sockets may be bound to one address and port, and the kernel spreads clients
     * or datagrams over them. Set before bind. Default 0.
     */
    SOCKET_OPTION_REUSE_PORT = 8,
    /* SO_REUSEADDR. Set before bind. Default 0 (1 on servers and multicast sockets). */
    SOCKET_OPTION_REUSE_ADDRESS = 9,
    /* 1: a socket bound to :: takes no IPv4. Set before bind. Default 0. */
    SOCKET_OPTION_IPV6_ONLY = 10,
    /*
     * Milliseconds that a TLS server gives a client for its handshake. 1 to 86400000, default
     * 30000.
     */
    SOCKET_OPTION_HANDSHAKE_TIMEOUT = 11,
    /*
     * The maximum number of clients of a TLS server whose connect event has not come yet,
     * because their handshakes are in progress. When it is reached, further clients wait in the
     * kernel's backlog. 0 (no limit) to 1073741824, default: half of the descriptors that the
     * process may have (RLIMIT_NOFILE), 16384 at most.
     */
    SOCKET_OPTION_HANDSHAKE_LIMIT = 12,
    /*
     * UDP: how many networks a datagram for a group may cross, the first included. 0 (this
     * machine only) to 255, default 1.
     */
    SOCKET_OPTION_MULTICAST_TTL = 13,
    /*
     * UDP: 1: members on this machine, this socket too, receive what it sends to a group.
     * Default 1.
     */
    SOCKET_OPTION_MULTICAST_LOOPBACK = 14,
    /*
     * UDP: the index (if_nametoindex) of the interface by which datagrams for groups leave.
     * Default 0: the route's. An address with a zone has its own.
     */
    SOCKET_OPTION_MULTICAST_INTERFACE = 15
};

/* Protocol bits of socket_tls_options. */
enum {
    /* TLS 1.2. */
    SOCKET_PROTOCOL_TLS12 = 0x1,
    /* TLS 1.3. */
    SOCKET_PROTOCOL_TLS13 = 0x2
};

/* What a program can do about an error: socket_error_category. */
enum {
    /* Success */
    SOCKET_CATEGORY_NONE = 0,
    /* The call cannot work as made: bad argument, wrong state, not supported */
    SOCKET_CATEGORY_USAGE = 1,
    /* The operation failed in a way that no other category describes */
    SOCKET_CATEGORY_IO = 2,
    /* The connection has ended, or the operation was cancelled by a close */
    SOCKET_CATEGORY_CLOSED = 3,
    /* The time allowed has passed */
    SOCKET_CATEGORY_TIMEOUT = 4,
    /* Nothing is wrong; the same call may succeed when it is repeated */
    SOCKET_CATEGORY_AGAIN = 5,
    /* The process or the system is out of descriptors, memory or space */
    SOCKET_CATEGORY_RESOURCE = 6,
    /* The address is in use or is not one of this machine's */
    SOCKET_CATEGORY_ADDRESS = 7,
    /* The peer refused or there is no way to it */
    SOCKET_CATEGORY_UNREACHABLE = 8,
    /* The system or a proxy denies it */
    SOCKET_CATEGORY_PERMISSION = 9,
    /* The host name has no address */
    SOCKET_CATEGORY_RESOLVE = 10,
    /* The TLS session failed: handshake, certificate, record layer */
    SOCKET_CATEGORY_TLS = 11,
    /* A defect of the library or a code that it does not know */
    SOCKET_CATEGORY_INTERNAL = 12
};

/* ---- Structs ----------------------------------------------------------------------------- */

/* socket_address is one end of a connection. Its layout never changes. */
typedef struct socket_address {
    /*
     * Numeric address (IPv6 with %zone where it has one) or, where the function allows it, a
     * host name. NUL-terminated.
     */
    const char *address;
    /* 0 to 65535, in host byte order. */
    int32_t port;
    /* SOCKET_FAMILY_*. */
    int32_t family;
} socket_address;

/*
 * socket_buffer is a piece of what socket_sendv sends. Its layout is that of struct iovec and
 * never changes.
 */
typedef struct socket_buffer {
    /* The bytes; may be NULL when size is 0. */
    const void *data;
    /* Their number. */
    size_t size;
} socket_buffer;

/*
 * socket_event describes what happened, to a listener or as a record. It is filled by the
 * library and is read-only. It points to memory of the library. That is valid until the
 * listener returns or, for a record, until the next socket_loop_poll or socket_loop_close of
 * that loop. Its layout (96 bytes) never changes; a later version may give meaning to the
 * reserved fields.
 */
typedef struct socket_event {
    /* SOCKET_EVENT_*. */
    int32_t type;
    /* Completion records: SOCKET_OPERATION_*; otherwise 0. */
    int32_t operation;
    /* The socket it happened to; 0 for posted work and timers. */
    socket_handle socket;
    /* Records: the user_data of socket_subscribe or of the operation. */
    void *user_data;
    /*
     * 0 or a negative error code: error events and completion records; a close event has the
     * error that ended the period.
     */
    int32_t error;
    int32_t reserved;
    /* Message: the bytes. Never NULL for a message, even an empty datagram. */
    const void *data;
    /* Message: their number; timer records: the timer's id. */
    size_t size;
    /* Connect events of a server: the accepted client, otherwise 0. */
    socket_handle connection;
    /*
     * Message and server connect events: the sender; error events of a TLS server: the client;
     * otherwise address is NULL.
     */
    socket_address remote;
    uint64_t reserved2[3];
} socket_event;

/* socket_tls_identity is a certificate with its key. Its layout never changes. */
typedef struct socket_tls_identity {
    /* PEM: the certificate, then those between it and the root, if any. */
    const char *cert;
    /*
     * PEM: the private key of the first certificate: PKCS#8, PKCS#1 or SEC1; RSA, EC, Ed25519
     * or Ed448.
     */
    const char *key;
    /* The pass phrase of an encrypted key. NULL: it is not encrypted. */
    const char *password;
} socket_tls_identity;

/*
 * socket_tls_options are the secure options of a TLS socket. Zero means default. Texts are
 * NUL-terminated: PEM up to 1 MiB each, lists up to 16 KiB, pass phrases up to 1 KiB,
 * server_name up to 253 bytes. For a SOCKET_ERROR_PARAMETER socket_get_error_detail names the
 * member. Nobody is ever asked for a pass phrase.
 */
typedef struct socket_tls_options {
    /* sizeof(socket_tls_options); SOCKET_TLS_OPTIONS_INIT sets it. */
    uint32_t struct_size;
    /* SOCKET_PROTOCOL_* bits. 0: TLS 1.2 and 1.3, which are all there are. */
    uint32_t protocols;
    /*
     * Certificate and key. A server must have one; a client that has one shows it when the
     * server asks.
     */
    socket_tls_identity identity;
    /*
     * Servers: further identities. A client that names a host (SNI) gets the first whose
     * certificate is for that host; any other client gets the first of all. If several
     * certificates are for the same host, the client gets one whose kind of key it knows.
     */
    const socket_tls_identity *more_identities;
    /*
     * PEM: the authorities to trust, each text with one or several certificates. They replace
     * the system's store. NULL: the system's store.
     */
    const char *const *ca;
    /*
     * Names of OpenSSL, separated by colons, TLS 1.2 and 1.3 mixed:
     * "ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256". Suites of one version only exclude
     * the other, unless protocols names both: the other then has its default suites. NULL:
     * OpenSSL's defaults.
     */
    const char *cipher_suite;
    /*
     * Names of OpenSSL, separated by colons: "rsa_pss_rsae_sha256:ECDSA+SHA256". NULL:
     * OpenSSL's defaults.
     */
    const char *signature_algorithms;
    /*
     * Application protocols (1 to 255 bytes each), the most wanted first: {"h2", "http/1.1"}. A
     * server chooses, in its own order; if both sides name some and none is common the
     * handshake fails.
     */
    const char *const *alpn_protocols;
    /*
     * Clients: the name or IP address that the server's certificate must have; a name is sent
     * as SNI. NULL: the address that was given to connect.
     */
    const char *server_name;
    /* Number of more_identities, 0 to 1000. */
    int32_t more_identity_count;
    /* Number of ca, 0 to 1000. */
    int32_t ca_count;
    /* Number of alpn_protocols, 0 to 100. */
    int32_t alpn_protocol_count;
    /* Servers, 1: the client's order of cipher suites counts. 0: the server's own. */
    int32_t use_remote_cipher_prefer;
    /* Clients, 1: any certificate is accepted, for testing only. 0: it is verified. */
    int32_t skip_remote_validation;
    /*
     * Servers, 1: a client must show a certificate that ca (or the system's store) vouches for.
     */
    int32_t is_bidirectional_authentication;
    /*
     * 1: sessions are not resumed. 0: a client resumes sessions that were verified with the
     * same options, name and port; servers give tickets.
     */
    int32_t no_session_resumption;
    /*
     * Servers, 1: a client is asked for a certificate and may go on without one. One that it
     * shows has to be vouched for. Not together with is_bidirectional_authentication.
     */
    int32_t optional_client_certificate;
    /*
     * Groups of the key exchange by OpenSSL's names, the most wanted first, separated by
     * colons: "X25519MLKEM768:X25519:P-256". With TLS 1.2 the curves of certificates have to be
     * among them. NULL: OpenSSL's defaults.
     */
    const char *groups;
    /*
     * SHA-256 of public keys in base64 ("sha256//..." as curl has it, or without), or in
     * hexadecimal. The peer's chain must have one of these keys. If the peer is not verified
     * (skip_remote_validation) its own certificate must. Servers: only if they ask for
     * certificates.
     */
    const char *const *pins;
    /* Number of pins, 0 to 100. */
    int32_t pin_count;
    int32_t reserved;
} socket_tls_options;

/* socket_listen_options says where a server listens. Zero means default. */
typedef struct socket_listen_options {
    /* sizeof(socket_listen_options); SOCKET_LISTEN_OPTIONS_INIT sets it. */
    uint32_t struct_size;
    /*
     * Connections the kernel keeps for the server to accept. 0: the system's maximum. 0 to
     * 65535.
     */
    int32_t backlog;
    /* A numeric address or "localhost". Port 0: any free one. */
    socket_address address;
    /* TLS servers: the secure options. NULL: those of socket_tls_set_secure_options. */
    const socket_tls_options *tls;
} socket_listen_options;

/* socket_connect_options says where a client connects to. Zero means default. */
typedef struct socket_connect_options {
    /* sizeof(socket_connect_options); SOCKET_CONNECT_OPTIONS_INIT sets it. */
    uint32_t struct_size;
    /*
     * Milliseconds for name look-up, connection and TLS handshake together. 0: 5000. 0 to
     * 86400000.
     */
    int32_t timeout_ms;
    /* A numeric address or a host name. Port 1 to 65535. */
    socket_address address;
    /*
     * TLS clients: the secure options. NULL: those of socket_tls_set_secure_options, or the
     * defaults.
     */
    const socket_tls_options *tls;
} socket_connect_options;

/* socket_multicast_group says which group is joined or left. Zero means default. */
typedef struct socket_multicast_group {
    /* sizeof(socket_multicast_group); SOCKET_MULTICAST_GROUP_INIT sets it. */
    uint32_t struct_size;
    uint32_t reserved;
    /*
     * The group: a numeric address. A multicast socket that is not open is bound to its port
     * (0: any free one); otherwise the port means nothing. The zone of an IPv6 address
     * ("ff02::1%eth0") names the interface.
     */
    socket_address address;
    /*
     * The interface on which to be a member: its name or its index as text. NULL: the zone of
     * the address, or else the interface of the route to the group.
     */
    const char *interface;
    /* Only datagrams of this sender are wanted: a numeric address. NULL: of any sender. */
    const char *source;
} socket_multicast_group;

/*
 * socket_extra_options are the options of setExtraOptions. Only members named in fields are
 * looked at. Booleans are 0 or 1.
 */
typedef struct socket_extra_options {
    /* sizeof(socket_extra_options); SOCKET_EXTRA_OPTIONS_INIT sets it. */
    uint32_t struct_size;
    /* SOCKET_EXTRA_* bits of the members that apply. */
    uint32_t fields;
    /* SO_KEEPALIVE. Default 0. */
    int32_t keep_alive;
    /* SO_OOBINLINE. Default 0. */
    int32_t oob_inline;
    /* TCP_NODELAY. Default 0. */
    int32_t tcp_no_delay;
    /*
     * 1: close waits linger_ms for the peer; with linger_ms 0 it resets the connection. 0
     * (default): SOCKET_OPTION_CLOSE_TIMEOUT counts.
     */
    int32_t linger_on;
    /* Milliseconds, 0 to 65535. */
    int32_t linger_ms;
    /*
     * SO_RCVBUF in bytes, 0 to 262144 (the kernel doubles it and has a minimum); any other
     * number means 8192. Unset: the kernel's default.
     */
    int32_t receive_buffer_size;
    /* SO_SNDBUF in bytes, as receive_buffer_size. */
    int32_t send_buffer_size;
    /* SO_REUSEADDR. Default 0 (1 on servers). */
    int32_t reuse_address;
    /*
     * Milliseconds that queued data may wait without any of it being sent before the connection
     * fails with SOCKET_ERROR_TIMEDOUT. 0 (default): no limit. Negative: SOCKET_ERROR_DOM.
     */
    int32_t socket_timeout_ms;
    /* SO_BROADCAST. Default 0. */
    int32_t broadcast;
} socket_extra_options;

/* socket_state_info holds the answer of socket_get_state. */
typedef struct socket_state_info {
    /* sizeof(socket_state_info); SOCKET_STATE_INFO_INIT sets it. */
    uint32_t struct_size;
    /* 1 when the socket has a local address and port. */
    int32_t is_bound;
    /* 1 when the socket has a peer; on a server, when it has a client. */
    int32_t is_connected;
    /* 1 after a close, whoever closed, until the socket is opened again. */
    int32_t is_close;
} socket_state_info;

/*
 * socket_stats holds the answer of socket_get_stats: counts since the library was loaded, or
 * present numbers where it says Live. When a listener is called, its event is counted already.
 */
typedef struct socket_stats {
    /* sizeof(socket_stats); SOCKET_STATS_INIT sets it. */
    uint32_t struct_size;
    uint32_t reserved;
    /* Live socket handles. */
    uint64_t sockets;
    /* Live loops, the default ones included. */
    uint64_t loops;
    /* Live: bytes in send queues. */
    uint64_t queued_bytes;
    /* Live: bytes of buffer memory outside the Go heap. */
    uint64_t buffer_bytes;
    /* Live: bytes of the Go heap in use. */
    uint64_t go_heap_bytes;
    /* Live: goroutines of the library. */
    uint64_t goroutines;
    /* Bytes received. */
    uint64_t bytes_received;
    /* Bytes given to the kernel. */
    uint64_t bytes_sent;
    /* Message events made. */
    uint64_t messages_received;
    /* Sends accepted. */
    uint64_t messages_sent;
    /* Connections accepted by servers. */
    uint64_t connections_accepted;
    /* Times a loop has looked for events. */
    uint64_t loop_iterations;
    /* Failures inside the library that it has survived; each is a defect of it. */
    uint64_t internal_errors;
    /*
     * Live: clients of TLS servers whose connect event has not come yet, because their
     * handshakes are in progress.
     */
    uint64_t tls_handshakes;
    /* Live: TLS connections, also those whose handshakes run. */
    uint64_t tls_sessions;
    /* Live: different sets of secure options that sockets use. */
    uint64_t tls_contexts;
    /* The limit that socket_set_total_queue_limit has set, 0 if there is none. */
    uint64_t total_queue_limit;
    /*
     * Live: bytes in send queues that count against this limit. The first 64 KiB of each queue
     * do not; completions that have not run and datagrams count 64 bytes besides.
     */
    uint64_t total_queue_bytes;
    /* Sends refused for this limit. */
    uint64_t total_queue_refusals;
} socket_stats;

#define SOCKET_TLS_OPTIONS_INIT \
    { sizeof(socket_tls_options), 0, { NULL, NULL, NULL }, NULL, NULL, NULL, NULL, NULL, NULL, \
    0, 0, 0, 0, 0, 0, 0, 0, NULL, NULL, 0, 0 }
#define SOCKET_LISTEN_OPTIONS_INIT \
    { sizeof(socket_listen_options), 0, { NULL, 0, 0 }, NULL }
#define SOCKET_CONNECT_OPTIONS_INIT \
    { sizeof(socket_connect_options), 0, { NULL, 0, 0 }, NULL }
#define SOCKET_MULTICAST_GROUP_INIT \
    { sizeof(socket_multicast_group), 0, { NULL, 0, 0 }, NULL, NULL }
#define SOCKET_EXTRA_OPTIONS_INIT \
    { sizeof(socket_extra_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define SOCKET_STATE_INFO_INIT \
    { sizeof(socket_state_info), 0, 0, 0 }
#define SOCKET_STATS_INIT \
    { sizeof(socket_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* ---- Callbacks --------------------------------------------------------------------------- */

/*
 * A listener may call anything. event and what it points to are valid until it returns.
 * user_data is what was given to socket_on; the library never looks at it. It may be freed once
 * the listener cannot be called any more: in the completion of close, or after socket_off or
 * socket_release on the loop's thread. Do not leave a callback by longjmp, pthread_exit or a
 * C++ exception.
 */
typedef void (*socket_listener)(const socket_event *event, void *user_data);

/*
 * A completion (see Completions above). error is 0 or a negative code. Pass NULL if no
 * completion is wanted.
 */
typedef void (*socket_completion)(socket_handle socket, int error, void *user_data);

/* A posted function or the function of a timer. */
typedef void (*socket_function)(void *user_data);

/*
 * Pass this as the completion when the socket's loop is in record mode. The completion then
 * arrives as a SOCKET_EVENT_COMPLETION record with the operation's user_data. Any other value
 * but NULL has the same effect there; it is never called.
 */
#define SOCKET_RECORD ((socket_completion)1)

/* ---- Sockets of every kind --------------------------------------------------------------- */

/*
 * socket_construct makes a socket of a kind (SOCKET_KIND_*) on a loop; loop 0 is a default
 * loop. A program can make kinds TCP, TCP_SERVER, UDP, MULTICAST, TLS and TLS_SERVER.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: kind is none of these.
 *   - SOCKET_ERROR_BADF: the loop is not valid.
 *   - SOCKET_ERROR_MFILE: no handle (of about a million) or descriptor is left.
 */
socket_handle socket_construct(socket_loop loop, int kind);

/*
 * socket_release gives the handle back; a socket that is open is closed as by socket_close,
 * which sends what is queued. The handle is invalid when this returns. Its listeners are not
 * called any more, not even for the close event; a call on another thread may still be running.
 * Completions that were promised still come.
 */
int socket_release(socket_handle socket);

/*
 * socket_on adds a listener of an event (SOCKET_EVENT_CONNECT to _LISTENING), at any time.
 * Listeners of one event are called in the order in which they were added. Adding the same
 * listener and user_data again changes nothing. A listener added inside a callback is first
 * called for the next event. If a listener closes the socket, the remaining listeners still
 * receive the current event. The first message listener starts reading, the first connect
 * listener of a server starts accepting.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: no such event, or no listener.
 *   - SOCKET_ERROR_NOTSUP: the socket's loop is in record mode.
 */
int socket_on(socket_handle socket, int event, socket_listener listener, void *user_data);

/*
 * socket_off removes the listener that was added with this function and user_data, or, if
 * listener is NULL, all listeners of the event. If it is called on the loop's thread, the
 * listener is not called again. On another thread one call may still be running. Removing a
 * listener that was not added succeeds.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: there is no such event.
 *   - SOCKET_ERROR_BADF: the handle is not valid (harmless).
 */
int socket_off(socket_handle socket, int event, socket_listener listener, void *user_data);

/*
 * socket_subscribe sets which events of a socket become records: the bits
 * SOCKET_EVENT_MASK(type). The mask replaces the one before. Records carry user_data.
 * SOCKET_EVENT_MESSAGE starts reading as a listener would.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: a bit that is no event.
 *   - SOCKET_ERROR_NOTSUP: the socket's loop is not in record mode.
 */
int socket_subscribe(socket_handle socket, uint32_t event_mask, void *user_data);

/*
 * socket_set_option sets an option of the library (SOCKET_OPTION_*), whether the socket is open
 * or not. Options marked "before bind" take effect at the next bind. A server passes its
 * options to the clients that it accepts later.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: no such option, or the value is out of range.
 */
int socket_set_option(socket_handle socket, int option, int64_t value);

/*
 * socket_get_option returns the value of an option of the library.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: there is no such option.
 */
int64_t socket_get_option(socket_handle socket, int option);

/*
 * socket_set_extra_options sets the members that fields names, on an open socket: call it after
 * socket_bind, socket_listen or socket_connect. A server sets them for itself and for its
 * connections, present and future. During a connect they are for its connection. They are set
 * in the order of the struct until one fails.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: an option is out of range.
 *   - SOCKET_ERROR_BADF: the socket is not open (a server: SOCKET_ERROR_SERVER_BADF).
 *   - SOCKET_ERROR_DOM: socket_timeout_ms is negative.
 *   - The errno of setsockopt (a server: as SOCKET_ERROR_SERVER_).
 */
int socket_set_extra_options(socket_handle socket, const socket_extra_options *options);

/*
 * socket_adopt opens a socket with an existing descriptor: a connected one for a TCP client, a
 * listening one for a server (systemd socket activation), a bound or connected one for UDP. If
 * it succeeds, the descriptor belongs to the library, which makes it non-blocking and
 * close-on-exec, and the connect or listening event follows. If it fails, the descriptor stays
 * the caller's.
 *
 * TLS: a client with a connected descriptor is bound. socket_connect then makes the handshake
 * only, and verifies the name in its address. A server must have been given its secure options
 * before.
 * Errors:
 *   - SOCKET_ERROR_NOTSOCK: fd is not a socket (servers: SOCKET_ERROR_SERVER_NOTSOCK).
 *   - SOCKET_ERROR_PROTOTYPE: it is of another kind or state (servers:
 *     SOCKET_ERROR_SERVER_PROTOTYPE).
 *   - SOCKET_ERROR_INVAL: the socket is open already.
 *   - SOCKET_ERROR_ALREADY: the socket is closing.
 */
int socket_adopt(socket_handle socket, int fd);

/*
 * socket_pause stops reading (a server: accepting) until socket_resume. Data that arrives waits
 * in the kernel. If nothing is unread, the peer's end is still reported, and the library then
 * closes the socket unless SOCKET_OPTION_ALLOW_HALF_OPEN is set. A pause outlasts a close. If
 * it is called on the loop's thread, no message comes after it.
 */
int socket_pause(socket_handle socket);

/* socket_resume starts reading again after socket_pause (a server: accepting). */
int socket_resume(socket_handle socket);

/*
 * socket_close sends what is queued, then closes the socket; the handle stays. A FIN follows
 * the last byte. The library reads and discards input until the peer ends too, but not longer
 * than the close timeout. Then it closes the descriptor, and the close event and the completion
 * come. From the close event on, inside it too, the handle can be opened again. A connect with
 * nothing queued behind it is cancelled (SOCKET_ERROR_CANCELED). The completion has the error
 * that kept queued bytes from being sent, or 0. A server's connections stay open.
 * Errors:
 *   - SOCKET_ERROR_OTHER: the socket is not open.
 */
int socket_close(socket_handle socket, socket_completion completion, void *user_data);

/*
 * socket_abort closes the socket at once and drops what is queued. TCP resets the connection,
 * pending operations complete with SOCKET_ERROR_CANCELED, then the close event comes.
 * Errors:
 *   - SOCKET_ERROR_OTHER: the socket is not open.
 */
int socket_abort(socket_handle socket);

/*
 * socket_get_state writes whether the socket is bound, connected and closed. All are 0 before
 * it is opened.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: state is NULL, or its struct_size is unknown.
 */
int socket_get_state(socket_handle socket, socket_state_info *state);

/* socket_get_kind returns the kind of the socket (SOCKET_KIND_*). */
int socket_get_kind(socket_handle socket);

/*
 * socket_get_loop returns the loop of the socket, which may be a default loop: to post
 * functions to its thread, or to set timers there. Only host-driven loops can be run, polled
 * and closed.
 */
socket_loop socket_get_loop(socket_handle socket);

/*
 * socket_get_fd returns the descriptor, to look at (getsockopt), not to close, read or write.
 * It is valid until the close event. Connecting by name may change it.
 * Errors:
 *   - SOCKET_ERROR_BADF: the socket is not open.
 */
int socket_get_fd(socket_handle socket);

/*
 * socket_get_local_address writes the numeric local address, NUL-terminated and cut to
 * capacity, the port and the family (SOCKET_FAMILY_IPV4 or _IPV6). Any pointer may be NULL. 64
 * bytes are enough. Returns the length of the whole text without the NUL.
 * Errors:
 *   - SOCKET_ERROR_BADF: the socket is not open.
 */
int socket_get_local_address(socket_handle socket, char *text, size_t capacity, int *port,
    int *family);

/*
 * socket_get_send_queue_length returns how many bytes of sends the kernel has not taken yet. It
 * returns 0 if the socket is not open.
 */
int64_t socket_get_send_queue_length(socket_handle socket);

/*
 * socket_get_error_detail writes the text of the socket's last failure, which says more than
 * its code: "connect 127.0.0.1:9: Connection refused". The text is NUL-terminated and cut to
 * capacity, and "" if nothing has failed. Calls that cannot work as made
 * (SOCKET_CATEGORY_USAGE) do not change it, unless an address or an option is wrong, or the
 * socket is open already. Returns the length of the whole text.
 */
int socket_get_error_detail(socket_handle socket, char *text, size_t capacity);

/* ---- Clients and connections ------------------------------------------------------------- */

/*
 * socket_construct_tcp makes a TCP client on a default loop. The loop's thread starts with the
 * first socket. The socket has no descriptor until it is bound or connected. Returns its
 * handle; give it to socket_release in the end.
 */
socket_handle socket_construct_tcp(void);

/*
 * socket_bind opens a TCP client or UDP socket and gives it a local address: a numeric one
 * (IPv6 link-local with its zone: "fe80::1%eth0") or "localhost" (127.0.0.1; with
 * SOCKET_FAMILY_IPV6 ::1). Port 0 takes a free port: see socket_get_local_address. A UDP socket
 * then has its listening event, and can send and receive datagrams.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: the address, port or family is not valid.
 *   - SOCKET_ERROR_ADDRINUSE: the address is in use, or at port 0 no port is free.
 *   - SOCKET_ERROR_ADDRNOTAVAIL: it is not an address of this machine.
 *   - SOCKET_ERROR_ACCES: the port is privileged.
 *   - SOCKET_ERROR_NODEV: there is no interface of that zone.
 *   - SOCKET_ERROR_INVAL: the socket is open already, or the kernel says so of the address (a
 *     link-local one without a zone).
 *   - SOCKET_ERROR_ALREADY: the socket is closing.
 *   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
 */
int socket_bind(socket_handle socket, const socket_address *address);

/*
 * socket_connect connects a TCP client, or gives a UDP socket its one peer. All addresses of a
 * name are tried within the time limit. The name is looked up in both families at once; after
 * 50 ms the addresses of one family are tried without those of the other. The families take
 * turns. Each address is tried 250 ms after the one before, or as soon as that has failed. A
 * socket that was bound tries one after the other, each for its share of the time. If a TLS
 * handshake fails for another reason than certificates, the next address is tried. "localhost"
 * is 127.0.0.1 (with SOCKET_FAMILY_IPV6 ::1), then ::1 for a TCP client.
 *
 * On success the connect event comes, then the completion (error 0). On failure only the
 * completion comes. The socket is then as before and can connect again; if it was bound it is
 * still open, and socket_run waits for it. Sends made meanwhile are queued. TLS: the handshake
 * is a part of it.
 *
 * Errors of the completion (TLS: SOCKET_ERROR_SERVER_ instead of SOCKET_ERROR_):
 *   - SOCKET_ERROR_CONNREFUSED: the peer refused.
 *   - SOCKET_ERROR_TIMEDOUT: the time limit has passed.
 *   - SOCKET_ERROR_NETUNREACH, SOCKET_ERROR_HOSTUNREACH: there is no way to the peer.
 *   - SOCKET_ERROR_ADDRNOTAVAIL: no local port or address is left to connect from.
 *   - SOCKET_ERROR_AFNOSUPPORT: the socket is bound to an address of another family.
 *   - SOCKET_ERROR_INVAL: the address needs a zone, as in fe80::1%eth0.
 *   - SOCKET_ERROR_RESOLVE: the name was not found (TLS: the same code).
 *   - SOCKET_ERROR_CANCELED: socket_close or socket_abort was called.
 *   - SOCKET_ERROR_TLS_CERTIFICATE: a certificate was refused, by this side or by the peer.
 *   - SOCKET_ERROR_TLS_SYSTEM_CALL: the handshake failed for another reason, which
 *     socket_get_error_detail has.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: an option is out of range.
 *   - SOCKET_ERROR_NODEV: there is no interface of the address's zone.
 *   - SOCKET_ERROR_ISCONN: it is connected.
 *   - SOCKET_ERROR_ALREADY: it is connecting or closing.
 *   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
 *   - TLS: those of socket_tls_set_secure_options.
 */
int socket_connect(socket_handle socket, const socket_connect_options *options,
    socket_completion completion, void *user_data);

/*
 * socket_send sends bytes, or one datagram on a connected UDP socket. It copies what the kernel
 * does not take at once, so data is the caller's again when it returns. The completion runs
 * when the kernel has taken all bytes, or when the connection has failed. If size is 0, TCP
 * sends nothing and UDP sends an empty datagram.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: data is NULL with a size.
 *   - SOCKET_ERROR_AGAIN: the queue is full (wait for drain).
 *   - SOCKET_ERROR_BADF: the socket is not open.
 *   - SOCKET_ERROR_NOTCONN: it is not connected.
 *   - SOCKET_ERROR_DESTADDRREQ: a UDP socket is not connected.
 *   - SOCKET_ERROR_SHUTDOWN: socket_end or socket_close was called.
 *   - The error that has ended the connection.
 *   - Connections of a server have SOCKET_ERROR_SERVER_SHUTDOWN and so on instead.
 */
int socket_send(socket_handle socket, const void *data, size_t size,
    socket_completion completion, void *user_data);

/*
 * socket_sendv sends the bytes of several buffers (0 to 1024) as one send. A connected UDP
 * socket sends them as one datagram.
 * Errors:
 *   - Those of socket_send.
 *   - SOCKET_ERROR_PARAMETER: count is out of range, or the sizes add up to more than 2 GiB.
 */
int socket_sendv(socket_handle socket, const socket_buffer *buffers, int count,
    socket_completion completion, void *user_data);

/*
 * socket_flush writes at once what sends on the loop's thread have gathered.
 * Errors:
 *   - SOCKET_ERROR_BADF: the socket is not open.
 *   - SOCKET_ERROR_NOTCONN: it is not connected.
 */
int socket_flush(socket_handle socket);

/*
 * socket_end ends the sending half of the connection; receiving goes on. The library sends what
 * is queued, then a FIN, then the completion runs. When the peer ends too, the socket closes.
 * Errors:
 *   - SOCKET_ERROR_BADF: the socket is not open.
 *   - SOCKET_ERROR_NOTCONN: it is not connected.
 *   - SOCKET_ERROR_SHUTDOWN: socket_end was called before.
 *   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
 */
int socket_end(socket_handle socket, socket_completion completion, void *user_data);

/*
 * socket_get_remote_address writes the peer's address, as socket_get_local_address.
 * Errors:
 *   - SOCKET_ERROR_BADF: the socket is not open.
 *   - SOCKET_ERROR_NOTCONN: it is not connected.
 *   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
 */
int socket_get_remote_address(socket_handle socket, char *text, size_t capacity, int *port,
    int *family);

/*
 * socket_get_client_id returns the number of a server's connection. The server's first client
 * has number 1; no number is used again.
 * Errors:
 *   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
 */
int64_t socket_get_client_id(socket_handle socket);

/* ---- Servers ----------------------------------------------------------------------------- */

/* socket_construct_tcp_server makes a TCP server on a default loop. */
socket_handle socket_construct_tcp_server(void);

/*
 * socket_listen opens a server: it binds with SO_REUSEADDR and listens. The listening event
 * follows, then one connect event for each client. Its connection is a handle of its own.
 * Without a connect listener clients wait in the backlog. A TLS server's connect event comes
 * when the client's handshake is done. If a handshake fails, the server has an error event and
 * goes on.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: an option is out of range.
 *   - SOCKET_ERROR_SERVER_ADDRINUSE: the address is in use, or at port 0 no port is free.
 *   - SOCKET_ERROR_SERVER_ADDRNOTAVAIL: it is not an address of this machine.
 *   - SOCKET_ERROR_SERVER_ACCES: the port is privileged.
 *   - SOCKET_ERROR_SERVER_INVAL: it is listening already.
 *   - SOCKET_ERROR_SERVER_ALREADY: the socket is closing.
 *   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
 *   - TLS: those of socket_tls_set_secure_options, and SOCKET_ERROR_TLS_SYSTEM_CALL: no
 *     certificate was given.
 */
int socket_listen(socket_handle socket, const socket_listen_options *options);

/* ---- UDP --------------------------------------------------------------------------------- */

/* socket_construct_udp makes a UDP socket on a default loop. */
socket_handle socket_construct_udp(void);

/*
 * socket_construct_multicast makes a UDP socket for multicast groups on a default loop. It has
 * all that a UDP socket has. socket_join_group opens it: no bind is needed. Several of them, in
 * several processes, may have one port, and each receives what is sent to the groups that it
 * has joined.
 */
socket_handle socket_construct_multicast(void);

/*
 * socket_send_to sends one datagram from a bound UDP socket to a numeric address or "localhost"
 * (look names up with socket_connect).
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: the address is not valid, or data is NULL with a size.
 *   - SOCKET_ERROR_BADF: the socket is not bound.
 *   - SOCKET_ERROR_INVAL: the port is 0.
 *   - SOCKET_ERROR_AGAIN: the queue is full.
 *   - SOCKET_ERROR_SHUTDOWN: the socket is closing.
 *   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
 *
 * Errors of the completion:
 *   - SOCKET_ERROR_MSGSIZE: the datagram is too long.
 *   - SOCKET_ERROR_ACCES: it is a broadcast, without the option.
 *   - SOCKET_ERROR_NETUNREACH, SOCKET_ERROR_HOSTUNREACH: there is no way to the address.
 *   - SOCKET_ERROR_INVAL: the address needs a zone, as in fe80::1%eth0.
 */
int socket_send_to(socket_handle socket, const socket_address *address, const void *data,
    size_t size, socket_completion completion, void *user_data);

/*
 * socket_join_group makes a UDP socket a member of a multicast group: it receives what is sent
 * to the group and its own port. A socket may be a member of several groups, and of one on
 * several interfaces or with several sources. The memberships end with the open period. A
 * multicast socket that is not open is bound to the port of the group first, on all interfaces,
 * and has its listening event; any other UDP socket must be bound. From its first membership on
 * a socket receives nothing for groups that only others on this machine have joined. An IPv6
 * socket joins IPv4 groups too, unless SOCKET_OPTION_IPV6_ONLY is on.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: the address, the interface or the source cannot be read.
 *   - SOCKET_ERROR_INVAL: the address is not that of a group.
 *   - SOCKET_ERROR_ADDRINUSE: it is a member already, or the port is taken.
 *   - SOCKET_ERROR_NODEV: there is no such interface, or no route to the group.
 *   - SOCKET_ERROR_AFNOSUPPORT: the socket has another family.
 *   - SOCKET_ERROR_NOBUFS: the system allows no more memberships (igmp_max_memberships).
 *   - SOCKET_ERROR_BADF: a UDP socket that is not bound.
 *   - SOCKET_ERROR_ALREADY: it is closing, or another thread opens it.
 *   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
 */
int socket_join_group(socket_handle socket, const socket_multicast_group *group);

/*
 * socket_leave_group ends a membership. group names the same group, interface and source as the
 * join did; the port means nothing. The socket stays open.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: the address, the interface or the source cannot be read.
 *   - SOCKET_ERROR_ADDRNOTAVAIL: it is not a member.
 *   - SOCKET_ERROR_BADF: the socket is not open.
 *   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
 */
int socket_leave_group(socket_handle socket, const socket_multicast_group *group);

/* ---- TLS --------------------------------------------------------------------------------- */

/* socket_construct_tls makes a TLS client on a default loop. */
socket_handle socket_construct_tls(void);

/* socket_construct_tls_server makes a TLS server on a default loop. */
socket_handle socket_construct_tls_server(void);

/*
 * socket_construct_tls_over makes a TLS client of a connected TCP client (STARTTLS), on its
 * loop. The new socket takes over the connection and the bytes that are unread on it, and is
 * bound. socket_connect then makes the handshake only, and verifies the name in its address.
 * The TCP socket is not open any more and has no close event. Its listeners are removed (a
 * message callback may still be running on the loop's thread). It can be opened again; release
 * it as any other. If the handshake fails, the connection ends: after the completion of
 * socket_connect come error and close.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: it is not a TCP client.
 *   - SOCKET_ERROR_TLS_BADFD: it is not open or not valid.
 *   - SOCKET_ERROR_TLS_NOT_CONNECTED: it is not connected, or its peer has ended.
 *   - SOCKET_ERROR_AGAIN: it has something queued (wait for the completion of its last send).
 */
socket_handle socket_construct_tls_over(socket_handle tcp);

/*
 * socket_tls_set_secure_options sets the secure options of a TLS client or server. They take
 * effect at its next connect or listen. A listening server uses them for clients that come from
 * now on, so that a certificate can be replaced without a restart; its connections keep what
 * they have. Keys, certificates and lists are checked. If there is an error, the options that
 * were in force stay, and socket_get_error_detail has the reason.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: an option is out of range.
 *   - SOCKET_ERROR_TLS_CERTIFICATE: a certificate cannot be read or does not belong to the key.
 *   - SOCKET_ERROR_TLS_SYSTEM_CALL: the key cannot be read (wrong pass phrase?), or an unknown
 *     cipher suite or signature algorithm.
 *   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
 */
int socket_tls_set_secure_options(socket_handle socket, const socket_tls_options *options);

/*
 * socket_tls_get_certificate writes, in DER, the certificate that this side has shown or will
 * show. It writes nothing if the certificate is longer than capacity. Returns its length, or 0
 * if there is none.
 *
 * Errors of this and the getters below:
 *   - SOCKET_ERROR_TLS_NOT_BOUND: the socket is not open.
 *   - SOCKET_ERROR_TLS_SESSION: it is not connected yet.
 *   - SOCKET_ERROR_NOTSUP: not for a socket of this kind.
 */
int socket_tls_get_certificate(socket_handle socket, void *buffer, size_t capacity);

/*
 * socket_tls_get_remote_certificate writes the peer's certificate, as
 * socket_tls_get_certificate.
 */
int socket_tls_get_remote_certificate(socket_handle socket, void *buffer, size_t capacity);

/*
 * socket_tls_get_protocol writes the version that was agreed on: "TLSv1.3". This and the
 * getters of text below write a NUL-terminated text, cut to capacity, and return the length of
 * the whole text. On a listening server it is the highest version that clients get; getters of
 * what a handshake decides write "" there, or return 0.
 */
int socket_tls_get_protocol(socket_handle socket, char *text, size_t capacity);

/*
 * socket_tls_get_cipher_suite writes the suite that was agreed on, by OpenSSL's name:
 * "TLS_AES_256_GCM_SHA384".
 */
int socket_tls_get_cipher_suite(socket_handle socket, char *text, size_t capacity);

/*
 * socket_tls_get_signature_algorithms writes the algorithms that both sides know, the most
 * wanted first, separated by colons: "ECDSA+SHA256:RSA-PSS+SHA256". A client learns them when
 * the server asks for a certificate.
 */
int socket_tls_get_signature_algorithms(socket_handle socket, char *text, size_t capacity);

/*
 * socket_tls_get_alpn writes the application protocol that was agreed on: "h2". It writes "" if
 * one of the sides has named none.
 */
int socket_tls_get_alpn(socket_handle socket, char *text, size_t capacity);

/*
 * socket_tls_get_server_name writes the host that the client has named (SNI), or "" if it has
 * named none.
 */
int socket_tls_get_server_name(socket_handle socket, char *text, size_t capacity);

/*
 * socket_tls_get_group writes the group of the key exchange, by the name that the standards
 * have for it: "x25519", "secp256r1", "X25519MLKEM768". It writes "" if the suite has none.
 */
int socket_tls_get_group(socket_handle socket, char *text, size_t capacity);

/*
 * socket_tls_get_remote_chain writes, as socket_tls_get_certificate, a certificate that the
 * peer has sent: its own for index 0, then the others in their order. They are as they came:
 * what was verified may be another chain. Returns 0 if there is no further one. A connection
 * that a server has resumed has the peer's own only.
 *   - SOCKET_ERROR_PARAMETER: index is negative.
 */
int socket_tls_get_remote_chain(socket_handle socket, int index, void *buffer, size_t capacity);

/*
 * socket_tls_is_resumed returns 1 if the handshake has resumed an earlier session, 0 if it was
 * a full one.
 */
int socket_tls_is_resumed(socket_handle socket);

/*
 * socket_tls_set_keylog appends the secrets of later TLS connections of the process to a file
 * (mode 0600), in the format that Wireshark reads. Use it for debugging only: a reader of the
 * file can read the connections. A server that listens already is included from its next
 * socket_tls_set_secure_options on. NULL ends it. No environment variable does the same.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: the path is not valid.
 *   - The errno of open: the file cannot be opened.
 */
int socket_tls_set_keylog(const char *path);

/* socket_tls_library writes which OpenSSL does the work: "OpenSSL 3.0.15 3 Sep 2024". */
int socket_tls_library(char *text, size_t capacity);

/* ---- Loops ------------------------------------------------------------------------------- */

/*
 * socket_loop_create makes a loop without a thread, which the host drives:
 * SOCKET_LOOP_CALLBACKS with socket_loop_run, SOCKET_LOOP_RECORDS with socket_loop_poll.
 * Nothing happens on its sockets until it is run or polled; a connect does not begin.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: there is no such mode.
 *   - SOCKET_ERROR_MFILE: no descriptor is left.
 */
socket_loop socket_loop_create(int mode);

/*
 * socket_loop_close aborts the sockets of a host-driven loop and releases them. In callback
 * mode their completions and close events run before it returns, and the loop is gone. In
 * record mode keep polling (with any timeout) until a poll returns -SOCKET_ERROR_BADF: then the
 * loop is gone. A second socket_loop_close drops the remaining records.
 * Errors:
 *   - SOCKET_ERROR_BADF: the loop is not valid, or is a default loop (socket_shutdown ends
 *     those).
 *   - SOCKET_ERROR_ALREADY: it is in use.
 */
int socket_loop_close(socket_loop loop);

/*
 * socket_loop_fd returns the descriptor to watch for reading (poll, epoll, libuv, asyncio,
 * GLib, Qt), level-triggered. It is readable while socket_loop_run or socket_loop_poll would do
 * something, which need not be a callback or a record. Do not read, write or close it.
 * Errors:
 *   - SOCKET_ERROR_BADF: the loop is not valid.
 *   - SOCKET_ERROR_NOTSUP: it is a default loop.
 */
int socket_loop_fd(socket_loop loop);

/*
 * socket_loop_run waits up to timeout_ms (0: not at all, -1: without limit) for events of a
 * loop in callback mode, and handles one batch of them on the calling thread. Returns the
 * number of callbacks made. It returns 0 early if a signal arrives. Another thread ends the
 * wait with socket_loop_post. It is no cancellation point.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: timeout_ms is out of range.
 *   - SOCKET_ERROR_BADF: the loop is not valid.
 *   - SOCKET_ERROR_NOTSUP: it is in record mode or a default loop.
 *   - SOCKET_ERROR_ALREADY: it is in use.
 */
int socket_loop_run(socket_loop loop, int timeout_ms);

/*
 * socket_loop_poll waits up to timeout_ms (0: not at all, -1: without limit) for events of a
 * loop in record mode and writes up to capacity (1 to 65536) of them. Data that records point
 * to is valid until the next socket_loop_poll or socket_loop_close of the loop. From now on
 * sends of the calling thread are gathered until socket_loop_flush or the next poll. Returns
 * the number of records. It returns 0 early if a signal arrives.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: events is NULL, or capacity or timeout_ms is out of range.
 *   - SOCKET_ERROR_BADF: the loop is not valid.
 *   - SOCKET_ERROR_NOTSUP: it is in callback mode or a default loop.
 *   - SOCKET_ERROR_ALREADY: it is in use.
 */
int socket_loop_poll(socket_loop loop, socket_event *events, int capacity, int timeout_ms);

/*
 * socket_loop_flush writes what has been gathered since the last poll and ends the gathering.
 * Call it on the thread that polled, before that thread waits on the loop's descriptor by other
 * means.
 * Errors:
 *   - SOCKET_ERROR_BADF: the loop is not valid.
 *   - SOCKET_ERROR_ALREADY: it is in use.
 */
int socket_loop_flush(socket_loop loop);

/*
 * socket_loop_post runs a function on the loop's thread, once, in the order of posting; loop 0
 * is the first default loop. In record mode function is NULL and a SOCKET_EVENT_POST record
 * with user_data is made. A function that was accepted runs even if the loop is closed or shut
 * down meanwhile.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: function is NULL in callback mode, or not NULL in record mode.
 *   - SOCKET_ERROR_BADF: the loop is not valid.
 */
int socket_loop_post(socket_loop loop, socket_function function, void *user_data);

/*
 * socket_loop_set_timer runs a function on the loop's thread after delay_ms and then, if
 * interval_ms is not 0, every interval_ms. Both are 0 to 2^40. A busy loop leaves out the
 * intervals that it misses. Loop 0 is the first default loop. In record mode function is NULL,
 * and the timer makes SOCKET_EVENT_TIMER records with its id as size. Timers end with their
 * loop. Returns the timer's id (> 0).
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: a time is out of range, or function is as in socket_loop_post.
 *   - SOCKET_ERROR_BADF: the loop is not valid.
 */
int64_t socket_loop_set_timer(socket_loop loop, int64_t delay_ms, int64_t interval_ms,
    socket_function function, void *user_data);

/*
 * socket_loop_clear_timer stops a timer. If it is called on the loop's thread, the timer's
 * function is not called again. On another thread one call may still be running.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: there is no such timer (any more).
 *   - SOCKET_ERROR_BADF: the loop is not valid.
 */
int socket_loop_clear_timer(socket_loop loop, int64_t timer);

/* ---- The library ------------------------------------------------------------------------- */

/*
 * socket_run waits until no socket of the default loops is open and nothing is left to deliver.
 * Returns 0. Timers and posted functions do not keep it waiting, except those of loops that are
 * being shut down.
 * Errors:
 *   - SOCKET_ERROR_DEADLK: it was called inside a callback of a default loop.
 */
int socket_run(void);

/*
 * socket_shutdown aborts the sockets of the default loops, delivers their completions and close
 * events, releases their handles and ends the loops; afterwards none of their callbacks runs. A
 * call after one that ran out of time, or beside another, waits for the same loops. Host-driven
 * loops are not touched. The next construct starts anew. timeout_ms: 0 to 86400000.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: timeout_ms is out of range.
 *   - SOCKET_ERROR_TIMEDOUT: a callback did not return in time (the rest is done when it does).
 *   - SOCKET_ERROR_DEADLK: it was called inside a callback of a default loop.
 */
int socket_shutdown(int timeout_ms);

/*
 * socket_set_dispatch_threads sets how many default loops there are, each with a thread (1 to
 * 256, default 1). New sockets and accepted clients are spread over them in turn.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: count is out of range.
 *   - SOCKET_ERROR_ALREADY: a default loop is running (socket_shutdown ends them).
 */
int socket_set_dispatch_threads(int count);

/*
 * socket_set_compat makes sockets constructed from now on behave as OpenHarmony's own where
 * this library behaves better (docs/reference/compat.md). The environment variable
 * OHSOCKET_COMPAT=1 does so from the start. Returns the previous setting.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: on is neither 0 nor 1.
 */
int socket_set_compat(int on);

/*
 * socket_set_total_queue_limit sets how many bytes the send queues of all sockets of the
 * process may hold together; 0, as at the start, is no limit. The first 64 KiB of each queue
 * are free: they neither count nor are they refused for this limit. A send that would exceed it
 * is refused with SOCKET_ERROR_AGAIN, like one that finds its own queue full. A drain event
 * follows when there is room for it, or when the socket's own queue has become empty. While no
 * queue holds more than its free 64 KiB, one send of any size is taken. The limit may be
 * changed at any time; what is queued stays.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: bytes is negative or more than 2^48.
 */
int socket_set_total_queue_limit(int64_t bytes);

/*
 * socket_get_stats writes counters of the process: sockets, loops, memory, bytes and messages.
 * It does not stop other threads.
 * Errors:
 *   - SOCKET_ERROR_PARAMETER: stats is NULL, or its struct_size is unknown.
 */
int socket_get_stats(socket_stats *stats);

/*
 * socket_strerror returns the text of an error code of either sign: "Connection refused";
 * "Success" for 0, "Unknown error" for what is no code. Never NULL; the text is static. This
 * and the functions below need no thread of the library: they work in a forked child too.
 */
const char *socket_strerror(int code);

/*
 * socket_error_name returns the name of the constant of an error code of either sign:
 * "SOCKET_ERROR_CONNREFUSED"; "SOCKET_OK" for 0, "SOCKET_ERROR_UNKNOWN" for what is no code.
 * Never NULL; static.
 */
const char *socket_error_name(int code);

/*
 * socket_error_category returns the category (SOCKET_CATEGORY_*) of an error code of either
 * sign: what a program can do about it. SOCKET_CATEGORY_INTERNAL for what is no code.
 */
int socket_error_category(int code);

/*
 * socket_version returns the version of the library that is loaded: "1.0.0". The header's own
 * is SOCKET_VERSION_STRING.
 */
const char *socket_version(void);

/*
 * socket_version_number returns the version of the library that is loaded as a number that can
 * be compared with SOCKET_VERSION_HEX.
 */
int socket_version_number(void);

#ifdef __cplusplus
}
#endif

#endif
