// TCPSocket, with node:net on the other side.

import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import { inspect } from 'node:util';
import test from 'node:test';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import {
  HOST, all, bytes, called, checkLeaks, closedPort, connected, listening, netClient, netServer, next, rejected, soon, turns,
} from './helper.mjs';

checkLeaks();

for (const form of ['promise', 'callback']) {
  const run = (target, method, ...args) => form === 'promise'
    ? soon(target[method](...args), method) : called(target, method, ...args);

  test(`a client's life, ${form} form`, async () => {
    const { server, address } = await netServer((peer) => peer.on('data', (data) => peer.write(data)));
    const tcp = socket.constructTCPSocketInstance();
    assert.deepEqual(await run(tcp, 'getState'), { isBound: false, isClose: false, isConnected: false });
    assert.equal(await run(tcp, 'getSocketFd'), undefined);

    assert.equal(await run(tcp, 'bind', { address: HOST, family: 1 }), undefined);
    assert.deepEqual(await run(tcp, 'getState'), { isBound: true, isClose: false, isConnected: false });
    const local = await run(tcp, 'getLocalAddress');
    assert.deepEqual({ ...local, port: 0 }, { address: HOST, port: 0, family: 1 });
    assert.ok(local.port > 0);

    const order = [];
    tcp.on('connect', (value) => order.push('connect', value));
    assert.equal(await run(tcp, 'connect', { address, timeout: 6000 }).then((v) => (order.push('done'), v)), undefined);
    assert.deepEqual(order, ['connect', undefined, 'done']);
    assert.deepEqual(await run(tcp, 'getState'), { isBound: true, isClose: false, isConnected: true });
    assert.deepEqual(await run(tcp, 'getRemoteAddress'), { ...address, family: 1 });
    assert.deepEqual(await run(tcp, 'getLocalAddress'), local);
    assert.match(readlinkSync(`/proc/self/fd/${await run(tcp, 'getSocketFd')}`), /^socket:/);
    assert.equal(await run(tcp, 'setExtraOptions', { keepAlive: true, TCPNoDelay: true }), undefined);

    const echo = next(tcp, 'message');
    assert.equal(await run(tcp, 'send', { data: 'Hello' }), undefined);
    const { message, remoteInfo } = await echo;
    assert.ok(message instanceof ArrayBuffer);
    assert.equal(message.byteLength, 5);
    assert.equal(Buffer.from(message).toString(), 'Hello');
    assert.deepEqual(remoteInfo, { address: HOST, family: 'IPv4', port: address.port, size: 5 });

    const closed = [];
    tcp.on('close', () => closed.push('event'));
    assert.equal(await run(tcp, 'close').then((v) => (closed.push('done'), v)), undefined);
    assert.deepEqual(closed, ['event', 'done']);
    assert.deepEqual(await run(tcp, 'getState'), { isBound: false, isClose: true, isConnected: false });
    await rejected(run(tcp, 'close'), 2300999);
    server.close();
  });

  test(`misuse of a client, ${form} form`, async () => {
    const tcp = socket.constructTCPSocketInstance();
    await rejected(run(tcp, 'close'), 2300999);
    await rejected(run(tcp, 'send', { data: 'x' }), 2301009);
    await rejected(run(tcp, 'end'), 2301009);
    await rejected(run(tcp, 'getRemoteAddress'), 2301009);
    await rejected(run(tcp, 'getLocalAddress'), 2301009);
    await rejected(run(tcp, 'setExtraOptions', { keepAlive: true }), 2301009);
    await rejected(run(tcp, 'bind', { address: '192.0.2.1' }), 2301099);
    await run(tcp, 'bind', { address: HOST });
    await rejected(run(tcp, 'bind', { address: HOST }), 2301022);
    await rejected(run(tcp, 'send', { data: 'x' }), 2301107);
    await rejected(run(tcp, 'getRemoteAddress'), 2301107);
    await rejected(run(tcp, 'setExtraOptions', { socketTimeout: -1 }), 2301033);
    await run(tcp, 'close');
    await rejected(run(tcp, 'send', { data: 'x' }), 2301009);
    assert.throws(() => tcp.abort(), { code: 2300999 });
  });
}

