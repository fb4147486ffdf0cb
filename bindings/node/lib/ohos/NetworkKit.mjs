// @kit.NetworkKit: the module of it that this package has.
export { default as socket } from '../index.mjs';
