/*
 * ohsocket.h - event-driven TCP, UDP and TLS sockets and servers, callable from any language.
 *
 * The library has the sockets of OpenHarmony's network API (ohos.net.socket) for Linux. A socket is
 * an integer handle. Operations return at once; what happens afterwards comes as events, to
 * listeners, on the thread of the socket's loop. By default a loop has a thread of the library's own
 * and nothing needs to be set up. A program that has an event loop already makes loops that it
 * drives itself.
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
 * Results. A function returns >= 0 when it has succeeded (0, a handle, a size) and minus an error
 * code when it has not: -2301111 is -SOCKET_ERROR_CONNREFUSED. The comments below name codes without
 * the sign. Two are possible everywhere and named nowhere: 2301009 (SOCKET_ERROR_BADF), the handle is
 * not valid (any more), and 2300003 (SOCKET_ERROR_FORKED), see Fork.
 *
 * Arguments. A NULL where one is not allowed, or a value out of range, is 401
 * (SOCKET_ERROR_PARAMETER) and nothing has been done. A pointer that is not NULL must be valid.
 * Everything given to a function is copied before it returns: data, addresses and options are the
 * caller's again. Nothing that a function returns has to be freed.
 *
 * Structs. Those that begin with struct_size are set up with their _INIT macro; a struct_size that
 * the library does not know is 401. Zero in a member means its default. socket_address,
 * socket_buffer and socket_event have no size: they never change.
 *
 * Completions. The last two parameters of an operation are a completion and its user_data. If the
 * call returned < 0 the completion never runs. If it returned >= 0 the completion runs exactly once,
 * whatever happens, on the loop's thread, after the call has returned. Completions of sends come in
 * the order of the sends.
 *
 * Order. Operations on one socket take effect in the order of the calls: connect, send and close can
 * be issued one after the other, and all happen. From its opening to its close event a socket
 * reports listening (UDP, servers), connect, message..., end, error, close, in this order, those of
 * them that occur; drain may come in between. connect, listening and close come before the
 * completion of the operation that caused them. A connect that fails has its completion only, unless
 * a close waits behind sends that are queued: then error and close follow.
 *
 * Close and release. socket_close ends an open period, not the handle: what is queued is sent, then
 * the close event and the completion come, and the handle can be bound, connected or listen again
 * with the listeners and options that it has. socket_release ends the handle: it is invalid at once,
 * its listeners are not called again, the socket is closed as by socket_close, and completions still
 * come. Every handle from a construct function is released once; socket_shutdown and
 * socket_loop_close release too, and a release after that returns 2301009. Connections of a server release
 * themselves after their close event. socket_abort closes without sending.
 *
 * Half close. When the peer has ended (end event), what is queued and what is sent inside that
 * callback still goes out, then the library closes the socket; with SOCKET_OPTION_ALLOW_HALF_OPEN it
 * stays open for sending until socket_close.
 *
 * Bounds. A send is refused with 2301011 (SOCKET_ERROR_AGAIN; SOCKET_CATEGORY_AGAIN), taking nothing, when the queue would
 * grow over SOCKET_OPTION_SEND_QUEUE_LIMIT; an empty queue takes a send of any size. A drain event
 * tells when to go on. Received bytes are not queued: reading starts with the first message
 * listener, stops with socket_pause or when the last one is removed, and what is not taken waits in
 * the kernel. Unread bytes hide what comes behind them: that the peer has ended or reset is seen when
 * they have been read, or a send has failed. SOCKET_OPTION_IDLE_TIMEOUT finds those who have left.
 *
 * Gathering. Sends made inside a callback of the socket's loop are written together when the
 * callback returns, sends from elsewhere at once. socket_flush writes earlier.
 *
 * TLS. A TLS client or server is used as a TCP one, with the secure options in the options of connect
 * or listen. The peer's certificate and name are verified unless the options say otherwise; connect is
 * complete, and a server's connect event comes, when the handshake is done. An end without
 * close_notify is an error (2303505), after what had arrived was delivered. docs/tls.md explains
 * options and errors.
 *
 * THREADS
 *
 * Every function may be called from every thread at any time, also inside callbacks. Exceptions:
 * socket_run and socket_shutdown inside a callback of a default loop return 2301035;
 * socket_loop_run, socket_loop_poll and socket_loop_close of a loop that is in use, by another thread
 * or by the callback that calls, return 2301114.
 *
 * Callbacks of one loop run one at a time on its thread, with no lock held, and never inside another
 * callback or any call but socket_loop_run and socket_loop_close. One that takes long delays the
 * sockets of its own loop only. Only socket_run, socket_shutdown, socket_loop_run and
 * socket_loop_poll wait for anything.
 *
 * A call happens before the callbacks that it causes, and these happen before the return of the call
 * that waits for them: what is passed on in this way needs no lock. ThreadSanitizer sees it so too.
 *
 * After socket_off or socket_release on the loop's thread the listener is not called again. On
 * another thread one call may still be running; a function given to socket_loop_post afterwards runs
 * after it.
 *
 * PROCESS
 *
 * Fork. After fork() without exec every function returns -2300003 in the child, except the five at
 * the end, which are not affected; the parent is not disturbed. Load the library after the fork, or
 * exec; a program that is linked with it has loaded it at its start and cannot use daemon(3). All descriptors of the library are close-on-exec.
 *
 * Signals. Threads of the library block all signals but those that the Go runtime needs (SIGSEGV,
 * SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS, SIGPROF, SIGURG, SIGPIPE), so signals of the
 * program come to threads of the program. No write raises SIGPIPE. Loading the library installs
 * handlers for SIGSEGV, SIGBUS, SIGFPE, SIGPIPE and SIGURG that pass on what is not their own, and
 * sets SA_ONSTACK on the program's handlers; handlers that are installed later must have SA_ONSTACK.
 * They run on the stack that the thread has set with sigaltstack before its first call; without one, on
 * a stack of 32 KiB. A fault of the program's own code, in a callback too, goes to the handler that the
 * program had before loading, or ends it by that signal.
 * Inside a signal handler nothing may be called, since functions take locks: block the signal before
 * threads start and take it with sigwait on a thread, or let the handler write to a pipe. socket_run
 * goes on when a handler returns. RLIMIT_NOFILE is left as it was.
 *
 * Unloading. The library stays loaded: dlclose has no effect. socket_shutdown ends
 * the default loops; their threads go idle, as others of the Go runtime, and stay.
 *
 * WHAT MAY BE CALLED WHEN
 *
 * "ok" is 0 or a size. "closing" is from socket_close to its completion. Functions of another kind of
 * socket return 2301095 (SOCKET_ERROR_NOTSUP).
 *
 * TCP client          new, closed  bound     connecting  connected  after end  closing
 * bind, adopt         ok           2301022   2301022     2301022    2301022    2301114
 * connect             ok           ok        2301114     2301106    2301106    2301114
 * send, sendv, end    2301009      2301107   ok, queued  ok         2301108    2301108
 * close               2300999      ok        ok          ok         ok         ok, joins
 * abort               2300999      ok        ok          ok         ok         ok
 * flush               2301009      2301107   ok          ok         ok         ok
 * set_extra_options   2301009      ok        ok          ok         ok         2301009
 * get_local_address,
 *   get_fd            2301009      ok        if bound    ok         ok         while open
 * get_remote_address  2301009      2301107   2301107     ok         ok         while open
 *
 * TCP connection (of a server): as a connected TCP client, but bind, listen, connect and adopt return
 * 2301095, and send, sendv and end after end or close 2303208.
 *
 * TCP server          new, closed  listening  closing
 * listen, adopt       ok           2303122    2303214
 * close, abort        2300999      ok         ok
 * set_extra_options   2303109      ok         2303109
 * get_local_address,
 *   get_fd            2301009      ok         while open
 *
 * UDP                 new, closed  bound     connecting  connected  closing
 * bind, adopt         ok           2301022   2301022     2301022    2301114
 * connect             ok           ok        2301114     2301106    2301114
 * send, sendv         2301009      2301089   ok, queued  ok         2301108
 * send_to             2301009      ok        ok          ok         2301108
 * close, abort        2300999      ok        ok          ok         ok
 *
 * TLS client, connection and server: as TCP, with 2303100 + errno; what is 2301009 or 2300999 above is
 * 2303600, and 2301107 of send, end and flush is 2303501. An empty send is 401.
 *
 * on, off, subscribe, set_option, get_option, get_state, pause, resume and release: ok in all states.
 *
 * SPDX-License-Identifier: Apache-2.0
 */
