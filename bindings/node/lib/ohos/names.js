'use strict';
// The names of OpenHarmony's modules. This file loads nothing, so that the hooks' thread can have it.

/** Module, its file, and what the module has. */
const modules = {
  '@ohos.base': ['base', 'AsyncCallback BusinessError Callback ErrorCallback'],
  '@ohos.buffer': ['buffer',
    'Blob Buffer alloc allocUninitialized allocUninitializedFromPool byteLength compare concat from isBuffer '
    + 'isEncoding transcode'],
  '@ohos.events.emitter': ['emitter', 'EventPriority emit getListenerCount off on once'],
  '@ohos.file.fs': ['file',
    'AccessModeType File OpenMode Stat Stream WhenceType access accessSync close closeSync copyFile '
    + 'copyFileSync createStream createStreamSync fsync fsyncSync listFile listFileSync lstat lstatSync mkdir '
    + 'mkdirSync mkdtemp mkdtempSync moveFile moveFileSync open openSync read readSync readText readTextSync '
    + 'rename renameSync rmdir rmdirSync stat statSync truncate truncateSync unlink unlinkSync utimes write '
    + 'writeSync'],
  '@ohos.hilog': ['hilog', 'LogLevel debug error fatal info isLoggable setMinLogLevel warn'],
  '@ohos.net.connection': ['connection',
    'NetBearType NetCap createNetConnection getAddressesByName getAllNets getAllNetsSync '
    + 'getConnectionProperties getConnectionPropertiesSync getDefaultNet getDefaultNetSync getNetCapabilities '
    + 'getNetCapabilitiesSync hasDefaultNet hasDefaultNetSync isDefaultNetMetered isDefaultNetMeteredSync'],
  '@ohos.net.socket': ['socket',
    'BusinessError ErrorCategory ErrorCode Family MulticastSocket Option Protocol ProxyTypes TCPSocket TCPSocketConnection '
    + 'TCPSocketServer TLSSocket TLSSocketConnection TLSSocketServer UDPSocket constructMulticastSocketInstance constructTCPSocketInstance '
    + 'constructTCPSocketServerInstance constructTLSSocketInstance constructTLSSocketServerInstance '
    + 'constructUDPSocketInstance getStats setCompat setTLSKeylog setTotalQueueLimit version socket'],
  '@ohos.process': ['process', 'abort argv chdir cwd egid euid exit gid kill pid ppid uid uptime'],
  '@ohos.url': ['url', 'URL URLParams URLSearchParams'],
  '@ohos.util': ['util',
    'Base64 Base64Helper TextDecoder TextEncoder Type callbackWrapper errnoToString format generateRandomUUID '
    + 'getErrorString printf promiseWrapper promisify types'],
  '@ohos.util.ArrayList': ['ArrayList', ''],
  '@ohos.util.HashMap': ['HashMap', ''],
  '@ohos.util.HashSet': ['HashSet', ''],
  '@ohos.util.Queue': ['Queue', ''],
  '@ohos.util.json': ['json', 'has parse remove stringify'],
};

/** What a kit has, and the module that each of them is (or is one name of). */
const kits = {
  '@kit.NetworkKit': { socket: '@ohos.net.socket', connection: '@ohos.net.connection' },
  '@kit.BasicServicesKit': {
    BusinessError: '@ohos.base', AsyncCallback: '@ohos.base', Callback: '@ohos.base', ErrorCallback: '@ohos.base',
    emitter: '@ohos.events.emitter',
  },
  '@kit.ArkTS': {
    buffer: '@ohos.buffer', util: '@ohos.util', url: '@ohos.url', process: '@ohos.process',
    ArrayList: '@ohos.util.ArrayList', HashMap: '@ohos.util.HashMap', HashSet: '@ohos.util.HashSet', Queue: '@ohos.util.Queue',
    JSON: '@ohos.util.json',
  },
  '@kit.CoreFileKit': { fileIo: '@ohos.file.fs' },
  '@kit.PerformanceAnalysisKit': { hilog: '@ohos.hilog' },
};

const NAME = /^@(ohos|kit|system|hms)[.:][\w.]+$/;

const isModuleName = (request) => typeof request === 'string' && NAME.test(request);
const normal = (request) => request.replace(/^@(\w+):/, '@$1.');
const namesOf = (name) => Object.keys(kits[name] ?? {}).concat(modules[name]?.[1].split(' ').filter(Boolean) ?? []);

module.exports = { modules, kits, isModuleName, normal, namesOf };
