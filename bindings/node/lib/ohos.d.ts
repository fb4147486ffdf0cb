// The types of OpenHarmony's module names: "types": ["ohsocket/ohos"] in tsconfig.json.

declare module '@ohos.net.socket' {
  import socket = require('ohsocket');
  export default socket;
  export { socket };
}

declare module '@kit.NetworkKit' {
  import socket = require('ohsocket');
  export { socket };
}

declare module '@ohos.base' {
  import socket = require('ohsocket');
  export import BusinessError = socket.BusinessError;
  export import AsyncCallback = socket.AsyncCallback;
  export import Callback = socket.Callback;
  export import ErrorCallback = socket.ErrorCallback;
}

declare module '@kit.BasicServicesKit' {
  export * from '@ohos.base';
}