#ifndef OHSOCKET_H
#define OHSOCKET_H

#include <stddef.h>
#include <stdint.h>

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

/* SOCKET_KIND_* is what a handle is. */
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
    SOCKET_KIND_TLS_CONNECTION = 7
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
     * The connection has failed; close follows (not on UDP sockets and servers, which go on: a
     * TLS server's remote is then the client whose handshake has failed).
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

/* SOCKET_LOOP_* is how the events of a host-driven loop are consumed. */
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
     * counts as 64. 1 to 1073741824, default 16777216 (16 MiB).
     */
    SOCKET_OPTION_SEND_QUEUE_LIMIT = 1,
    /*
     * Milliseconds without a byte received or sent after which a connection fails with 2301110.
     * 0 to 86400000, default 0: never.
     */
    SOCKET_OPTION_IDLE_TIMEOUT = 2,
    /* Milliseconds a close waits for the peer. 1 to 86400000, default 2000. */
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
    /* SO_REUSEADDR. Set before bind. Default 0 (1 on servers). */
    SOCKET_OPTION_REUSE_ADDRESS = 9,
    /* 1: a socket bound to :: takes no IPv4. Set before bind. Default 0. */
    SOCKET_OPTION_IPV6_ONLY = 10,
    /*
     * Milliseconds that a TLS server gives a client for its handshake. 1 to 86400000, default
     * 30000.
     */
    SOCKET_OPTION_HANDSHAKE_TIMEOUT = 11,
    /*
     * Clients of a TLS server that no connect event has shown yet, since their handshakes run.
     * When there are so many, further ones wait in the kernel's backlog. 0 to 1073741824,
     * default 0: no limit.
     */
    SOCKET_OPTION_HANDSHAKE_LIMIT = 12
};

/* Protocol bits of socket_tls_options. */
enum {
    /* TLS 1.2. */
    SOCKET_PROTOCOL_TLS12 = 0x1,
    /* TLS 1.3. */
    SOCKET_PROTOCOL_TLS13 = 0x2
};

/* ---- Error codes ------------------------------------------------------------------------- */

/*
 * The codes. A function returns minus one of them; completions and events have it negative too:
 * error == -SOCKET_ERROR_TIMEDOUT. 2301000 + errno: TCP clients and UDP; 2303100 + errno
 * (SOCKET_ERROR_SERVER_): TCP servers, their connections, and TLS.
 */
