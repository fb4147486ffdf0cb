/// <reference types="node" />
import constants = require('./constants');
import { Duplex, DuplexOptions } from 'stream';

/**
 * OpenHarmony's `@ohos.net.socket` on Node. Every method that takes a callback returns a promise instead
 * when it is called without one.
 */
declare namespace socket {
  /** Called with an error, or with undefined and the result. */
  type AsyncCallback<T, E = void> = (error: BusinessError<E>, data: T) => void;
  type Callback<T> = (data: T) => void;
  type ErrorCallback = (error: BusinessError) => void;

  /** The error of everything here. */
  class BusinessError<T = void> extends Error {
    constructor(code: number, message?: string, options?: { cause?: unknown });
    /** One of ErrorCode. */
    code: number;
    /** As OpenHarmony declares it; not used. */
    data: T;
    /** What can be done about it: one of ErrorCategory. */
    readonly category: number;
  }

  /** One end of a connection. */
  interface NetAddress {
    /** Numeric (IPv6 with `%zone` where it has one), or a host name where the method allows it. */
    address: string;
    /** 0 to 65535. Default 0: any free port. What connects, and a send of UDP, must name one. */
    port?: number;
    /** 1 IPv4, 2 IPv6, 3 a name. Default: whatever the address is. */
    family?: number;
  }

  /** A multicast group. */
  interface MulticastAddress extends NetAddress {
    /** The interface on which to be a member: its name or index. Default: the zone of the address, or that of the route. */
    interface?: string | number;
    /** Only datagrams of this sender are wanted: a numeric address. */
    source?: string;
  }

  interface ListenAddress extends NetAddress {
    /** Connections the kernel keeps for the server to accept. Default 0: the system's maximum. */
    backlog?: number;
  }

  interface ProxyOptions {
    type: number;
    address?: NetAddress;
    username?: string;
    password?: string;
  }

  interface TCPConnectOptions {
    /** An address or a host name, all of whose addresses are tried. */
    address: NetAddress;
    /** Milliseconds for look-up and connection together. Default 5000. */
    timeout?: number;
    /**
     * Cancels the connect; the error's name is AbortError, its cause the signal's reason, and the socket can be
     * opened again. A connect that is under way fails after the close event; with a signal that is aborted
     * already nothing begins, and there is no close event.
     */
    signal?: AbortSignal;
    /** Only `{ type: ProxyTypes.NONE }`; others fail with 2301095. */
    proxy?: ProxyOptions;
  }

  type Data = string | ArrayBuffer | ArrayBufferView;

  interface TCPSendOptions {
    data: Data;
    /** Of a string: UTF-8 (default), UTF-16, UTF-16BE, UTF-16LE, US-ASCII or ISO-8859-1. */
    encoding?: string;
  }

  interface UDPSendOptions extends TCPSendOptions {
    address: NetAddress;
    /** Only `{ type: ProxyTypes.NONE }`; others fail with 2301095. */
    proxy?: ProxyOptions;
  }

  /** PEM texts; `docs/guide/tls.md` in the source repository explains them. */
  interface TLSSecureOptions {
    /** Whom to trust; absent: the system's store. */
    ca?: string | string[];
    /** The certificate, then its chain. */
    cert?: string | string[];
    key?: string;
    /** Of an encrypted key. */
    password?: string;
    /** Default: TLS 1.2 and 1.3. */
    protocols?: Protocol | Protocol[];
    /** Servers: the client's order of cipher suites counts. */
    useRemoteCipherPrefer?: boolean;
    signatureAlgorithms?: string;
    /** OpenSSL's names, separated by colons. Names of one version only exclude the other, unless protocols names both. */
    cipherSuite?: string;
    /** Servers: the client must show a certificate that ca vouches for. */
    isBidirectionalAuthentication?: boolean;
    /** Servers: further certificates; a client gets the one for the host that it names. Up to 1000. */
    moreIdentities?: TLSIdentity[];
    /** Clients resume no sessions; servers give no tickets. */
    noSessionResumption?: boolean;
    /** Servers: a client is asked for a certificate and may go on without; one that it shows is verified. */
    optionalClientCertificate?: boolean;
    /** Groups of the key exchange by OpenSSL's names, separated by colons: "X25519:P-256". */
    groups?: string;
    /** SHA-256 of public keys in base64; the peer's chain must have one of them. Up to 100. */
    pins?: string | string[];
  }

