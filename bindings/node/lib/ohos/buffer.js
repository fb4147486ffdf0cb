'use strict';
// @ohos.buffer on Node's Buffer. Each buffer has memory of its own (Node's may share a pool): programs send `buffer.from(text).buffer`.

const { Blob, Buffer: NodeBuffer, transcode } = require('node:buffer');

function own(bytes) {
  const memory = NodeBuffer.from(new ArrayBuffer(bytes.byteLength));
  memory.set(bytes);
  return memory;
}

function from(value, encodingOrOffset, length) {
  const memory = value instanceof ArrayBuffer || value instanceof SharedArrayBuffer;
  const bytes = NodeBuffer.from(value, encodingOrOffset, length);
  return memory ? bytes : own(bytes);
}

module.exports = {
  alloc: (size, fill, encoding) => NodeBuffer.alloc(size, fill, encoding),
  allocUninitialized: (size) => NodeBuffer.alloc(size),
  allocUninitializedFromPool: (size) => NodeBuffer.alloc(size),
  byteLength: (value, encoding) => NodeBuffer.byteLength(value, encoding),
  compare: (a, b) => NodeBuffer.compare(a, b),
  concat: (list, length) => own(NodeBuffer.concat(list, length)),
  from,
  isBuffer: (value) => NodeBuffer.isBuffer(value),
  isEncoding: (encoding) => NodeBuffer.isEncoding(encoding),
  transcode: (source, fromEncoding, toEncoding) => own(transcode(source, fromEncoding, toEncoding)),
  Blob,
  Buffer: NodeBuffer,
};