enum {
    SOCKET_OK = 0, /* Success */
    SOCKET_ERROR_PERMISSION = 201, /* Permission denied */
    SOCKET_ERROR_PARAMETER = 401, /* Parameter error */
    SOCKET_ERROR_INTERNAL = 2300002, /* System internal error */
    SOCKET_ERROR_FORKED = 2300003, /* The process was forked after the library was loaded; load it after the fork, or exec */
    SOCKET_ERROR_RESOLVE = 2300004, /* The host name could not be resolved */
    SOCKET_ERROR_OTHER = 2300999, /* Unknown other error */
    SOCKET_ERROR_PERM = 2301001, /* Operation not permitted */
    SOCKET_ERROR_NOENT = 2301002, /* No such file or directory */
    SOCKET_ERROR_SRCH = 2301003, /* No such process */
    SOCKET_ERROR_INTR = 2301004, /* Interrupted system call */
    SOCKET_ERROR_IO = 2301005, /* Input/output error */
    SOCKET_ERROR_NXIO = 2301006, /* No such device or address */
    SOCKET_ERROR_2BIG = 2301007, /* Argument list too long */
    SOCKET_ERROR_NOEXEC = 2301008, /* Exec format error */
    SOCKET_ERROR_BADF = 2301009, /* Bad file descriptor */
    SOCKET_ERROR_CHILD = 2301010, /* No child processes */
    SOCKET_ERROR_AGAIN = 2301011, /* Resource temporarily unavailable */
    SOCKET_ERROR_NOMEM = 2301012, /* Cannot allocate memory */
    SOCKET_ERROR_ACCES = 2301013, /* Permission denied */
    SOCKET_ERROR_FAULT = 2301014, /* Bad address */
    SOCKET_ERROR_NOTBLK = 2301015, /* Block device required */
    SOCKET_ERROR_BUSY = 2301016, /* Device or resource busy */
    SOCKET_ERROR_EXIST = 2301017, /* File exists */
    SOCKET_ERROR_XDEV = 2301018, /* Invalid cross-device link */
    SOCKET_ERROR_NODEV = 2301019, /* No such device */
    SOCKET_ERROR_NOTDIR = 2301020, /* Not a directory */
    SOCKET_ERROR_ISDIR = 2301021, /* Is a directory */
    SOCKET_ERROR_INVAL = 2301022, /* Invalid argument */
    SOCKET_ERROR_NFILE = 2301023, /* Too many open files in system */
    SOCKET_ERROR_MFILE = 2301024, /* Too many open files */
    SOCKET_ERROR_NOTTY = 2301025, /* Inappropriate ioctl for device */
    SOCKET_ERROR_TXTBSY = 2301026, /* Text file busy */
    SOCKET_ERROR_FBIG = 2301027, /* File too large */
    SOCKET_ERROR_NOSPC = 2301028, /* No space left on device */
    SOCKET_ERROR_SPIPE = 2301029, /* Illegal seek */
    SOCKET_ERROR_ROFS = 2301030, /* Read-only file system */
    SOCKET_ERROR_MLINK = 2301031, /* Too many links */
    SOCKET_ERROR_PIPE = 2301032, /* Broken pipe */
    SOCKET_ERROR_DOM = 2301033, /* Numerical argument out of domain */
    SOCKET_ERROR_RANGE = 2301034, /* Numerical result out of range */
    SOCKET_ERROR_DEADLK = 2301035, /* Resource deadlock avoided */
    SOCKET_ERROR_NAMETOOLONG = 2301036, /* File name too long */
    SOCKET_ERROR_NOLCK = 2301037, /* No locks available */
    SOCKET_ERROR_NOSYS = 2301038, /* Function not implemented */
    SOCKET_ERROR_NOTEMPTY = 2301039, /* Directory not empty */
    SOCKET_ERROR_LOOP = 2301040, /* Too many levels of symbolic links */
    SOCKET_ERROR_NOMSG = 2301042, /* No message of desired type */
    SOCKET_ERROR_IDRM = 2301043, /* Identifier removed */
    SOCKET_ERROR_CHRNG = 2301044, /* Channel number out of range */
    SOCKET_ERROR_L2NSYNC = 2301045, /* Level 2 not synchronized */
    SOCKET_ERROR_L3HLT = 2301046, /* Level 3 halted */
    SOCKET_ERROR_L3RST = 2301047, /* Level 3 reset */
    SOCKET_ERROR_LNRNG = 2301048, /* Link number out of range */
    SOCKET_ERROR_UNATCH = 2301049, /* Protocol driver not attached */
    SOCKET_ERROR_NOCSI = 2301050, /* No CSI structure available */
    SOCKET_ERROR_L2HLT = 2301051, /* Level 2 halted */
    SOCKET_ERROR_BADE = 2301052, /* Invalid exchange */
    SOCKET_ERROR_BADR = 2301053, /* Invalid request descriptor */
    SOCKET_ERROR_XFULL = 2301054, /* Exchange full */
    SOCKET_ERROR_NOANO = 2301055, /* No anode */
    SOCKET_ERROR_BADRQC = 2301056, /* Invalid request code */
    SOCKET_ERROR_BADSLT = 2301057, /* Invalid slot */
    SOCKET_ERROR_BFONT = 2301059, /* Bad font file format */
    SOCKET_ERROR_NOSTR = 2301060, /* Device not a stream */
    SOCKET_ERROR_NODATA = 2301061, /* No data available */
    SOCKET_ERROR_TIME = 2301062, /* Timer expired */
    SOCKET_ERROR_NOSR = 2301063, /* Out of streams resources */
    SOCKET_ERROR_NONET = 2301064, /* Machine is not on the network */
    SOCKET_ERROR_NOPKG = 2301065, /* Package not installed */
    SOCKET_ERROR_REMOTE = 2301066, /* Object is remote */
    SOCKET_ERROR_NOLINK = 2301067, /* Link has been severed */
    SOCKET_ERROR_ADV = 2301068, /* Advertise error */
    SOCKET_ERROR_SRMNT = 2301069, /* Srmount error */
    SOCKET_ERROR_COMM = 2301070, /* Communication error on send */
    SOCKET_ERROR_PROTO = 2301071, /* Protocol error */
    SOCKET_ERROR_MULTIHOP = 2301072, /* Multihop attempted */
    SOCKET_ERROR_DOTDOT = 2301073, /* RFS specific error */
    SOCKET_ERROR_BADMSG = 2301074, /* Bad message */
    SOCKET_ERROR_OVERFLOW = 2301075, /* Value too large for defined data type */
    SOCKET_ERROR_NOTUNIQ = 2301076, /* Name not unique on network */
    SOCKET_ERROR_BADFD = 2301077, /* File descriptor in bad state */
    SOCKET_ERROR_REMCHG = 2301078, /* Remote address changed */
    SOCKET_ERROR_LIBACC = 2301079, /* Can not access a needed shared library */
    SOCKET_ERROR_LIBBAD = 2301080, /* Accessing a corrupted shared library */
    SOCKET_ERROR_LIBSCN = 2301081, /* .lib section in a.out corrupted */
    SOCKET_ERROR_LIBMAX = 2301082, /* Attempting to link in too many shared libraries */
    SOCKET_ERROR_LIBEXEC = 2301083, /* Cannot exec a shared library directly */
    SOCKET_ERROR_ILSEQ = 2301084, /* Invalid or incomplete multibyte or wide character */
    SOCKET_ERROR_RESTART = 2301085, /* Interrupted system call should be restarted */
    SOCKET_ERROR_STRPIPE = 2301086, /* Streams pipe error */
    SOCKET_ERROR_USERS = 2301087, /* Too many users */
    SOCKET_ERROR_NOTSOCK = 2301088, /* Socket operation on non-socket */
    SOCKET_ERROR_DESTADDRREQ = 2301089, /* Destination address required */
    SOCKET_ERROR_MSGSIZE = 2301090, /* Message too long */
    SOCKET_ERROR_PROTOTYPE = 2301091, /* Protocol wrong type for socket */
    SOCKET_ERROR_NOPROTOOPT = 2301092, /* Protocol not available */
    SOCKET_ERROR_PROTONOSUPPORT = 2301093, /* Protocol not supported */
    SOCKET_ERROR_SOCKTNOSUPPORT = 2301094, /* Socket type not supported */
    SOCKET_ERROR_NOTSUP = 2301095, /* Operation not supported */
    SOCKET_ERROR_PFNOSUPPORT = 2301096, /* Protocol family not supported */
    SOCKET_ERROR_AFNOSUPPORT = 2301097, /* Address family not supported by protocol */
    SOCKET_ERROR_ADDRINUSE = 2301098, /* Address already in use */
    SOCKET_ERROR_ADDRNOTAVAIL = 2301099, /* Cannot assign requested address */
    SOCKET_ERROR_NETDOWN = 2301100, /* Network is down */
    SOCKET_ERROR_NETUNREACH = 2301101, /* Network is unreachable */
    SOCKET_ERROR_NETRESET = 2301102, /* Network dropped connection on reset */
    SOCKET_ERROR_CONNABORTED = 2301103, /* Software caused connection abort */
    SOCKET_ERROR_CONNRESET = 2301104, /* Connection reset by peer */
    SOCKET_ERROR_NOBUFS = 2301105, /* No buffer space available */
    SOCKET_ERROR_ISCONN = 2301106, /* Transport endpoint is already connected */
    SOCKET_ERROR_NOTCONN = 2301107, /* Transport endpoint is not connected */
    SOCKET_ERROR_SHUTDOWN = 2301108, /* Cannot send after transport endpoint shutdown */
    SOCKET_ERROR_TOOMANYREFS = 2301109, /* Too many references: cannot splice */
    SOCKET_ERROR_TIMEDOUT = 2301110, /* Connection timed out */
    SOCKET_ERROR_CONNREFUSED = 2301111, /* Connection refused */
    SOCKET_ERROR_HOSTDOWN = 2301112, /* Host is down */
    SOCKET_ERROR_HOSTUNREACH = 2301113, /* No route to host */
    SOCKET_ERROR_ALREADY = 2301114, /* Operation already in progress */
    SOCKET_ERROR_INPROGRESS = 2301115, /* Operation now in progress */
    SOCKET_ERROR_STALE = 2301116, /* Stale file handle */
    SOCKET_ERROR_UCLEAN = 2301117, /* Structure needs cleaning */
    SOCKET_ERROR_NOTNAM = 2301118, /* Not a XENIX named type file */
    SOCKET_ERROR_NAVAIL = 2301119, /* No XENIX semaphores available */
    SOCKET_ERROR_ISNAM = 2301120, /* Is a named type file */
    SOCKET_ERROR_REMOTEIO = 2301121, /* Remote I/O error */
    SOCKET_ERROR_DQUOT = 2301122, /* Disk quota exceeded */
    SOCKET_ERROR_NOMEDIUM = 2301123, /* No medium found */
    SOCKET_ERROR_MEDIUMTYPE = 2301124, /* Wrong medium type */
    SOCKET_ERROR_CANCELED = 2301125, /* Operation canceled */
    SOCKET_ERROR_NOKEY = 2301126, /* Required key not available */
    SOCKET_ERROR_KEYEXPIRED = 2301127, /* Key has expired */
    SOCKET_ERROR_KEYREVOKED = 2301128, /* Key has been revoked */
    SOCKET_ERROR_KEYREJECTED = 2301129, /* Key was rejected by service */
    SOCKET_ERROR_OWNERDEAD = 2301130, /* Owner died */
    SOCKET_ERROR_NOTRECOVERABLE = 2301131, /* State not recoverable */
    SOCKET_ERROR_RFKILL = 2301132, /* Operation not possible due to RF-kill */
    SOCKET_ERROR_SOCKS5_CONNECT = 2301206, /* Socks5 failed to connect to the proxy server */
    SOCKET_ERROR_SOCKS5_CREDENTIALS = 2301207, /* Socks5 username or password is invalid */
    SOCKET_ERROR_SOCKS5_REMOTE = 2301208, /* Socks5 failed to connect to the remote server */
    SOCKET_ERROR_SOCKS5_METHOD = 2301209, /* Socks5 failed to negotiate the authentication method */
    SOCKET_ERROR_SOCKS5_SEND = 2301210, /* Socks5 failed to send the message */
    SOCKET_ERROR_SOCKS5_RECEIVE = 2301211, /* Socks5 failed to receive the message */
    SOCKET_ERROR_SOCKS5_SERIALIZE = 2301212, /* Socks5 serialization error */
    SOCKET_ERROR_SOCKS5_DESERIALIZE = 2301213, /* Socks5 deserialization error */
    SOCKET_ERROR_SERVER_PERM = 2303101, /* Operation not permitted */
    SOCKET_ERROR_SERVER_NOENT = 2303102, /* No such file or directory */
    SOCKET_ERROR_SERVER_SRCH = 2303103, /* No such process */
    SOCKET_ERROR_SERVER_INTR = 2303104, /* Interrupted system call */
    SOCKET_ERROR_SERVER_IO = 2303105, /* Input/output error */
    SOCKET_ERROR_SERVER_NXIO = 2303106, /* No such device or address */
    SOCKET_ERROR_SERVER_2BIG = 2303107, /* Argument list too long */
    SOCKET_ERROR_SERVER_NOEXEC = 2303108, /* Exec format error */
    SOCKET_ERROR_SERVER_BADF = 2303109, /* Bad file descriptor */
    SOCKET_ERROR_SERVER_CHILD = 2303110, /* No child processes */
    SOCKET_ERROR_SERVER_AGAIN = 2303111, /* Resource temporarily unavailable */
    SOCKET_ERROR_SERVER_NOMEM = 2303112, /* Cannot allocate memory */
    SOCKET_ERROR_SERVER_ACCES = 2303113, /* Permission denied */
    SOCKET_ERROR_SERVER_FAULT = 2303114, /* Bad address */
    SOCKET_ERROR_SERVER_NOTBLK = 2303115, /* Block device required */
    SOCKET_ERROR_SERVER_BUSY = 2303116, /* Device or resource busy */
    SOCKET_ERROR_SERVER_EXIST = 2303117, /* File exists */
    SOCKET_ERROR_SERVER_XDEV = 2303118, /* Invalid cross-device link */
    SOCKET_ERROR_SERVER_NODEV = 2303119, /* No such device */
    SOCKET_ERROR_SERVER_NOTDIR = 2303120, /* Not a directory */
    SOCKET_ERROR_SERVER_ISDIR = 2303121, /* Is a directory */
    SOCKET_ERROR_SERVER_INVAL = 2303122, /* Invalid argument */
    SOCKET_ERROR_SERVER_NFILE = 2303123, /* Too many open files in system */
    SOCKET_ERROR_SERVER_MFILE = 2303124, /* Too many open files */
    SOCKET_ERROR_SERVER_NOTTY = 2303125, /* Inappropriate ioctl for device */
    SOCKET_ERROR_SERVER_TXTBSY = 2303126, /* Text file busy */
    SOCKET_ERROR_SERVER_FBIG = 2303127, /* File too large */
    SOCKET_ERROR_SERVER_NOSPC = 2303128, /* No space left on device */
    SOCKET_ERROR_SERVER_SPIPE = 2303129, /* Illegal seek */
    SOCKET_ERROR_SERVER_ROFS = 2303130, /* Read-only file system */
    SOCKET_ERROR_SERVER_MLINK = 2303131, /* Too many links */
    SOCKET_ERROR_SERVER_PIPE = 2303132, /* Broken pipe */
    SOCKET_ERROR_SERVER_DOM = 2303133, /* Numerical argument out of domain */
    SOCKET_ERROR_SERVER_RANGE = 2303134, /* Numerical result out of range */
    SOCKET_ERROR_SERVER_DEADLK = 2303135, /* Resource deadlock avoided */
    SOCKET_ERROR_SERVER_NAMETOOLONG = 2303136, /* File name too long */
    SOCKET_ERROR_SERVER_NOLCK = 2303137, /* No locks available */
    SOCKET_ERROR_SERVER_NOSYS = 2303138, /* Function not implemented */
    SOCKET_ERROR_SERVER_NOTEMPTY = 2303139, /* Directory not empty */
    SOCKET_ERROR_SERVER_LOOP = 2303140, /* Too many levels of symbolic links */
    SOCKET_ERROR_SERVER_NOMSG = 2303142, /* No message of desired type */
    SOCKET_ERROR_SERVER_IDRM = 2303143, /* Identifier removed */
    SOCKET_ERROR_SERVER_CHRNG = 2303144, /* Channel number out of range */
    SOCKET_ERROR_SERVER_L2NSYNC = 2303145, /* Level 2 not synchronized */
    SOCKET_ERROR_SERVER_L3HLT = 2303146, /* Level 3 halted */
    SOCKET_ERROR_SERVER_L3RST = 2303147, /* Level 3 reset */
    SOCKET_ERROR_SERVER_LNRNG = 2303148, /* Link number out of range */
    SOCKET_ERROR_SERVER_UNATCH = 2303149, /* Protocol driver not attached */
    SOCKET_ERROR_SERVER_NOCSI = 2303150, /* No CSI structure available */
    SOCKET_ERROR_SERVER_L2HLT = 2303151, /* Level 2 halted */
    SOCKET_ERROR_SERVER_BADE = 2303152, /* Invalid exchange */
    SOCKET_ERROR_SERVER_BADR = 2303153, /* Invalid request descriptor */
    SOCKET_ERROR_SERVER_XFULL = 2303154, /* Exchange full */
    SOCKET_ERROR_SERVER_NOANO = 2303155, /* No anode */
    SOCKET_ERROR_SERVER_BADRQC = 2303156, /* Invalid request code */
    SOCKET_ERROR_SERVER_BADSLT = 2303157, /* Invalid slot */
    SOCKET_ERROR_SERVER_BFONT = 2303159, /* Bad font file format */
    SOCKET_ERROR_SERVER_NOSTR = 2303160, /* Device not a stream */
    SOCKET_ERROR_SERVER_NODATA = 2303161, /* No data available */
    SOCKET_ERROR_SERVER_TIME = 2303162, /* Timer expired */
    SOCKET_ERROR_SERVER_NOSR = 2303163, /* Out of streams resources */
    SOCKET_ERROR_SERVER_NONET = 2303164, /* Machine is not on the network */
    SOCKET_ERROR_SERVER_NOPKG = 2303165, /* Package not installed */
    SOCKET_ERROR_SERVER_REMOTE = 2303166, /* Object is remote */
    SOCKET_ERROR_SERVER_NOLINK = 2303167, /* Link has been severed */
    SOCKET_ERROR_SERVER_ADV = 2303168, /* Advertise error */
    SOCKET_ERROR_SERVER_SRMNT = 2303169, /* Srmount error */
    SOCKET_ERROR_SERVER_COMM = 2303170, /* Communication error on send */
    SOCKET_ERROR_SERVER_PROTO = 2303171, /* Protocol error */
    SOCKET_ERROR_SERVER_MULTIHOP = 2303172, /* Multihop attempted */
    SOCKET_ERROR_SERVER_DOTDOT = 2303173, /* RFS specific error */
    SOCKET_ERROR_SERVER_BADMSG = 2303174, /* Bad message */
    SOCKET_ERROR_SERVER_OVERFLOW = 2303175, /* Value too large for defined data type */
    SOCKET_ERROR_SERVER_NOTUNIQ = 2303176, /* Name not unique on network */
    SOCKET_ERROR_SERVER_BADFD = 2303177, /* File descriptor in bad state */
    SOCKET_ERROR_SERVER_REMCHG = 2303178, /* Remote address changed */
    SOCKET_ERROR_SERVER_LIBACC = 2303179, /* Can not access a needed shared library */
    SOCKET_ERROR_SERVER_LIBBAD = 2303180, /* Accessing a corrupted shared library */
    SOCKET_ERROR_SERVER_LIBSCN = 2303181, /* .lib section in a.out corrupted */
    SOCKET_ERROR_SERVER_LIBMAX = 2303182, /* Attempting to link in too many shared libraries */
    SOCKET_ERROR_SERVER_LIBEXEC = 2303183, /* Cannot exec a shared library directly */
    SOCKET_ERROR_SERVER_ILSEQ = 2303184, /* Invalid or incomplete multibyte or wide character */
    SOCKET_ERROR_SERVER_RESTART = 2303185, /* Interrupted system call should be restarted */
    SOCKET_ERROR_SERVER_STRPIPE = 2303186, /* Streams pipe error */
    SOCKET_ERROR_SERVER_USERS = 2303187, /* Too many users */
    SOCKET_ERROR_SERVER_NOTSOCK = 2303188, /* Socket operation on non-socket */
    SOCKET_ERROR_SERVER_DESTADDRREQ = 2303189, /* Destination address required */
    SOCKET_ERROR_SERVER_MSGSIZE = 2303190, /* Message too long */
    SOCKET_ERROR_SERVER_PROTOTYPE = 2303191, /* Protocol wrong type for socket */
    SOCKET_ERROR_SERVER_NOPROTOOPT = 2303192, /* Protocol not available */
    SOCKET_ERROR_SERVER_PROTONOSUPPORT = 2303193, /* Protocol not supported */
    SOCKET_ERROR_SERVER_SOCKTNOSUPPORT = 2303194, /* Socket type not supported */
    SOCKET_ERROR_SERVER_NOTSUP = 2303195, /* Operation not supported */
    SOCKET_ERROR_SERVER_PFNOSUPPORT = 2303196, /* Protocol family not supported */
    SOCKET_ERROR_SERVER_AFNOSUPPORT = 2303197, /* Address family not supported by protocol */
    SOCKET_ERROR_SERVER_ADDRINUSE = 2303198, /* Address already in use */
    SOCKET_ERROR_SERVER_ADDRNOTAVAIL = 2303199, /* Cannot assign requested address */
    SOCKET_ERROR_SERVER_NETDOWN = 2303200, /* Network is down */
    SOCKET_ERROR_SERVER_NETUNREACH = 2303201, /* Network is unreachable */
    SOCKET_ERROR_SERVER_NETRESET = 2303202, /* Network dropped connection on reset */
    SOCKET_ERROR_SERVER_CONNABORTED = 2303203, /* Software caused connection abort */
    SOCKET_ERROR_SERVER_CONNRESET = 2303204, /* Connection reset by peer */
    SOCKET_ERROR_SERVER_NOBUFS = 2303205, /* No buffer space available */
    SOCKET_ERROR_SERVER_ISCONN = 2303206, /* Transport endpoint is already connected */
    SOCKET_ERROR_SERVER_NOTCONN = 2303207, /* Transport endpoint is not connected */
    SOCKET_ERROR_SERVER_SHUTDOWN = 2303208, /* Cannot send after transport endpoint shutdown */
    SOCKET_ERROR_SERVER_TOOMANYREFS = 2303209, /* Too many references: cannot splice */
    SOCKET_ERROR_SERVER_TIMEDOUT = 2303210, /* Connection timed out */
    SOCKET_ERROR_SERVER_CONNREFUSED = 2303211, /* Connection refused */
    SOCKET_ERROR_SERVER_HOSTDOWN = 2303212, /* Host is down */
    SOCKET_ERROR_SERVER_HOSTUNREACH = 2303213, /* No route to host */
    SOCKET_ERROR_SERVER_ALREADY = 2303214, /* Operation already in progress */
    SOCKET_ERROR_SERVER_INPROGRESS = 2303215, /* Operation now in progress */
    SOCKET_ERROR_SERVER_STALE = 2303216, /* Stale file handle */
    SOCKET_ERROR_SERVER_UCLEAN = 2303217, /* Structure needs cleaning */
    SOCKET_ERROR_SERVER_NOTNAM = 2303218, /* Not a XENIX named type file */
    SOCKET_ERROR_SERVER_NAVAIL = 2303219, /* No XENIX semaphores available */
    SOCKET_ERROR_SERVER_ISNAM = 2303220, /* Is a named type file */
    SOCKET_ERROR_SERVER_REMOTEIO = 2303221, /* Remote I/O error */
    SOCKET_ERROR_SERVER_DQUOT = 2303222, /* Disk quota exceeded */
    SOCKET_ERROR_SERVER_NOMEDIUM = 2303223, /* No medium found */
    SOCKET_ERROR_SERVER_MEDIUMTYPE = 2303224, /* Wrong medium type */
    SOCKET_ERROR_SERVER_CANCELED = 2303225, /* Operation canceled */
    SOCKET_ERROR_SERVER_NOKEY = 2303226, /* Required key not available */
    SOCKET_ERROR_SERVER_KEYEXPIRED = 2303227, /* Key has expired */
    SOCKET_ERROR_SERVER_KEYREVOKED = 2303228, /* Key has been revoked */
    SOCKET_ERROR_SERVER_KEYREJECTED = 2303229, /* Key was rejected by service */
    SOCKET_ERROR_SERVER_OWNERDEAD = 2303230, /* Owner died */
    SOCKET_ERROR_SERVER_NOTRECOVERABLE = 2303231, /* State not recoverable */
    SOCKET_ERROR_SERVER_RFKILL = 2303232, /* Operation not possible due to RF-kill */
    SOCKET_ERROR_TLS_SESSION = 2303501, /* There is no TLS session */
    SOCKET_ERROR_TLS_READ = 2303502, /* Reading on the TLS socket failed */
    SOCKET_ERROR_TLS_WRITE = 2303503, /* Writing on the TLS socket failed */
    SOCKET_ERROR_TLS_CERTIFICATE = 2303504, /* Verifying the X.509 certificate failed */
    SOCKET_ERROR_TLS_SYSTEM_CALL = 2303505, /* TLS failed: its options, the handshake, or a stream that was cut */
    SOCKET_ERROR_TLS_CLOSE = 2303506, /* Closing the TLS connection failed */
    SOCKET_ERROR_TLS_NOT_BOUND = 2303600, /* The TLS socket is not bound */
    SOCKET_ERROR_TLS_BADFD = 2303601, /* The file descriptor of the TLS socket is invalid */
    SOCKET_ERROR_TLS_NOT_CONNECTED = 2303602 /* The TLS socket is not connected */
};