test('a refused connect says why, and the socket can connect again', async () => {
  const { server, address } = await netServer((peer) => peer.end('hi'));
  const tcp = socket.constructTCPSocketInstance();
  const nobody = await closedPort();
  const events = [];
  for (const type of ['error', 'close', 'connect']) tcp.on(type, () => events.push(type));
  const error = await rejected(tcp.connect({ address: nobody }), socket.ErrorCode.CONNREFUSED);
  assert.equal(error.message, `connect ${HOST}:${nobody.port}: Connection refused`);
  assert.equal(error.category, socket.ErrorCategory.UNREACHABLE);
  assert.equal(error.name, 'BusinessError');
  assert.deepEqual(events, []);
  tcp.on('message', () => {});
  const closed = next(tcp, 'close');
  await tcp.connect({ address });
  await closed;
  assert.deepEqual(events, ['connect', 'close']);
  server.close();
});

test('connect by name, within its time', async () => {
  const { server, address } = await netServer((peer) => peer.end());
  const tcp = socket.constructTCPSocketInstance();
  await tcp.connect({ address: { address: 'localhost', port: address.port, family: 1 } });
  assert.equal((await tcp.getRemoteAddress()).address, HOST);
  await tcp.close();
  await rejected(tcp.connect({ address: { address: 'no-such-host.invalid', port: 1 } }), 2300004);
  server.close();
});

test('states that refuse a connect', async () => {
  const { tcp, peer } = await connected();
  const address = await tcp.getRemoteAddress();
  await rejected(tcp.connect({ address }), 2301106);
  assert.deepEqual(await tcp.getState(), { isBound: true, isClose: false, isConnected: true });
  const closing = tcp.close();
  await rejected(tcp.send({ data: 'x' }), 2301108);
  peer.resume();
  peer.end();
  await closing;
});

test('the listeners are kept for the next opening', async () => {
  const { server, address } = await netServer((peer) => peer.on('data', (data) => peer.end(data)));
  const tcp = socket.constructTCPSocketInstance();
  const events = [];
  for (const type of ['connect', 'message', 'end', 'close']) tcp.on(type, () => events.push(type));
  for (let i = 0; i < 3; i++) {
    const closed = next(tcp, 'close');
    await tcp.connect({ address });
    await tcp.send({ data: 'again' });
    await closed;
  }
  assert.deepEqual(events, Array(3).fill(['connect', 'message', 'end', 'close']).flat());
  server.close();
});

test('operations issued back to back all happen', async () => {
  const { server, address } = await netServer();
  const arrived = once(server, 'connection');
  const tcp = socket.constructTCPSocketInstance();
  const done = [tcp.connect({ address }), tcp.send({ data: 'one ' }), tcp.send({ data: 'two' }), tcp.close()];
  const [peer] = await arrived;
  assert.equal((await soon(all(peer))).toString(), 'one two');
  await Promise.all(done);
  server.close();
});

test('every kind of data, and every encoding', async () => {
  const { tcp, peer } = await connected();
  const received = all(peer);
  const raw = Buffer.from('abcdefgh');
  const pieces = [
    [{ data: raw.buffer.slice(raw.byteOffset, raw.byteOffset + 8) }, raw],
    [{ data: raw }, raw],
    [{ data: new Uint8Array(raw) }, raw],
    [{ data: new Uint16Array(new Uint8Array(raw).buffer, 2, 2) }, raw.subarray(2, 6)],
    [{ data: new DataView(new Uint8Array(raw).buffer, 1, 3) }, raw.subarray(1, 4)],
    [{ data: '' }, Buffer.alloc(0)],
    [{ data: new ArrayBuffer(0) }, Buffer.alloc(0)],
    [{ data: 'grüße €' }, Buffer.from('grüße €')],
    [{ data: 'ü\ud800', encoding: 'UTF-8' }, Buffer.from('ü\ufffd')],
    [{ data: 'ü€', encoding: 'UTF-16LE' }, Buffer.from('ü€', 'utf16le')],
    [{ data: 'ü€', encoding: 'utf-16be' }, Buffer.from([0, 0xfc, 0x20, 0xac])],
    [{ data: 'ü', encoding: 'UTF-16' }, Buffer.from([0xfe, 0xff, 0, 0xfc])],
    [{ data: 'aü€', encoding: 'US-ASCII' }, Buffer.from('a??')],
    [{ data: 'aü€', encoding: 'ISO-8859-1' }, Buffer.from([0x61, 0xfc, 0x3f])],
    [{ data: 'é'.repeat(100_000) }, Buffer.from('é'.repeat(100_000))],
  ];
  for (const [options] of pieces) await tcp.send(options);
  await tcp.sendv([raw.subarray(0, 2), new Uint8Array(raw.subarray(2))]);
  await tcp.close();
  const expected = Buffer.concat([...pieces.map(([, b]) => b), raw]);
  assert.ok((await soon(received)).equals(expected));
});

