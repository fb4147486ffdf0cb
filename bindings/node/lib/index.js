'use strict';

const native = require('./native.js');
const { TCPSocket } = require('./tcp.js');
const { MulticastSocket, UDPSocket } = require('./udp.js');
const { TCPSocketServer, TCPSocketConnection } = require('./server.js');
const { TLSSocket, TLSSocketServer, TLSSocketConnection } = require('./tls.js');
const { Protocol, setTLSKeylog } = require('./secure.js');
const { BusinessError } = require('./errors.js');
const { setCompat } = require('./compat.js');
const { setTotalQueueLimit } = require('./total.js');
const { ErrorCategory, ErrorCode, Family, Option } = require('./constants.js');

const ProxyTypes = Object.freeze({ NONE: 0, SOCKS5: 1 });

module.exports = {
  constructTCPSocketInstance: () => new TCPSocket(),
  constructUDPSocketInstance: () => new UDPSocket(),
  constructMulticastSocketInstance: () => new MulticastSocket(),
  constructTCPSocketServerInstance: () => new TCPSocketServer(),
  constructTLSSocketInstance: (...args) => new TLSSocket(...args),
  constructTLSSocketServerInstance: () => new TLSSocketServer(),
  TCPSocket,
  UDPSocket,
  MulticastSocket,
  TCPSocketServer,
  TCPSocketConnection,
  TLSSocket,
  TLSSocketServer,
  TLSSocketConnection,
  Protocol,
  ProxyTypes,
  BusinessError,
  ErrorCode,
  ErrorCategory,
  Family,
  Option,
  setCompat,
  setTLSKeylog,
  setTotalQueueLimit,
  getStats: native.stats,
  version: native.version(),
};
