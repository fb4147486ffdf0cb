'use strict';

const native = require('./native.js');
const { TCPSocket } = require('./tcp.js');
const { UDPSocket } = require('./udp.js');
const { TCPSocketServer, TCPSocketConnection } = require('./server.js');
const { BusinessError } = require('./errors.js');
const { setCompat } = require('./compat.js');
const { ErrorCategory, ErrorCode, Family, Option } = require('./constants.js');

const Protocol = Object.freeze({ TLSv12: 'TLSv1.2', TLSv13: 'TLSv1.3' });
const ProxyTypes = Object.freeze({ NONE: 0, SOCKS5: 1 });

module.exports = {
  constructTCPSocketInstance: () => new TCPSocket(),
  constructUDPSocketInstance: () => new UDPSocket(),
  constructTCPSocketServerInstance: () => new TCPSocketServer(),
  TCPSocket,
  UDPSocket,
  TCPSocketServer,
  TCPSocketConnection,
  Protocol,
  ProxyTypes,
  BusinessError,
  ErrorCode,
  ErrorCategory,
  Family,
  Option,
  setCompat,
  getStats: native.stats,
  version: native.version(),
};