test('data is the program\'s again when send has returned', async () => {
  const { tcp, peer } = await connected();
  const received = all(peer);
  const data = Buffer.alloc(200_000, 'a');
  const sends = [];
  for (const letter of 'abcdefgh') {
    data.fill(letter);
    sends.push(tcp.send({ data }));
  }
  await Promise.all(sends);
  await tcp.close();
  const text = (await soon(received)).toString();
  assert.equal(text, [...'abcdefgh'].map((c) => c.repeat(200_000)).join(''));
});

test('megabytes in both directions', async () => {
  const { tcp, peer } = await connected();
  const data = Buffer.alloc(8 << 20);
  for (let i = 0; i < data.length; i += 4) data.writeUInt32LE(i, i);
  peer.pipe(peer);
  const back = bytes(tcp, data.length);
  await tcp.send({ data });
  assert.ok((await back).equals(data));
  await tcp.close();
});

test('a full queue refuses, and drain tells when to go on', async () => {
  const { tcp, peer } = await connected();
  peer.pause();
  tcp.setOption(socket.Option.SEND_QUEUE_LIMIT, 1 << 20);
  assert.equal(tcp.getOption(socket.Option.SEND_QUEUE_LIMIT), 1 << 20);
  const big = Buffer.alloc(8 << 20);
  const first = tcp.send({ data: big });
  assert.ok(tcp.sendQueueLength > 0);
  const error = await rejected(tcp.send({ data: big }), 2301011);
  assert.equal(error.category, socket.ErrorCategory.AGAIN);
  const drained = next(tcp, 'drain');
  const received = all(peer);
  await drained;
  await first;
  await tcp.send({ data: 'end' });
  await tcp.close();
  assert.equal((await soon(received)).length, big.length + 3);
  assert.equal(tcp.sendQueueLength, 0);
});

test('end: the peer sees it, and its answer still arrives', async () => {
  const { tcp, peer } = await connected();
  peer.allowHalfOpen = true;
  const answer = bytes(tcp, 6);
  const closed = next(tcp, 'close');
  peer.once('end', () => peer.end('answer'));
  peer.resume();
  await tcp.send({ data: 'question' });
  await tcp.end();
  await rejected(tcp.send({ data: 'more' }), 2301108);
  assert.equal((await answer).toString(), 'answer');
  await closed;
});

test('abort resets the connection and fails what is queued', async () => {
  const { tcp, peer } = await connected();
  peer.pause();
  const reset = new Promise((resolve) => peer.once('close', resolve));
  const failed = rejected(tcp.send({ data: Buffer.alloc(32 << 20) }), 2301125);
  const closed = next(tcp, 'close');
  assert.equal(tcp.abort(), tcp);
  await failed;
  await closed;
  peer.resume();
  await soon(reset, 'reset');
});

test('a reset by the peer is an error event, then close', async () => {
  const { tcp, peer } = await connected();
  const events = [];
  tcp.on('message', () => {});
  tcp.on('error', (error) => events.push(error.code, error instanceof socket.BusinessError));
  const closed = next(tcp, 'close');
  peer.resetAndDestroy();
  await closed;
  assert.deepEqual(events, [2301104, true]);
});

test('a signal cancels a connect', async () => {
  const { server, address } = await netServer((peer) => peer.end());
  const tcp = socket.constructTCPSocketInstance();
  for (const early of [true, false]) {
    const controller = new AbortController();
    if (early) controller.abort('no more');
    const over = early ? undefined : next(tcp, 'close');
    const connecting = tcp.connect({ address, signal: controller.signal });
    controller.abort('no more');
    const error = await rejected(connecting, 2301125);
    assert.equal(error.name, 'AbortError');
    assert.equal(error.cause, 'no more');
    await over;
  }
  // One that has connected is not touched any more.
  const controller = new AbortController();
  const closed = next(tcp, 'close');
  tcp.on('message', () => {});
  await tcp.connect({ address, signal: controller.signal });
  controller.abort();
  assert.equal((await tcp.getState()).isConnected, true);
  await closed;
  server.close();
});

test('a connect that was aborted can be repeated at once', async () => {
  const { server, address } = await netServer((peer) => peer.end());
  for (const form of ['promise', 'callback']) {
    const tcp = socket.constructTCPSocketInstance();
    const controller = new AbortController();
    const events = [];
    tcp.on('close', () => events.push('close'));
    const options = { address, signal: controller.signal };
    const connecting = form === 'promise' ? tcp.connect(options) : called(tcp, 'connect', options);
    controller.abort();
    assert.equal((await rejected(connecting, 2301125)).name, 'AbortError');
    assert.deepEqual(events, ['close']);
    await tcp.connect({ address });
    await tcp.close();
  }
  server.close();
});

