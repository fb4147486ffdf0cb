// @ohos.net.socket
export { default, default as socket } from '../index.mjs';