/* What a program can do about an error: socket_error_category. */
enum {
    SOCKET_CATEGORY_NONE = 0, /* Success */
    SOCKET_CATEGORY_USAGE = 1, /* The call cannot work as made: bad argument, wrong state, not supported */
    SOCKET_CATEGORY_IO = 2, /* The operation failed in a way that no other category describes */
    SOCKET_CATEGORY_CLOSED = 3, /* The connection has ended, or the operation was cancelled by a close */
    SOCKET_CATEGORY_TIMEOUT = 4, /* The time allowed has passed */
    SOCKET_CATEGORY_AGAIN = 5, /* Nothing is wrong; the same call may succeed when it is repeated */
    SOCKET_CATEGORY_RESOURCE = 6, /* The process or the system is out of descriptors, memory or space */
    SOCKET_CATEGORY_ADDRESS = 7, /* The address is in use or is not one of this machine's */
    SOCKET_CATEGORY_UNREACHABLE = 8, /* The peer refused or there is no way to it */
    SOCKET_CATEGORY_PERMISSION = 9, /* The system or a proxy denies it */
    SOCKET_CATEGORY_RESOLVE = 10, /* The host name has no address */
    SOCKET_CATEGORY_TLS = 11, /* The TLS session failed: handshake, certificate, record layer */
    SOCKET_CATEGORY_INTERNAL = 12 /* A defect of the library or a code that it does not know */
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
 * socket_event is what a listener is given and what a record holds. It is filled by the library
 * and is read-only; what it points to is the library's, and is valid until the listener returns
 * or, for a record, until the next socket_loop_poll or socket_loop_close of that loop. Its
 * layout (96 bytes) never changes; a later version may give meaning to the reserved fields.
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
 * NUL-terminated: PEM up to 1 MiB each, lists and pass phrases up to 16 KiB, server_name up to
 * 253 bytes. For a 401 socket_get_error_detail names the member. Nobody is ever asked for a
 * pass phrase.
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
     * Servers: further ones. A client that names a host (SNI) gets the first whose certificate
     * is for that host, any other client the first of all; of certificates for the same hosts
     * that with a kind of key the client knows.
     */
    const socket_tls_identity *more_identities;
    /*
     * PEM: whom to trust, each text with one or several certificates. It takes the place of the
     * system's store. NULL: the system's store.
     */
    const char *const *ca;
    /*
     * Names of OpenSSL, separated by colons, TLS 1.2 and 1.3 mixed:
     * "ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256". Suites of one version only exclude
     * the other. NULL: OpenSSL's defaults.
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
     * fails with 2301110. 0 (default): no limit. Negative: 2301033.
     */
    int32_t socket_timeout_ms;
    /* SO_BROADCAST. Default 0. */
    int32_t broadcast;
} socket_extra_options;

