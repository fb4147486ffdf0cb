// The package in a process: what keeps it alive, how it ends, workers.

import { readdirSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { once } from 'node:events';
import test from 'node:test';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { HOST, checkLeaks, listening, netClient, soon, until } from './helper.mjs';
import { run } from './child.mjs';

checkLeaks();

const ECHO = `
const server = socket.constructTCPSocketServerInstance();
server.on('connect', (client) => client.on('message', ({ message }) => client.send({ data: message }).catch(() => {})));
await server.listen({ address: '127.0.0.1' });
const address = await server.getLocalAddress();
const tcp = socket.constructTCPSocketInstance();
await tcp.connect({ address });
`;

async function ends(source, expected = {}, options = {}) {
  const { code, stdout, stderr } = await run(source, options).done;
  assert.equal(code, expected.code ?? 0, stderr);
  if (expected.stdout !== undefined) assert.equal(stdout, expected.stdout);
  if (expected.stderr !== undefined) assert.match(stderr, expected.stderr);
  else assert.equal(stderr, '');
}

test('a process with nothing open ends', async () => {
  await ends('');
  await ends(`socket.constructTCPSocketInstance().on('message', () => {}); socket.constructUDPSocketInstance();`);
  await ends(`${ECHO} await tcp.close(); await server.close(); console.log('end');`, { stdout: 'end\n' });
  await ends(`const tcp = socket.constructTCPSocketInstance();
    await tcp.connect({ address: { address: '127.0.0.1', port: 1 } }).catch((error) => console.log(error.code));`, { stdout: '2301111\n' });
});

test('open sockets keep it alive, unless they are unref\'d', async () => {
  await ends(`${ECHO} server.once('connect', (client) => client.unref());
    const again = socket.constructTCPSocketInstance();
    await again.connect({ address });
    await tcp.close();
    again.unref(); server.unref(); console.log(again.hasRef(), server.hasRef());
    const udp = socket.constructUDPSocketInstance();
    udp.unref().bind({ address: '127.0.0.1' });`, { stdout: 'false false\n' });
  const { child, seen, done } = run(`const server = socket.constructTCPSocketServerInstance();
    await server.listen({ address: '127.0.0.1' });
    server.unref().ref();
    setTimeout(() => console.log('kept'), 20).unref(); // does not keep the process, so something else does
    `);
  await seen(/kept/);
  child.kill();
  assert.equal((await done).signal, 'SIGTERM');
});

test('operations of unref\'d sockets are waited for', async () => {
  await ends(`const server = socket.constructTCPSocketServerInstance().unref();
    server.on('connect', (client) => client.unref().on('message', () => {}));
    await server.listen({ address: '127.0.0.1' });
    const tcp = socket.constructTCPSocketInstance().unref();
    await tcp.connect({ address: await server.getLocalAddress() });
    await tcp.send({ data: Buffer.alloc(8 << 20) });
    await tcp.end();
    await tcp.close();
    const udp = socket.constructUDPSocketInstance().unref();
    await udp.bind({ address: '127.0.0.1' });
    await udp.send({ data: 'x', address: await udp.getLocalAddress() });
    await udp.close();
    const late = socket.constructTCPSocketInstance();
    const connecting = late.connect({ address: await server.getLocalAddress() });
    late.unref();
    await connecting;
    console.log('done');`, { stdout: 'done\n' });
});

test('an open socket that nothing refers to is not garbage', async () => {
  await ends(`${ECHO}
    await new Promise((resolve) => {
      const again = socket.constructTCPSocketInstance();
      again.on('message', () => again.close());
      again.on('close', resolve);
      again.connect({ address }, () => setTimeout(() => {
        globalThis.gc();
        clients[1].send({ data: 'are you there' });
      }, 50));
    });
    console.log('yes');
    tcp.close();
    server.close();`.replace('.on(\'connect\', (client) =>', '.on(\'connect\', (client) => clients.push(client) &&')
    .replace('const server', 'const clients = [];\nconst server'), { stdout: 'yes\n' });
});

test('an exception in a listener reaches uncaughtException, and the other events are still delivered', async () => {
  await ends(`${ECHO}
    const order = [];
    process.on('uncaughtException', (error, origin) => order.push(error.message, origin));
    let count = 0;
    tcp.on('message', () => { count++; throw new Error('listener ' + count); });
    tcp.on('close', () => { console.log(order.join(), count); throw new Error('close'); });
    process.on('exit', () => console.log(order.at(-2)));
    await tcp.send({ data: 'x' });
    while (count < 1) await new Promise(setImmediate);
    await tcp.send({ data: 'y' });
    while (count < 2) await new Promise(setImmediate);
    server.close();
    tcp.close((error) => { throw new Error('callback'); });`,
  { stdout: 'listener 1,uncaughtException,listener 2,uncaughtException 2\ncallback\n' });
});

const TURNS = `
    const order = [];
    process.on('uncaughtException', (error) => order.push(error.message));
    const udp = socket.constructUDPSocketInstance();
    await udp.bind({ address: '127.0.0.1' });
    const address = await udp.getLocalAddress();
    for (const data of '0123') await udp.send({ data, address });
    udp.on('message', ({ message }) => {
      const id = Buffer.from(message).toString();
      order.push('message ' + id);
      Promise.resolve().then(() => order.push('promise ' + id));
      process.nextTick(() => order.push('tick ' + id));
      if (id === '3') setImmediate(() => udp.close(() => console.log(order.join())));
      if (id !== '1') throw new Error('error ' + id);
    });`;

test('what a listener has put off runs before the next event, and before it if it throws', async () => {
  const order = [0, 1, 2, 3].flatMap((id) => [`message ${id}`, ...(id === 1 ? [] : [`error ${id}`]), `tick ${id}`, `promise ${id}`]);
  await ends(TURNS, { stdout: `${order}\n` });
  // The same without the function of Node's that nobody has promised.
  await ends(TURNS, { stdout: `${order}\n` }, { env: { ...process.env, NODE_OPTIONS: '--import data:text/javascript,delete%20process._tickCallback' } });
});

test('without a handler the exception ends the process', async () => {
  await ends(`${ECHO} tcp.on('message', () => { throw new Error('not caught'); }); tcp.send({ data: 'x' });`,
    { code: 1, stderr: /Error: not caught/ });
});

test('a send that nobody looks after and that fails is an unhandled rejection', async () => {
  await ends(`socket.constructTCPSocketInstance().send({ data: 'x' });`, { code: 1, stderr: /2301009/ });
});

test('process.exit in a listener, in a callback, and in the middle of traffic', async () => {
  await ends(`${ECHO} tcp.on('message', () => process.exit(3)); tcp.send({ data: 'x' });`, { code: 3 });
  await ends(`${ECHO} tcp.send({ data: 'x' }, () => process.exit(4));`, { code: 4 });
  await ends(`${ECHO}
    let left = 2000;
    tcp.on('message', ({ message }) => { if (--left === 0) process.exit(5); tcp.send({ data: message }); });
    for (let i = 0; i < 10; i++) tcp.send({ data: Buffer.alloc(10000) });`, { code: 5 });
});

test('1,000 sockets opened and closed leave nothing', async () => {
  const { server, address } = await listening((client) => client.on('message', ({ message }) => client.send({ data: message }).catch(() => {})));
  const round = async () => {
    for (let i = 0; i < 25; i++) {
      await soon(Promise.all(Array.from({ length: 10 }, async () => {
        const tcp = socket.constructTCPSocketInstance();
        const answer = new Promise((resolve) => tcp.on('message', resolve));
        await tcp.connect({ address });
        await tcp.send({ data: 'x' });
        await answer;
        await tcp.close();
        const udp = socket.constructUDPSocketInstance();
        await udp.bind({ address: HOST });
        await udp.close();
      })), 'a round');
    }
  };
  const heap = () => {
    globalThis.gc();
    return process.memoryUsage().heapUsed;
  };
  await round();
  const before = { heap: heap(), fds: readdirSync('/proc/self/fd').length };
  await round();
  await round();
  await until(() => heap() < before.heap + (1 << 20), 'a heap that has not grown');
  assert.ok(readdirSync('/proc/self/fd').length <= before.fds);
  await until(() => (globalThis.gc(), socket.getStats().sockets < 20), 'few handles');
  await server.close();
});

const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const socket = require(workerData.path);
(async () => {
  const server = socket.constructTCPSocketServerInstance();
  server.on('connect', (client) => client.on('message', ({ message }) => client.send({ data: message }).catch(() => {})));
  await server.listen({ address: '127.0.0.1' });
  const address = await server.getLocalAddress();
  const tcp = socket.constructTCPSocketInstance();
  let count = 0;
  tcp.on('message', ({ message }) => {
    if (++count === 100) parentPort.postMessage(address);
    if (count === 300 && workerData.end === 'exit') process.exit(6);
    if (count === 300 && workerData.end === 'throw') throw new Error('in the worker');
    if (count === 300 && workerData.end === 'close') {
      tcp.close();
      server.close();
      return;
    }
    tcp.send({ data: message }).catch(() => {});
  });
  await tcp.connect({ address });
  for (let i = 0; i < 5; i++) tcp.send({ data: 'message ' + i });
})();
`;

function worker(end) {
  const path = new URL('../lib/index.js', import.meta.url).pathname;
  return new Worker(WORKER, { eval: true, workerData: { path, end } });
}

test('workers: each has a loop, and all can be ended in the middle of traffic', async () => {
  const loops = socket.getStats().loops;
  for (let round = 0; round < 3; round++) {
    const workers = [worker('never'), worker('never'), worker('never')];
    const addresses = await soon(Promise.all(workers.map((w) => once(w, 'message'))));
    assert.equal(socket.getStats().loops, loops + 3);
    const peer = await netClient(addresses[0][0]);
    const gone = new Promise((resolve) => peer.once('close', resolve));
    await soon(Promise.all(workers.map((w) => w.terminate())));
    peer.resume();
    await soon(gone, 'the reset of the worker\'s connection');
    await until(() => socket.getStats().loops === loops, 'the loops of the workers are gone');
  }
});

test('workers that end by themselves, by process.exit and by an exception', async () => {
  const closing = worker('close');
  assert.equal((await soon(once(closing, 'exit')))[0], 0);
  const exiting = worker('exit');
  assert.equal((await soon(once(exiting, 'exit')))[0], 6);
  const throwing = worker('throw');
  const [error] = await soon(once(throwing, 'error'));
  assert.equal(error.message, 'in the worker');
  await until(() => socket.getStats().loops === 1, 'the loops of the workers are gone');
});
