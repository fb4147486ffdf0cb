// @ohos.net.socket
export { default } from '../index.mjs';