/* socket_state_info is what socket_get_state writes. */
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
 * socket_stats is what socket_get_stats writes: counts since the library was loaded, or the
 * present where it says live. What a listener is told of is counted already.
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
     * Live: clients of TLS servers that no connect event has shown yet, since their handshakes
     * run.
     */
    uint64_t tls_handshakes;
    /* Live: TLS connections, also those whose handshakes run. */
    uint64_t tls_sessions;
    /* Live: different sets of secure options that sockets use. */
    uint64_t tls_contexts;
} socket_stats;

#define SOCKET_TLS_OPTIONS_INIT \
    { sizeof(socket_tls_options), 0, { NULL, NULL, NULL }, NULL, NULL, NULL, NULL, NULL, NULL, 0, 0, 0, 0, 0, 0, 0, 0 }
#define SOCKET_LISTEN_OPTIONS_INIT \
    { sizeof(socket_listen_options), 0, { NULL, 0, 0 }, NULL }
#define SOCKET_CONNECT_OPTIONS_INIT \
    { sizeof(socket_connect_options), 0, { NULL, 0, 0 }, NULL }
#define SOCKET_EXTRA_OPTIONS_INIT \
    { sizeof(socket_extra_options), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }
#define SOCKET_STATE_INFO_INIT \
    { sizeof(socket_state_info), 0, 0, 0 }
