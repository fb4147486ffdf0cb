'use strict';
// @ohos.file.fs on Node's fs. Errors have the code of a device: 13900000 and a number for each errno.

const fs = require('node:fs');
const path = require('node:path');
const { BusinessError } = require('../errors.js');

const OpenMode = Object.freeze({
  READ_ONLY: 0o0, WRITE_ONLY: 0o1, READ_WRITE: 0o2, CREATE: 0o100, TRUNC: 0o1000, APPEND: 0o2000, NONBLOCK: 0o4000,
  DIR: 0o200000, NOFOLLOW: 0o400000, SYNC: 0o4010000,
});
const AccessModeType = Object.freeze({ EXIST: 0, WRITE: 2, READ: 4, READ_WRITE: 6 });
const WhenceType = Object.freeze({ SEEK_SET: 0, SEEK_CUR: 1, SEEK_END: 2 });

const CODES = {
  EPERM: 1, ENOENT: 2, ESRCH: 3, EINTR: 4, EIO: 5, ENXIO: 6, E2BIG: 7, EBADF: 8, ECHILD: 9, EAGAIN: 10, ENOMEM: 11, EACCES: 12,
  EFAULT: 13, EBUSY: 14, EEXIST: 15, EXDEV: 16, ENODEV: 17, ENOTDIR: 18, EISDIR: 19, EINVAL: 20, ENFILE: 21, EMFILE: 22, EFBIG: 24,
  ENOSPC: 25, ESPIPE: 26, EROFS: 27, EMLINK: 28, EPIPE: 29, ENAMETOOLONG: 30, ELOOP: 33, ENOTEMPTY: 32,
};

function failure(error) {
  const code = CODES[error.code];
  return code === undefined ? error : new BusinessError(13900000 + code, error.message, { cause: error });
}

class File {
  constructor(fd, name) {
    this.fd = fd;
    this.path = path.resolve(name);
    this.name = path.basename(name);
  }
}

class Stat {
  constructor(of) {
    Object.assign(this, { ino: BigInt(of.ino), mode: of.mode, uid: of.uid, gid: of.gid, size: of.size });
    Object.assign(this, { atime: seconds(of.atimeMs), mtime: seconds(of.mtimeMs), ctime: seconds(of.ctimeMs) });
    for (const kind of ['BlockDevice', 'CharacterDevice', 'Directory', 'FIFO', 'File', 'Socket', 'SymbolicLink']) {
      const is = of[`is${kind}`]();
      this[`is${kind}`] = () => is;
    }
  }
}

const seconds = (ms) => Math.floor(ms / 1000);
const fdOf = (file) => (typeof file === 'object' && file !== null ? file.fd : file);

/** The bytes that the options choose of a memory or a text. */
function part(data, { offset = 0, length, encoding = 'utf-8' } = {}) {
  const bytes = typeof data === 'string' ? Buffer.from(data, encoding) : viewOf(data);
  return bytes.subarray(offset, length === undefined ? undefined : offset + length);
}

const viewOf = (data) => (ArrayBuffer.isView(data) ? Buffer.from(data.buffer, data.byteOffset, data.byteLength) : Buffer.from(data));

function listFile(folder, { recursion = false, listNum = 0, filter } = {}) {
  const names = fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (recursion && entry.isDirectory()) return listFile(path.join(folder, entry.name), { recursion, filter }).map((name) => path.join('/', entry.name, name));
    const suffixes = filter?.suffix;
    return !suffixes || suffixes.some((suffix) => entry.name.endsWith(suffix)) ? [recursion ? `/${entry.name}` : entry.name] : [];
  });
  return listNum > 0 ? names.slice(0, listNum) : names;
}

const MODES = { r: 0, 'r+': 2, w: 0o1101, 'w+': 0o1102, a: 0o2101, 'a+': 0o2102 };

class Stream {
  #fd;
  #position;

  constructor(fd, append) {
    this.#fd = fd;
    this.#position = append ? null : 0;
  }

