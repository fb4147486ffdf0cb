import socket from './index.js';

export default socket;
export const {
  constructTCPSocketInstance,
  constructUDPSocketInstance,
  constructTCPSocketServerInstance,
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
  getStats,
  version,
} = socket;