#define SOCKET_STATS_INIT \
    { sizeof(socket_stats), 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0 }

/* ---- Callbacks --------------------------------------------------------------------------- */

/*
 * A listener is called on the loop's thread, with no lock held; it may call anything. event and
 * what it points to are valid until it returns. user_data is what was given to socket_on; the
 * library never looks at it, and it may be freed once the listener cannot be called any more:
 * in the completion of close, or after socket_off or socket_release on the loop's thread. Do
 * not leave a callback by longjmp, pthread_exit or a C++ exception.
 */
typedef void (*socket_listener)(const socket_event *event, void *user_data);

/*
 * A completion is called exactly once if the function it was given to returned >= 0, and never
 * if that returned < 0; on the loop's thread, after that function has returned, with no lock
 * held. error is 0 or a negative code. NULL asks for no completion.
 */
typedef void (*socket_completion)(socket_handle socket, int error, void *user_data);

/* A posted function or that of a timer, called on the loop's thread with no lock held. */
typedef void (*socket_function)(void *user_data);

/*
 * As the completion of an operation on a socket of a loop in record mode: make a record
 * (SOCKET_EVENT_COMPLETION with the operation's user_data). Any other value but NULL does the
 * same there: it is not called.
 */
#define SOCKET_RECORD ((socket_completion)1)

/* ---- Handles ----------------------------------------------------------------------------- */

/*
 * socket_construct_tcp makes a TCP client on a default loop, whose thread starts with the first
 * socket. It has no descriptor until it is bound or connected. Returns its handle, to be given
 * to socket_release in the end.
 */
socket_handle socket_construct_tcp(void);

/* socket_construct_tcp_server makes a TCP server on a default loop. */
socket_handle socket_construct_tcp_server(void);

/* socket_construct_udp makes a UDP socket on a default loop. */
socket_handle socket_construct_udp(void);

/* socket_construct_tls makes a TLS client on a default loop. */
socket_handle socket_construct_tls(void);

/* socket_construct_tls_server makes a TLS server on a default loop. */
socket_handle socket_construct_tls_server(void);

/*
 * socket_construct_tls_over makes a TLS client of a connected TCP client (STARTTLS), on its
 * loop. The connection and what is unread on it are the new socket's, which is bound;
 * socket_connect then makes the handshake only, and takes its address for the name to verify.
 * The TCP socket is not open any more, without a close event: its listeners are removed; it
 * still has to be released. A handshake that fails ends the connection: after the completion of
 * socket_connect come error and close.
 * Errors: 401 it is not a TCP client, 2303601 it is not open or not valid, 2303602 not
 * connected or its peer has ended, 2301011 it has something queued (wait for the completion of
 * its last send).
 */
socket_handle socket_construct_tls_over(socket_handle tcp);

/*
 * socket_construct makes a socket of a kind (SOCKET_KIND_TCP, _TCP_SERVER, _UDP, _TLS or
 * _TLS_SERVER) on a loop; loop 0 is a default loop.
 * Errors: 401 kind, 2301009 loop, 2301024 no handles (about a million) or descriptors are left.
 */
socket_handle socket_construct(socket_loop loop, int kind);

/*
 * socket_release gives the handle back: it is invalid when this returns. An open socket is
 * closed as by socket_close, sending what is queued. Its listeners are not called any more (a
 * call on another thread may still be running), the close event included; promised completions
 * still come.
 */
int socket_release(socket_handle socket);

/* ---- Operations -------------------------------------------------------------------------- */

/*
 * socket_bind opens a TCP client or UDP socket and gives it a local address: a numeric one
 * (IPv6 link-local with its zone: "fe80::1%eth0") or "localhost" (127.0.0.1; with
 * SOCKET_FAMILY_IPV6 ::1). Port 0 takes a free one: see socket_get_local_address. On UDP the
 * listening event follows and datagrams can be sent and received.
 * Errors: 401 address, port or family, 2301098 in use, 2301099 not an address of this machine,
 * 2301013 privileged port, 2301022 already open, 2301114 closing, 2301095 kind.
 */
int socket_bind(socket_handle socket, const socket_address *address);

/*
 * socket_listen opens a server: it is bound with SO_REUSEADDR and listens. The listening event
 * follows, then a connect event for each client, whose connection is a handle of its own;
 * without a connect listener clients wait in the backlog.
 * Errors: 401 options, 2303198 in use, 2303199 not an address of this machine, 2303113
 * privileged port, 2303122 already listening, 2303214 closing, 2301095 kind; TLS: those of
 * socket_tls_set_secure_options, 2303505 no certificate was given. A TLS server's connect event
 * comes when the client's handshake is done; one that fails is an error event of the server,
 * which goes on.
 */
int socket_listen(socket_handle socket, const socket_listen_options *options);

/*
 * socket_connect connects a TCP client, or gives a UDP socket its one peer. A name is looked
 * up, both families at once; 50 ms after the first question what one of them has is tried
 * without the other. All addresses are tried, the families in turn, each 250 ms after the one
 * before or as soon as that has failed, all within the time limit; a socket that was bound
 * tries one after the other, each for its share of the time. With TLS a handshake that fails,
 * but for certificates, has the next address tried. "localhost" is 127.0.0.1 (with
 * SOCKET_FAMILY_IPV6 ::1), then ::1 for a TCP client. On success the connect event, then the
 * completion (error 0). On failure the completion only, with the reason: 2301111 refused,
 * 2301110 out of time, 2301101 or 2301113 unreachable, 2300004 name not found, 2301125
 * cancelled by close or abort; the socket is as before (if it was bound it is still open, and
 * socket_run waits for it) and can connect again. Sends made meanwhile are queued. TLS: the
 * handshake is part of it, the codes above are 2303100 + errno, and there are 2303504 a
 * certificate was refused, by this side or the peer, and 2303505 every other failure of the
 * handshake; socket_get_error_detail has the reason.
 * Errors: 401 options, 2301106 connected, 2301114 connecting or closing, 2301095 kind; TLS:
 * those of socket_tls_set_secure_options.
 */
int socket_connect(socket_handle socket, const socket_connect_options *options,
    socket_completion completion, void *user_data);

/*
 * socket_send sends bytes, copying what the kernel does not take at once; data is the caller's
 * again when it returns. The completion runs when the kernel has taken all of them, or the
 * connection has failed. A connected UDP socket sends one datagram. TCP: size 0 succeeds and
 * sends nothing. UDP: it is an empty datagram.
 * Errors: 401 data NULL with a size, 2301011 the queue is full (wait for drain), 2301009 not
 * open, 2301107 not connected, 2301089 UDP not connected, 2301108 after end or close, or the
 * error that has ended the connection; on connections of a server 2303100 + errno (2303208
 * after end or close).
 */
int socket_send(socket_handle socket, const void *data, size_t size,
    socket_completion completion, void *user_data);

/*
 * socket_sendv sends the bytes of several buffers (0 to 1024) as one send. A connected UDP
 * socket sends them as one datagram.
 * Errors: as socket_send, and 401 count, or sizes that add up to more than 2 GiB.
 */
