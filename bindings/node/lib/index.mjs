import socket from './index.js';

export default socket;
export const {
  constructTCPSocketInstance,
  constructUDPSocketInstance,
  constructTCPSocketServerInstance,
  constructTLSSocketInstance,
  constructTLSSocketServerInstance,
  TCPSocket,
  UDPSocket,
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
  getStats,
  version,
} = socket;
