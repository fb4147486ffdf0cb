// The package evaluated several times in one process, as test runners and hot reloads do.

import { createRequire } from 'node:module';
import vm from 'node:vm';
import path from 'node:path';
import { readFileSync } from 'node:fs';
import test from 'node:test';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { called, checkLeaks, closedPort, descriptors, listening, next, rejected, soon, turns, until } from './helper.mjs';
import { run } from './child.mjs';

checkLeaks();

const LIB = new URL('../lib/', import.meta.url).pathname;

/** The package, evaluated anew; with the addon: that too, as after `delete require.cache[...]`. */
function evaluate(withAddon = false) {
  const require = createRequire(import.meta.url);
  for (const file of Object.keys(require.cache)) {
    if (file.startsWith(LIB) || (withAddon && file.endsWith('.node'))) delete require.cache[file];
  }
  return require(`${LIB}index.js`);
}

/** As jest does it: each module is a function of a context of its own; the addon is Node's require's. */
function evaluateInContext() {
  const context = vm.createContext({ process, Buffer, setImmediate, queueMicrotask });
  const modules = new Map();
  const requireFrom = (folder) => (name) => {
    if (!name.startsWith('.') && !path.isAbsolute(name)) return createRequire(import.meta.url)(name);
    const file = path.resolve(folder, name);
    if (file.endsWith('.node')) return createRequire(import.meta.url)(file);
    if (!modules.has(file)) {
      const module = { exports: {} };
      modules.set(file, module);
      const source = `(function (exports, require, module, __dirname) {${readFileSync(file, 'utf8')}\n})`;
      vm.runInContext(source, context, { filename: file })(module.exports, requireFrom(path.dirname(file)), module, path.dirname(file));
    }
    return modules.get(file).exports;
  };
  return requireFrom(LIB)('./index.js');
}

const withEcho = (use) => async () => {
  const { server, address } = await listening((client) => client.on('message', ({ message }) => client.send({ data: message }).catch(() => {})));
  try {
    await use(address);
  } finally {
    await server.close();
  }
};

async function echo(tcp, data) {
  const answer = next(tcp, 'message');
  await soon(tcp.send({ data }), 'send');
  return Buffer.from((await answer).message).toString();
}

for (const [how, again] of [['the same addon', () => evaluate()], ['the addon loaded again', () => evaluate(true)], ['a context of its own', evaluateInContext]]) {
  test(`evaluated twice (${how}): the sockets of both go on`, withEcho(async (address) => {
    const first = evaluate();
    const one = first.constructTCPSocketInstance();
    await one.connect({ address });
    const pending = next(one, 'message');
    const second = again();
    assert.notEqual(second, first);
    const two = second.constructTCPSocketInstance();
    await called(two, 'connect', { address });
    await one.send({ data: 'one' });
    assert.equal(Buffer.from((await pending).message).toString(), 'one');
    assert.equal(await echo(two, 'two'), 'two');
    assert.equal(await echo(one, 'again'), 'again');
    await assert.rejects(second.constructTCPSocketInstance().connect({ address: await closedPort() }), { code: 2301111 });
    await rejected(socket.constructTCPSocketInstance().connect({ address: await closedPort() }), 2301111);
    const closed = [next(one, 'close'), next(two, 'close')];
    await Promise.all([one.close(), two.close()]);
    await Promise.all(closed);
  }));
}

test('evaluations share the loop of the thread, and go when nothing refers to them', withEcho(async (address) => {
  const before = { fds: descriptors(), sockets: socket.getStats().sockets };
  for (let i = 0; i < 30; i++) {
    const tcp = evaluate(i % 2 === 0).constructTCPSocketInstance();
    await tcp.connect({ address });
    await tcp.close();
  }
  assert.ok(descriptors() <= before.fds + 1, `${descriptors()} descriptors after ${before.fds}`);
  await until(() => {
    globalThis.gc();
    return socket.getStats().sockets <= before.sockets + 3; // the connections that its server still has, at most
  }, 'the closed sockets of evaluations that are gone are released');
}));

test('the loop goes with the last evaluation, and comes again', async () => {
  const source = `
    const { createRequire } = await import('node:module');
    const { readdirSync } = await import('node:fs');
    const fds = () => readdirSync('/proc/self/fd').length;
    const turn = () => new Promise(setImmediate);
    const forget = (cache) => {
      for (const file of Object.keys(cache)) if (file.startsWith(${JSON.stringify(LIB)})) delete cache[file];
    };
    async function use() {
      const require = createRequire(${JSON.stringify(import.meta.url)}); // a module keeps its children
      forget(require.cache);
      const udp = require(${JSON.stringify(`${LIB}index.js`)}).constructUDPSocketInstance();
      await udp.bind({ address: '127.0.0.1' });
      await udp.send({ data: 'x', address: await udp.getLocalAddress() });
      await udp.close();
      forget(require.cache);
    }
    const before = fds();
    const left = [];
    for (let i = 0; i < 3; i++) {
      await use();
      for (let n = 0; n < 500 && fds() > before; n++) { globalThis.gc(); await turn(); }
      left.push(fds() - before);
    }
    console.log(left.join());`; // which opens a descriptor itself
  const { stdout, stderr, code } = await run(source).done;
  assert.deepEqual([stdout, stderr, code], ['0,0,0\n', '', 0]);
});

test('process.getActiveResourcesInfo() names what keeps the process alive', async () => {
  const ours = () => process.getActiveResourcesInfo().filter((name) => name === 'OHSOCKET').length;
  assert.equal(ours(), 0);
  const { server, address } = await listening((client) => client.unref());
  assert.equal(ours(), 1);
  const other = evaluate().constructTCPSocketInstance();
  await other.connect({ address });
  assert.equal(ours(), 2);
  server.unref();
  assert.equal(ours(), 1);
  assert.ok(process.getActiveResourcesInfo().length >= 1);
  await other.close();
  await server.close();
  await turns();
  assert.equal(ours(), 0);
});