  /** A certificate with its chain, and its key, in PEM. */
  interface TLSIdentity {
    cert: string | string[];
    key: string;
    password?: string;
  }

  interface TLSConnectOptions extends TCPConnectOptions {
    secureOptions: TLSSecureOptions;
    ALPNProtocols?: string[];
    /** Accepts any certificate, for tests. */
    skipRemoteValidation?: boolean;
    /** The name that the server's certificate must have. Default: the address. */
    serverName?: string;
  }

  interface TLSListenOptions {
    address: ListenAddress;
    secureOptions: TLSSecureOptions;
    ALPNProtocols?: string[];
  }

  interface X509CertRawData {
    data: Uint8Array;
    /** 0: DER. */
    encodingFormat: number;
  }

  interface ExtraOptionsBase {
    /** SO_RCVBUF in bytes, 0 to 262144; any other number means 8192. */
    receiveBufferSize?: number;
    /** SO_SNDBUF, as receiveBufferSize. */
    sendBufferSize?: number;
    /** SO_REUSEADDR of the open socket: too late for its bind; Option.REUSE_ADDRESS is set before. */
    reuseAddress?: boolean;
    /** Milliseconds that queued data may wait without any being sent. Default 0: no limit. */
    socketTimeout?: number;
  }

  interface UDPExtraOptions extends ExtraOptionsBase {
    /** SO_BROADCAST. */
    broadcast?: boolean;
  }

  interface TCPExtraOptions extends ExtraOptionsBase {
    keepAlive?: boolean;
    OOBInline?: boolean;
    TCPNoDelay?: boolean;
    /** linger: milliseconds that close waits for the peer, 0 to 65535; 0 resets the connection. */
    socketLinger?: { on: boolean; linger: number };
  }

  interface SocketStateBase {
    isBound: boolean;
    isClose: boolean;
    isConnected: boolean;
  }

  interface SocketRemoteInfo {
    address: string;
    family: 'IPv4' | 'IPv6';
    port: number;
    /** Bytes of the message. */
    size: number;
  }

  interface SocketMessageInfo {
    /** The program's own: a copy of exactly the bytes of the message. */
    message: ArrayBuffer;
    remoteInfo: SocketRemoteInfo;
  }

  /** The listeners of a kind of socket. */
  interface Events {
    /** After a refused send (2301011) the queue has fallen under half its limit. */
    drain: Callback<void>;
    error: ErrorCallback;
    close: Callback<void>;
  }
  interface StreamEvents extends Events {
    message: Callback<SocketMessageInfo>;
    /** The peer sends no more. */
    end: Callback<void>;
  }
  interface TCPSocketEvents extends StreamEvents {
    connect: Callback<void>;
  }
  interface UDPSocketEvents extends Events {
    message: Callback<SocketMessageInfo>;
    listening: Callback<void>;
  }
  interface TCPSocketServerEvents extends Events {
    connect: Callback<TCPSocketConnection>;
    listening: Callback<void>;
  }

  interface TLSSocketEvents extends StreamEvents {
    connect: Callback<void>;
  }
  interface TLSSocketServerEvents extends Events {
    /** A client whose handshake is done. Failed handshakes are error events; the server goes on. */
    connect: Callback<TLSSocketConnection>;
    listening: Callback<void>;
  }

  /** What all sockets have. */
  interface Socket<E> {
    /** Adds a listener; one that is there already is not added again. */
    on<T extends keyof E>(type: T, callback: E[T]): this;
    once<T extends keyof E>(type: T, callback: E[T]): this;
    /** Removes a listener, or all of the event. */
    off<T extends keyof E>(type: T, callback?: E[T]): this;
    addListener<T extends keyof E>(type: T, callback: E[T]): this;
    removeListener<T extends keyof E>(type: T, callback?: E[T]): this;
    listenerCount(type: keyof E): number;