int socket_sendv(socket_handle socket, const socket_buffer *buffers, int count,
    socket_completion completion, void *user_data);

/*
 * socket_send_to sends one datagram from a bound UDP socket to a numeric address or "localhost"
 * (look names up with socket_connect).
 * Errors: 401 address or data, 2301009 not bound, 2301022 port 0, 2301011 the queue is full,
 * 2301108 closing, 2301095 kind. Its completion has the datagram's own errors: 2301090 too
 * long, 2301013 broadcast without the option, 2301101 unreachable.
 */
int socket_send_to(socket_handle socket, const socket_address *address, const void *data,
    size_t size, socket_completion completion, void *user_data);

/*
 * socket_flush writes at once what sends on the loop's thread have gathered.
 * Errors: 2301009 not open, 2301107 not connected.
 */
int socket_flush(socket_handle socket);

/*
 * socket_end says that no more will be sent: the queue is sent, then a FIN, then the completion
 * runs. Receiving goes on; when the peer ends too, the socket closes.
 * Errors: 2301009 not open, 2301107 not connected, 2301108 ended before, 2301095 kind.
 */
int socket_end(socket_handle socket, socket_completion completion, void *user_data);

/*
 * socket_close ends the open period: what is queued is sent, then a FIN; input is read and
 * discarded until the peer ends too, at most for the close timeout; then the descriptor is
 * closed, the close event and the completion come, and the handle can be used anew. A connect
 * with nothing queued behind it is cancelled (2301125). The completion's error is 0, or the one
 * that kept queued bytes from being sent. A server's connections stay open.
 * Errors: 2300999 not open.
 */
int socket_close(socket_handle socket, socket_completion completion, void *user_data);

/*
 * socket_abort ends the open period without sending what is queued: TCP resets the connection,
 * pending operations complete with 2301125, then the close event comes.
 * Errors: 2300999 not open.
 */
int socket_abort(socket_handle socket);

/*
 * socket_pause stops reading (on a server: accepting) until socket_resume; what arrives waits
 * in the kernel. The peer's end is still reported when nothing is unread, and then the library
 * closes unless SOCKET_OPTION_ALLOW_HALF_OPEN is set. It stays in force over close. Called on
 * the loop's thread, no message comes after it.
 */
int socket_pause(socket_handle socket);

/* socket_resume ends socket_pause. */
int socket_resume(socket_handle socket);

/*
 * socket_adopt opens a socket with an existing descriptor: a connected one for a TCP client, a
 * listening one for a server (systemd socket activation), a bound or connected one for UDP. On
 * success it belongs to the library, is made non-blocking and close-on-exec, and the connect or
 * listening event follows; otherwise it stays the caller's. TLS: a client with a connected one
 * is bound, and socket_connect makes the handshake only, taking its address for the name to
 * verify; a server has to have been given its secure options.
 * Errors: 2301088 (servers 2303188) not a socket, 2301091 (2303191) of another kind or state,
 * 2301022 already open, 2301114 closing.
 */
int socket_adopt(socket_handle socket, int fd);

/* ---- Listeners and subscriptions --------------------------------------------------------- */

/*
 * socket_on adds a listener of an event (SOCKET_EVENT_CONNECT to _LISTENING), at any time.
 * Listeners of one event are called in the order in which they were added; the same listener
 * and user_data twice is one. One that is added inside a callback hears from the next event on;
 * a close in one does not keep the event from the others. The first message listener starts
 * reading, the first connect listener of a server starts accepting.
 * Errors: 401 event or listener, 2301095 the socket's loop is in record mode.
 */
int socket_on(socket_handle socket, int event, socket_listener listener, void *user_data);

/*
 * socket_off removes the listener that was added with this function and user_data, or all of
 * the event if listener is NULL. Called on the loop's thread it is not called again; elsewhere
 * one call may still be running. Removing what is not there succeeds.
 * Errors: 401 event, 2301009 the handle is not valid (harmless).
 */
int socket_off(socket_handle socket, int event, socket_listener listener, void *user_data);

/*
 * socket_subscribe says which events of a socket become records: the bits
 * SOCKET_EVENT_MASK(type); it replaces what was said before. Records carry user_data.
 * SOCKET_EVENT_MESSAGE starts reading as a listener would.
 * Errors: 401 mask, 2301095 the socket's loop is not in record mode.
 */
int socket_subscribe(socket_handle socket, uint32_t event_mask, void *user_data);

/* ---- Options ----------------------------------------------------------------------------- */

/*
 * socket_set_extra_options sets the options that fields names on an open socket: call it after
 * socket_bind, socket_listen or socket_connect. On a server they are for its connections,
 * present and future, and for itself. They are set in the order of the struct until one fails.
 * Errors: 401 options or a boolean that is neither 0 nor 1, 2301009 not open (a server:
 * 2303109), 2301033 socket_timeout_ms negative, 2301000 + errno (a server: 2303100 + errno).
 */
int socket_set_extra_options(socket_handle socket, const socket_extra_options *options);

/*
 * socket_set_option sets an option of the library (SOCKET_OPTION_*), whether the socket is open
 * or not; those marked "before bind" count from the next bind on. A server hands its options on
 * to the clients it accepts later.
 * Errors: 401 option or value.
 */
int socket_set_option(socket_handle socket, int option, int64_t value);

/*
 * socket_get_option returns the value of an option of the library.
 * Errors: 401 option.
 */
int64_t socket_get_option(socket_handle socket, int option);

/* ---- Getters ----------------------------------------------------------------------------- */

/*
 * socket_get_state writes whether the socket is bound, connected, closed: all 0 before it is
 * opened.
 * Errors: 401 state NULL or its struct_size.
 */
int socket_get_state(socket_handle socket, socket_state_info *state);

/*
 * socket_get_local_address writes the numeric local address, NUL-terminated and cut to
 * capacity, the port and the family (SOCKET_FAMILY_IPV4 or _IPV6). Any pointer may be NULL. 64
 * bytes are enough. Returns the length of the whole text without the NUL.
 * Errors: 2301009 not open.
 */
int socket_get_local_address(socket_handle socket, char *text, size_t capacity, int *port,
    int *family);

/*
 * socket_get_remote_address writes the peer's address, as socket_get_local_address.
 * Errors: 2301009 not open, 2301107 not connected, 2301095 kind.
 */
int socket_get_remote_address(socket_handle socket, char *text, size_t capacity, int *port,
    int *family);

/*
 * socket_get_fd returns the descriptor, to be looked at (getsockopt) but not closed, read or
 * written; it is valid until the close event. Connecting by name may change it.
 * Errors: 2301009 not open.
 */
int socket_get_fd(socket_handle socket);

/*
 * socket_get_send_queue_length returns the bytes of sends that the kernel has not taken yet; 0
 * when the socket is not open.
 */
int64_t socket_get_send_queue_length(socket_handle socket);

/* socket_get_kind returns SOCKET_KIND_*. */
int socket_get_kind(socket_handle socket);

/*
 * socket_get_loop returns the loop of the socket, one of the default loops included: to post to
 * its thread, or to set timers there. Only host-driven loops can be run, polled and closed.
 */
socket_loop socket_get_loop(socket_handle socket);

/*
 * socket_get_client_id returns the number of a server's connection: 1 for the server's first
 * client, never used again.
 * Errors: 2301095 kind.
 */
int64_t socket_get_client_id(socket_handle socket);

/*
 * socket_get_error_detail writes what the socket's last failure said beyond its code ("connect
 * 127.0.0.1:9: Connection refused"), NUL-terminated and cut to capacity; "" if nothing has
 * failed. Calls that cannot work as made (SOCKET_CATEGORY_USAGE) leave it as it was, except for
 * what they find wrong in an address or in options. Returns the length of the whole text.
 */
int socket_get_error_detail(socket_handle socket, char *text, size_t capacity);

/* ---- TLS --------------------------------------------------------------------------------- */