test('a connection that has closed says so', async () => {
  const { server, address } = await listening();
  const arrived = next(server, 'connect');
  const peer = await netClient(address);
  const client = await arrived;
  const closed = { isBound: false, isConnected: false, isClose: true };
  client.on('message', () => {});
  const state = new Promise((resolve) => client.on('close', () => resolve(client.getState())));
  peer.end();
  assert.deepEqual(await soon(state), closed);
  await turns(10);
  assert.deepEqual(await client.getState(), closed);
  assert.deepEqual(await called(client, 'getState'), closed);
  await server.close();
});

test('util.inspect shows state and addresses', async () => {
  const { tcp, peer } = await connected();
  const { port } = await tcp.getLocalAddress();
  const shown = inspect(tcp, { breakLength: Infinity });
  assert.equal(shown, 'TCPSocket { isBound: true, isConnected: true, isClose: false, '
    + `local: '${HOST}:${port}', remote: '${HOST}:${peer.localPort}' }`);
  peer.end();
  await tcp.close();
  assert.equal(inspect(tcp), 'TCPSocket { isBound: false, isConnected: false, isClose: true }');
  assert.equal(inspect({ a: { tcp } }, { depth: 0 }), '{ a: [Object] }');
});

test('sendv takes views and ArrayBuffers', async () => {
  const { tcp, peer } = await connected();
  const received = all(peer);
  await tcp.sendv([Buffer.from('a'), new Uint8Array([98]).buffer, new DataView(new Uint8Array([99]).buffer)]);
  await tcp.end();
  assert.equal((await soon(received)).toString(), 'abc');
  await tcp.close().catch(() => {}); // the peer has ended too
});

test('sendv takes no address before the getters of its array have run', async () => {
  const { tcp, peer } = await connected();
  const received = all(peer);
  const first = new Uint8Array(1 << 20).fill(97);
  const views = [first, first];
  Object.defineProperty(views, 1, {
    get() {
      structuredClone(first.buffer, { transfer: [first.buffer] });
      globalThis.gc?.(); // nobody has that memory any more
      return Buffer.from('b');
    },
  });
  await rejected(tcp.sendv(views), 401); // its bytes are elsewhere
  const throwing = [first];
  Object.defineProperty(throwing, 0, { get() { throw new RangeError('mine'); } });
  assert.throws(() => tcp.sendv(throwing), /mine/);
  assert.throws(() => tcp.sendv(throwing, () => assert.fail('it was not begun')), /mine/);
  await tcp.end();
  assert.equal((await soon(received)).toString(), '');
  await tcp.close().catch(() => {}); // the peer has ended too
});

test('IPv6', async () => {
  const { createServer } = await import('node:net');
  const server = createServer((peer) => peer.end('six')).listen(0, '::1');
  await once(server, 'listening');
  const tcp = socket.constructTCPSocketInstance();
  const message = next(tcp, 'message');
  const closed = next(tcp, 'close');
  await tcp.connect({ address: { address: '::1', port: server.address().port } });
  const { remoteInfo } = await message;
  assert.deepEqual(remoteInfo, { address: '::1', family: 'IPv6', port: server.address().port, size: 3 });
  assert.equal((await tcp.getLocalAddress().catch(() => ({ family: 2 }))).family, 2);
  await closed;
  server.close();
});

test('await using closes', async () => {
  const { tcp, peer } = await connected();
  const received = all(peer);
  await tcp.send({ data: 'last words' });
  await tcp[Symbol.asyncDispose]();
  await tcp[Symbol.asyncDispose](); // not open: nothing
  assert.equal((await soon(received)).toString(), 'last words');
  assert.equal((await tcp.getState()).isClose, true);
});

test('a send that the kernel has taken is settled in the same turn [ORDER-8]', async () => {
  const { tcp, peer } = await connected();
  peer.resume();
  const udp = socket.constructUDPSocketInstance();
  await udp.bind({ address: HOST });
  const address = await udp.getLocalAddress();
  for (const send of [() => tcp.send({ data: 'x' }), () => udp.send({ data: 'x', address })]) {
    await turns(2);
    let over = false;
    setImmediate(() => { over = true; });
    await send();
    assert.equal(over, false);
  }
  await udp.close();
  peer.end();
  await tcp.close();
});