    /** Sends what is queued, then closes. The socket can be opened again. */
    close(callback: AsyncCallback<void>): void;
    close(): Promise<void>;
    /** Closes at once, and drops what is queued; a TCP connection is reset. Throws 2300999 (TLS: 2303600) when not open. */
    abort(): this;
    /** Stops message (server: connect) events; what arrives waits in the kernel. Holds for the next opening too. */
    pause(): this;
    resume(): this;
    isPaused(): boolean;
    /** An open socket keeps the process alive unless it is unref'd; operations under way do in any case. */
    ref(): this;
    unref(): this;
    hasRef(): boolean;

    getState(callback: AsyncCallback<SocketStateBase>): void;
    getState(): Promise<SocketStateBase>;
    getLocalAddress(callback: AsyncCallback<NetAddress>): void;
    getLocalAddress(): Promise<NetAddress>;
    /** Sets an option of the library (Option), at any time. Throws a BusinessError. */
    setOption(option: number, value: number | boolean): this;
    getOption(option: number): number;
    /** Bytes of sends that the kernel has not taken yet. */
    readonly sendQueueLength: number;
    /** Closes, if it is open: for `await using`, which is syntax of TypeScript 5.2 and Node 24. */
    [Symbol.asyncDispose](): Promise<void>;
  }

  interface StreamSocket<E> extends Socket<E> {
    /** Messages until the peer's end; an error of the connection is thrown. The socket is paused while the body does not keep up. */
    [Symbol.asyncIterator](): AsyncIterableIterator<SocketMessageInfo>;
    /** Up to 1024 pieces as one send. */
    sendv(views: (ArrayBuffer | ArrayBufferView)[], callback: AsyncCallback<void>): void;
    sendv(views: (ArrayBuffer | ArrayBufferView)[]): Promise<void>;
    /** Sends what is queued, then says that no more comes. Receiving goes on. */
    end(callback: AsyncCallback<void>): void;
    end(): Promise<void>;
    getRemoteAddress(callback: AsyncCallback<NetAddress>): void;
    getRemoteAddress(): Promise<NetAddress>;
    /** The socket must be open. */
    setExtraOptions(options: TCPExtraOptions, callback: AsyncCallback<void>): void;
    setExtraOptions(options: TCPExtraOptions): Promise<void>;
    /**
     * The connection as a stream, which from then on takes its messages and closes it. allowHalfOpen is false
     * by default. To be called in the connect listener or right after connect: a connection that nobody reads
     * closes itself at the peer's end unless Option.ALLOW_HALF_OPEN is set, and then this throws 2301107.
     */
    duplex(options?: DuplexOptions): SocketDuplex<E>;
  }

  /** With what programs use of net.Socket. The addresses are undefined when the connection has ended. */
  interface SocketDuplex<E = StreamEvents> extends Duplex {
    readonly socket: StreamSocket<E>;
    readonly remoteAddress: string | undefined;
    readonly remotePort: number | undefined;
    readonly remoteFamily: 'IPv4' | 'IPv6' | undefined;
    readonly localAddress: string | undefined;
    readonly localPort: number | undefined;
    readonly localFamily: 'IPv4' | 'IPv6' | undefined;
    readonly bytesRead: number;
    readonly bytesWritten: number;
    readonly bufferSize: number;
    readonly connecting: boolean;
    readonly pending: boolean;
    readonly readyState: 'opening' | 'open' | 'readOnly' | 'writeOnly' | 'closed';
    readonly timeout: number | undefined;
    /** TLS only. */
    readonly encrypted: true | undefined;
    readonly alpnProtocol: string | false | undefined;
    address(): { address: string; family: 'IPv4' | 'IPv6'; port: number } | Record<string, never>;
    /** Makes no connection: it tells with the events connect and ready that the socket has one. */
    connect(...args: unknown[]): this;
    setTimeout(milliseconds: number, callback?: () => void): this;
    setNoDelay(noDelay?: boolean): this;
    /** initialDelay: milliseconds, of which whole seconds count. */
    setKeepAlive(enable?: boolean, initialDelay?: number): this;
    ref(): this;
    unref(): this;
    destroySoon(): void;
    resetAndDestroy(): this;
  }