/*
 * socket_tls_set_secure_options sets the secure options of a TLS client or server: for its next
 * connect or listen, and on a listening server for the clients that come from now on, so that a
 * certificate is replaced without a restart. Keys, certificates and lists are checked; on an
 * error the options that were in force stay. socket_get_error_detail has the reason.
 * Connections that are there keep what they have.
 * Errors: 401 options, 2303504 a certificate cannot be read or does not belong to the key,
 * 2303505 the key cannot be read (wrong pass phrase?), an unknown cipher suite or signature
 * algorithm, 2301095 kind.
 */
int socket_tls_set_secure_options(socket_handle socket, const socket_tls_options *options);

/*
 * socket_tls_get_certificate writes the certificate that this side has shown, or has been told
 * to show, in DER; nothing if it is longer than capacity. Returns its length, 0 when there is
 * none. Errors of this and the getters below: 2303600 not open, 2303501 not connected yet,
 * 2301095 kind.
 */
int socket_tls_get_certificate(socket_handle socket, void *buffer, size_t capacity);

/*
 * socket_tls_get_remote_certificate writes the peer's certificate, as
 * socket_tls_get_certificate.
 */
int socket_tls_get_remote_certificate(socket_handle socket, void *buffer, size_t capacity);

/*
 * socket_tls_get_protocol writes the version that was agreed on: "TLSv1.3". As the getters of
 * text below, it writes a NUL-terminated text cut to capacity, and returns the length of the
 * whole. On a listening server it is the highest version that clients get; what comes of a
 * handshake is "" or 0 there.
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
 * socket_tls_get_alpn writes the application protocol that was agreed on: "h2"; "" if one of
 * the sides has named none.
 */
int socket_tls_get_alpn(socket_handle socket, char *text, size_t capacity);

/*
 * socket_tls_get_server_name writes the host that the client has named (SNI), "" if it has
 * named none.
 */
int socket_tls_get_server_name(socket_handle socket, char *text, size_t capacity);

/*
 * socket_tls_is_resumed returns 1 if the handshake has resumed an earlier session, 0 if it was
 * a full one.
 */
int socket_tls_is_resumed(socket_handle socket);

/*
 * socket_tls_set_keylog appends the secrets of later TLS connections of the process to a file
 * (mode 0600), in the format that Wireshark reads: for debugging, since who has the file can
 * read the connections. A server that listens already is included from its next
 * socket_tls_set_secure_options on. NULL ends it. No environment variable does the same.
 * Errors: 401 path, 2301000 + errno the file cannot be opened.
 */
int socket_tls_set_keylog(const char *path);

/* socket_tls_library writes which OpenSSL does the work: "OpenSSL 3.0.15 3 Sep 2024". */
int socket_tls_library(char *text, size_t capacity);

/* ---- Loops ------------------------------------------------------------------------------- */

/*
 * socket_loop_create makes a loop without a thread, to be driven by the host:
 * SOCKET_LOOP_CALLBACKS by socket_loop_run, SOCKET_LOOP_RECORDS by socket_loop_poll. Until it
 * is run or polled nothing happens on its sockets; a connect does not begin.
 * Errors: 401 mode, 2301024 no descriptors are left.
 */
socket_loop socket_loop_create(int mode);

/*
 * socket_loop_fd returns the descriptor to watch for reading (poll, epoll, libuv, asyncio,
 * GLib, Qt), level-triggered: it is readable while socket_loop_run or socket_loop_poll would do
 * something, which need not be a callback or a record. Do not read, write or close it.
 * Errors: 2301009 loop, 2301095 a default loop.
 */
int socket_loop_fd(socket_loop loop);

/*
 * socket_loop_run waits up to timeout_ms (0: not at all, -1: without limit) for events of a
 * loop in callback mode, handles one batch of them on the calling thread and returns the number
 * of callbacks made; 0 also early, when a signal arrived. Another thread ends the wait with
 * socket_loop_post; it is no cancellation point.
 * Errors: 401 timeout_ms, 2301009 loop, 2301095 it is in record mode or a default loop, 2301114
 * it is in use.
 */
int socket_loop_run(socket_loop loop, int timeout_ms);

/*
 * socket_loop_poll waits up to timeout_ms (0: not at all, -1: without limit) for events of a
 * loop in record mode and writes up to capacity (1 to 65536) of them. What they point to is
 * valid until the next socket_loop_poll or socket_loop_close of the loop. Sends made by the
 * calling thread from now on are gathered until socket_loop_flush or the next poll. Returns the
 * number of records; 0 also early, when a signal arrived.
 * Errors: 401 events or capacity, 2301009 loop, 2301095 it is in callback mode or a default
 * loop, 2301114 it is in use.
 */
int socket_loop_poll(socket_loop loop, socket_event *events, int capacity, int timeout_ms);

/*
 * socket_loop_flush writes what has been gathered since the last poll and ends the gathering.
 * To be called by the thread that polled, before it waits on the loop's descriptor by other
 * means.
 * Errors: 2301009 loop, 2301114 it is in use.
 */
int socket_loop_flush(socket_loop loop);

/*
 * socket_loop_post runs a function on the loop's thread, once, in the order of posting; loop 0
 * is the first default loop. In record mode function is NULL and a SOCKET_EVENT_POST record
 * with user_data is made.
 * Errors: 401 function NULL or not as the mode wants it, 2301009 loop.
 */
int socket_loop_post(socket_loop loop, socket_function function, void *user_data);

/*
 * socket_loop_set_timer runs a function on the loop's thread after delay_ms and then, if
 * interval_ms is not 0, every interval_ms; both 0 to 2^40. Intervals missed by a busy loop are
 * left out. Loop 0 is the first default loop. In record mode function is NULL and
 * SOCKET_EVENT_TIMER records with the id as size are made. Returns the timer's id (> 0).
 * Errors: 401, 2301009 loop.
 */
int64_t socket_loop_set_timer(socket_loop loop, int64_t delay_ms, int64_t interval_ms,
    socket_function function, void *user_data);

/*
 * socket_loop_clear_timer stops a timer. Called on the loop's thread its function is not called
 * again; elsewhere one call may still be running.
 * Errors: 401 there is no such timer (any more), 2301009 loop.
 */
int socket_loop_clear_timer(socket_loop loop, int64_t timer);

/*
 * socket_loop_close aborts the sockets of a host-driven loop and releases them. In callback
 * mode their completions and close events run before it returns and the loop is gone. In record
 * mode keep polling (any timeout) until it returns -2301009: the loop is gone; a second
 * socket_loop_close drops the remaining records.
 * Errors: 2301009 loop (a default one too: socket_shutdown ends those), 2301114 it is in use.
 */
int socket_loop_close(socket_loop loop);

/*
 * socket_set_dispatch_threads sets how many default loops there are, each with a thread (1 to
 * 256, default 1). New sockets and accepted clients are spread over them in turn.
 * Errors: 401 count, 2301114 a default loop is running (socket_shutdown ends them).
 */
int socket_set_dispatch_threads(int count);

/*
 * socket_run waits until the default loops have no open socket and nothing left to deliver, and
 * returns 0. Timers and posted functions do not keep it.
 * Errors: 2301035 called inside a callback of a default loop.
 */
int socket_run(void);

/*
 * socket_shutdown aborts the sockets of the default loops, delivers their completions and close
 * events, releases their handles and ends the loops; afterwards none of their callbacks runs.
 * Host-driven loops are not touched. The next construct starts anew. timeout_ms: 0 to 86400000.
 * Errors: 401, 2301110 a callback did not return in time (the rest is done when it does),
 * 2301035 called inside a callback of a default loop.
 */
int socket_shutdown(int timeout_ms);

/* ---- The library ------------------------------------------------------------------------- */

/*
 * socket_set_compat makes sockets constructed from now on behave as OpenHarmony's own where
 * this library does better (docs/compat.md); the environment variable OHSOCKET_COMPAT=1 does so
 * from the start. Returns the previous setting.
 * Errors: 401.
 */
int socket_set_compat(int on);

/*
 * socket_get_stats writes counters of the library. It does not stop the world.
 * Errors: 401 stats NULL or its struct_size.
 */
int socket_get_stats(socket_stats *stats);

/* ---- Errors and version ------------------------------------------------------------------ */

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
