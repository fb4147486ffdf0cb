'use strict';
// @ohos.process on Node's.

module.exports = {
  pid: process.pid,
  ppid: process.ppid,
  uid: process.getuid(),
  euid: process.geteuid(),
  gid: process.getgid(),
  egid: process.getegid(),
  argv: process.argv,
  abort: () => process.abort(),
  exit: (code) => process.exit(code),
  cwd: () => process.cwd(),
  chdir: (folder) => process.chdir(folder),
  uptime: () => process.uptime(),
  kill: (signal, pid) => process.kill(pid, signal),
};