  interface TCPStreamSocket<E> extends StreamSocket<E> {
    /** Done when the kernel has taken all bytes. */
    send(options: TCPSendOptions, callback: AsyncCallback<void>): void;
    send(options: TCPSendOptions): Promise<void>;
  }

  interface TLSStreamSocket<E> extends StreamSocket<E> {
    /** Data of at least one byte. */
    send(data: Data, callback: AsyncCallback<void>): void;
    send(data: Data): Promise<void>;
    getCertificate(callback: AsyncCallback<X509CertRawData>): void;
    getCertificate(): Promise<X509CertRawData>;
    /** Fails with 2303504 when the peer has shown none, as clients need not. */
    getRemoteCertificate(callback: AsyncCallback<X509CertRawData>): void;
    getRemoteCertificate(): Promise<X509CertRawData>;
    /** What the peer has sent: its certificate, then the others. A connection that a server has resumed has the first only. */
    getRemoteCertificateChain(callback: AsyncCallback<X509CertRawData[]>): void;
    getRemoteCertificateChain(): Promise<X509CertRawData[]>;
    /** The version that was agreed on: "TLSv1.3". */
    getProtocol(callback: AsyncCallback<string>): void;
    getProtocol(): Promise<string>;
    /** The suite that was agreed on, by OpenSSL's name. */
    getCipherSuite(callback: AsyncCallback<string[]>): void;
    getCipherSuite(): Promise<string[]>;
    /** Those that both sides know; a client learns them when the server asks for a certificate. */
    getSignatureAlgorithms(callback: AsyncCallback<string[]>): void;
    getSignatureAlgorithms(): Promise<string[]>;
    /** The application protocol that was agreed on; "" if one of the sides has named none. */
    getALPNProtocol(callback: AsyncCallback<string>): void;
    getALPNProtocol(): Promise<string>;
    /** The group of the key exchange: "x25519"; "" if the suite has none. */
    getGroup(callback: AsyncCallback<string>): void;
    getGroup(): Promise<string>;
    /** The host that the client has named; "" if none. */
    getServerName(callback: AsyncCallback<string>): void;
    getServerName(): Promise<string>;
    /** Whether the handshake has resumed an earlier session. Throws when not connected. */
    isSessionReused(): boolean;
  }

  class TCPSocket {
    constructor();
    /** Gives the socket a local address: a numeric one or "localhost". */
    bind(address: NetAddress, callback: AsyncCallback<void>): void;
    bind(address: NetAddress): Promise<void>;
    connect(options: TCPConnectOptions, callback: AsyncCallback<void>): void;
    connect(options: TCPConnectOptions): Promise<void>;
    /** The descriptor, to be looked at only; undefined when there is none. */
    getSocketFd(callback: AsyncCallback<number | undefined>): void;
    getSocketFd(): Promise<number | undefined>;
  }
  interface TCPSocket extends TCPStreamSocket<TCPSocketEvents> {}

  class TCPSocketServer {
    constructor();
    /** Listens at a numeric address or "localhost". Wrong arguments are thrown. */
    listen(address: ListenAddress, callback: AsyncCallback<void>): void;
    listen(address: ListenAddress): Promise<void>;
    /** For the server's clients, present and future. The server must listen. */
    setExtraOptions(options: TCPExtraOptions, callback: AsyncCallback<void>): void;
    setExtraOptions(options: TCPExtraOptions): Promise<void>;
    /** The descriptor, to be looked at only; -1 when there is none. */
    getSocketFd(callback: AsyncCallback<number>): void;
    getSocketFd(): Promise<number>;
  }
  interface TCPSocketServer extends Socket<TCPSocketServerEvents> {
    /** Clients until the server is closed. It does not accept while many wait for the body. */
    [Symbol.asyncIterator](): AsyncIterableIterator<TCPSocketConnection>;
  }