  writeSync(data, options) {
    return attempt(() => {
      const written = fs.writeSync(this.#fd, part(data, options), 0, undefined, options?.offset === undefined ? this.#position : options.offset);
      if (this.#position !== null) this.#position += written;
      return written;
    });
  }

  readSync(memory, options = {}) {
    return attempt(() => {
      const view = viewOf(memory);
      const read = fs.readSync(this.#fd, view, 0, options.length ?? view.length, options.offset ?? this.#position ?? 0);
      if (this.#position !== null) this.#position = (options.offset ?? this.#position) + read;
      return read;
    });
  }

  flushSync() {
    return attempt(() => fs.fsyncSync(this.#fd));
  }

  closeSync() {
    return attempt(() => fs.closeSync(this.#fd));
  }

  write(...args) {
    return later(this.writeSync.bind(this), args);
  }

  read(...args) {
    return later(this.readSync.bind(this), args);
  }

  flush(...args) {
    return later(this.flushSync.bind(this), args);
  }

  close(...args) {
    return later(this.closeSync.bind(this), args);
  }
}

function attempt(call) {
  try {
    return call();
  } catch (error) {
    throw failure(error);
  }
}

/** The form with a promise, or with a callback as the last argument. */
function later(sync, args) {
  const callback = typeof args.at(-1) === 'function' ? args.at(-1) : undefined;
  const promise = new Promise((resolve) => {
    resolve(sync(...(callback ? args.slice(0, -1) : args)));
  });
  if (!callback) return promise;
  promise.then((value) => setImmediate(callback, undefined, value), (error) => setImmediate(callback, error));
  return undefined;
}

const access = (name, mode = AccessModeType.EXIST) => {
  try {
    fs.accessSync(name, mode);
    return true;
  } catch (error) {
    if (error.code === 'ENOENT' || error.code === 'EACCES') return false;
    throw error;
  }
};

const calls = {
  access,
  close: (file) => fs.closeSync(fdOf(file)),
  copyFile: (from, to) => fs.writeFileSync(to, fs.readFileSync(from)),
  createStream: (name, mode) => {
    if (!Object.hasOwn(MODES, mode)) throw new BusinessError(13900020, 'Invalid argument');
    return new Stream(fs.openSync(name, MODES[mode], 0o660), mode.startsWith('a'));
  },
  fsync: (fd) => fs.fsyncSync(fdOf(fd)),
  listFile,
  lstat: (name) => new Stat(fs.lstatSync(name)),
  mkdir: (name, recursion = false) => {
    fs.mkdirSync(name, { recursive: recursion });
  },
  mkdtemp: (prefix) => fs.mkdtempSync(prefix.replace(/X{6}$/, '')),
  moveFile: (from, to) => fs.renameSync(from, to),
  open: (name, mode = OpenMode.READ_ONLY) => new File(fs.openSync(name, mode, 0o660), name),
  read: (fd, memory, { offset, length } = {}) => {
    const view = viewOf(memory);
    return fs.readSync(fdOf(fd), view, 0, length ?? view.length, offset ?? null);
  },
  readText: (name, { offset = 0, length, encoding = 'utf-8' } = {}) => {
    const bytes = fs.readFileSync(name);
    return bytes.subarray(offset, length === undefined ? undefined : offset + length).toString(encoding);
  },
  rename: (from, to) => fs.renameSync(from, to),
  rmdir: (name) => fs.rmSync(name, { recursive: true }),
  stat: (file) => new Stat(typeof file === 'string' ? fs.statSync(file) : fs.fstatSync(fdOf(file))),
  truncate: (file, length = 0) => (typeof file === 'string' ? fs.truncateSync(file, length) : fs.ftruncateSync(fdOf(file), length)),
  unlink: (name) => fs.unlinkSync(name),
  utimes: (name, mtime) => fs.utimesSync(name, fs.statSync(name).atime, mtime / 1000),
  write: (fd, data, { offset, length, encoding } = {}) => fs.writeSync(fdOf(fd), part(data, { length, encoding }), 0, undefined, offset ?? null),
};

const api = { OpenMode, AccessModeType, WhenceType, File, Stat, Stream };
for (const [name, call] of Object.entries(calls)) {
  const sync = (...args) => attempt(() => call(...args));
  if (name === 'utimes') {
    api.utimes = sync; // there is no other form of it
    continue;
  }
  api[`${name}Sync`] = sync;
  api[name] = (...args) => later(sync, args);
}

module.exports = api;
