// @ohos.base and @kit.BasicServicesKit, as far as sockets need them. The last three are types only; an import
// that names them without `type` must still find them.
export { BusinessError } from '../index.mjs';
export const AsyncCallback = undefined;
export const Callback = undefined;
export const ErrorCallback = undefined;