  /** A client of a server; made by the server. */
  class TCPSocketConnection {
    private constructor();
    /** 1 for the server's first client, never used again. */
    readonly clientId: number;
    getSocketFd(callback: AsyncCallback<number>): void;
    getSocketFd(): Promise<number>;
  }
  interface TCPSocketConnection extends TCPStreamSocket<StreamEvents> {}

  class UDPSocket {
    constructor();
    bind(address: NetAddress, callback: AsyncCallback<void>): void;
    bind(address: NetAddress): Promise<void>;
    /** Sends one datagram. A name is looked up first; sends and close wait behind it. */
    send(options: UDPSendOptions, callback: AsyncCallback<void>): void;
    send(options: UDPSendOptions): Promise<void>;
    /** The socket must be bound. */
    setExtraOptions(options: UDPExtraOptions, callback: AsyncCallback<void>): void;
    setExtraOptions(options: UDPExtraOptions): Promise<void>;
    getSocketFd(callback: AsyncCallback<number>): void;
    getSocketFd(): Promise<number>;
  }
  interface UDPSocket extends Socket<UDPSocketEvents> {
    /** Datagrams until the socket is closed. The socket is paused while the body does not keep up. */
    [Symbol.asyncIterator](): AsyncIterableIterator<SocketMessageInfo>;
    /** Becomes a member of a multicast group; the socket must be bound. */
    addMembership(group: MulticastAddress, callback: AsyncCallback<void>): void;
    addMembership(group: MulticastAddress): Promise<void>;
    /** Ends a membership; the socket stays open. */
    dropMembership(group: MulticastAddress, callback: AsyncCallback<void>): void;
    dropMembership(group: MulticastAddress): Promise<void>;
    /** How many networks what is sent to a group may cross: 0 (this machine) to 255, -1 for the default, 1. */
    setMulticastTTL(ttl: number, callback: AsyncCallback<void>): void;
    setMulticastTTL(ttl: number): Promise<void>;
    getMulticastTTL(callback: AsyncCallback<number>): void;
    getMulticastTTL(): Promise<number>;
    /** Whether members on this machine receive what this socket sends to a group. Default: true. */
    setLoopbackMode(flag: boolean, callback: AsyncCallback<void>): void;
    setLoopbackMode(flag: boolean): Promise<void>;
    getLoopbackMode(callback: AsyncCallback<boolean>): void;
    getLoopbackMode(): Promise<boolean>;
    /** The interface by which datagrams for groups leave, by name or index; '' for that of the route. At any time. */
    setMulticastInterface(name: string | number): this;
    /** Whether others may have its port. Before the socket is open. */
    setReuseAddress(reuse: boolean): void;
  }

  /** A UDP socket for multicast groups: addMembership opens it, and several of them may have one port. */
  class MulticastSocket extends UDPSocket {}

  class TLSSocket {
    /**
     * tcp: a connected TCPSocket, whose connection becomes this socket's; connect makes the handshake. tcp then
     * is closed, without a close event, has no listeners any more, and can be opened again. Throws 2303601 when
     * tcp is not open, 2303602 when it is not connected, 2301011 when it holds messages that nobody has taken.
     */
    constructor(tcp?: TCPSocket);
    bind(address: NetAddress, callback: AsyncCallback<void>): void;
    bind(address: NetAddress): Promise<void>;
    connect(options: TLSConnectOptions, callback: AsyncCallback<void>): void;
    connect(options: TLSConnectOptions): Promise<void>;
    getSocketFd(callback: AsyncCallback<number | undefined>): void;
    getSocketFd(): Promise<number | undefined>;
  }
  interface TLSSocket extends TLSStreamSocket<TLSSocketEvents> {}

  class TLSSocketServer {
    constructor();
    listen(options: TLSListenOptions, callback: AsyncCallback<void>): void;
    listen(options: TLSListenOptions): Promise<void>;
    setExtraOptions(options: TCPExtraOptions, callback: AsyncCallback<void>): void;
    setExtraOptions(options: TCPExtraOptions): Promise<void>;
    /**
     * Replaces the certificate and all other options of listen but the address, for the clients that come from
     * now on. Throws; then the options that were in force stay.
     */
    setSecureOptions(options: Omit<TLSListenOptions, 'address'>): this;
    getCertificate(callback: AsyncCallback<X509CertRawData>): void;
    getCertificate(): Promise<X509CertRawData>;
    getProtocol(callback: AsyncCallback<string>): void;
    getProtocol(): Promise<string>;
    getSocketFd(callback: AsyncCallback<number>): void;
    getSocketFd(): Promise<number>;
  }
  interface TLSSocketServer extends Socket<TLSSocketServerEvents> {
    /** Clients until the server is closed. It does not accept while many wait for the body. */
    [Symbol.asyncIterator](): AsyncIterableIterator<TLSSocketConnection>;
  }

  /** A client of a TLS server; made by the server. */
  class TLSSocketConnection {
    private constructor();
    readonly clientId: number;
    getSocketFd(callback: AsyncCallback<number>): void;
    getSocketFd(): Promise<number>;
  }
  interface TLSSocketConnection extends TLSStreamSocket<StreamEvents> {}

  function constructTLSSocketInstance(tcpSocket?: TCPSocket): TLSSocket;
  function constructTLSSocketServerInstance(): TLSSocketServer;
  function constructTCPSocketInstance(): TCPSocket;
  function constructTCPSocketServerInstance(): TCPSocketServer;
  function constructUDPSocketInstance(): UDPSocket;
  function constructMulticastSocketInstance(): MulticastSocket;

  enum Protocol {
    TLSv12 = 'TLSv1.2',
    TLSv13 = 'TLSv1.3',
  }
  enum ProxyTypes {
    NONE = 0,
    SOCKS5 = 1,
  }

  export import ErrorCode = constants.ErrorCode;
  export import ErrorCategory = constants.ErrorCategory;
  export import Family = constants.Family;
  export import Option = constants.Option;

  /**
   * Sockets constructed from now on in this thread behave as OpenHarmony's own where this package does
   * better; OHSOCKET_COMPAT=1 does so from the start. false: as at the start, with the rules of the loader. Returns the previous setting.
   */
  function setCompat(on: boolean): boolean;

  /**
   * Appends the secrets of later TLS connections of the process (of clients that connect and servers that
   * listen from now on) to a file, in the format that Wireshark reads: for debugging, since who has the file
   * can read the connections. undefined ends it. Throws.
   */
  function setTLSKeylog(path: string | undefined): void;

  /**
   * Bounds what the send queues of all sockets of the process hold together, in bytes; 0, as at the start, does not.
   * The first 64 KiB of each queue are free. A send beyond is refused with 2301011 (2303111), and `drain` tells when to
   * go on. Throws.
   */
  function setTotalQueueLimit(bytes: number): void;

  /** Counters of the library, for the whole process. */
  interface Stats {
    /** Live: socket handles, loops, bytes in send queues, of buffers, of the Go heap; goroutines. */
    sockets: number;
    loops: number;
    queuedBytes: number;
    bufferBytes: number;
    goHeapBytes: number;
    goroutines: number;
    /** Since the library was loaded. */
    bytesReceived: number;
    bytesSent: number;
    messagesReceived: number;
    messagesSent: number;
    connectionsAccepted: number;
    loopIterations: number;
    internalErrors: number;
    /** Live: clients of TLS servers before their connect event, TLS connections with them, sets of secure options. */
    tlsHandshakes: number;
    tlsSessions: number;
    tlsContexts: number;
    /** Of all send queues: the limit, live the bytes that count against it, and sends that it has refused. */
    totalQueueLimit: number;
    totalQueueBytes: number;
    totalQueueRefusals: number;
  }
  function getStats(): Stats;

  /** The version of the library: "1.0.0". */
  const version: string;
}

export = socket;
