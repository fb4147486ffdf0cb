// Arguments: what is wrong is a BusinessError 401, delivered by the older classes and thrown by the newer.

import { once } from 'node:events';
import test from 'node:test';
import vm from 'node:vm';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { HOST, called, checkLeaks, connected, listening, netClient, next, rejected } from './helper.mjs';

checkLeaks();

const notAddresses = [null, undefined, 7, 'text', {}, { address: '' }, { address: 7 }, { address: HOST, port: '80' },
  { address: HOST, port: 1.5 }, { address: HOST, port: 65536 }, { address: HOST, port: -1 }, { address: HOST, port: 2 ** 40 },
  { address: HOST, family: 0 }, { address: HOST, family: 9 }, { address: HOST, family: '1' }, { address: HOST, family: 2 },
  { address: '::1', family: 1 }, { address: 'not an address' }, { address: `${HOST}\0` }, { address: 'x'.repeat(2000) }];

test('TCPSocket and UDPSocket deliver 401', async () => {
  const tcp = socket.constructTCPSocketInstance();
  const udp = socket.constructUDPSocketInstance();
  for (const address of notAddresses) {
    for (const target of [tcp, udp]) {
      await rejected(target.bind(address), 401);
      await rejected(called(target, 'bind', address), 401);
    }
    // A name is no mistake here.
    if (address?.address !== 'not an address') await rejected(tcp.connect({ address }), 401);
  }
  for (const options of [null, undefined, 7, 'text']) {
    await rejected(tcp.connect(options), 401);
    await rejected(tcp.send(options), 401);
    await rejected(tcp.setExtraOptions(options), 401);
    await rejected(udp.send(options), 401);
    await rejected(udp.setExtraOptions(options), 401);
    await rejected(called(tcp, 'connect', options), 401);
    await rejected(called(udp, 'send', options), 401);
  }
});

test('401 says what is wrong', async () => {
  const { tcp, peer } = await connected();
  const other = socket.constructTCPSocketInstance();
  const udp = socket.constructUDPSocketInstance();
  const address = { address: HOST, port: 1 };
  for (const [call, expected] of [
    [() => tcp.send({ data: 7 }), /data must be a string, an ArrayBuffer or a view of one/],
    [() => called(tcp, 'send', { data: [1] }), /data must be/],
    [() => udp.send({ data: null, address }), /data must be/],
    [() => other.connect({ address: { ...address, port: 65536 } }), /address\.port must be 0 to 65535/],
    [() => other.connect({ address, timeout: -1 }), /timeout must be 0 to 86400000/],
    [() => other.connect({ address: { address: HOST } }), /address\.port must be 1 to 65535/],
    [() => other.connect({ address: { address: HOST, family: 2, port: 1 } }), /address\.address "127\.0\.0\.1": not of the family/],
    [() => called(other, 'connect', { address: { address: 'a\0b', port: 1 } }), /address\.address must have no NUL/],
    [() => other.bind({ address: 'example.org' }), /address\.address "example\.org": not a numeric address/],
    [() => called(udp, 'bind', { address: 'example.org' }), /address\.address "example\.org"/],
    [() => socket.constructTCPSocketServerInstance().listen({ address: '::1', family: 1 }), /address\.address "::1": not of the family/],
    [() => called(socket.constructTCPSocketServerInstance(), 'listen', { address: 'x.y' }), /address\.address "x\.y"/],
    [() => other.connect({ address: { address: 'two words', port: 1 } }), /address\.address "two words": neither/],
    [() => tcp.setExtraOptions({ broadcast: true }), /^Parameter error: broadcast is not for a socket of this kind/],
    [() => udp.setExtraOptions({ TCPNoDelay: true }), /^Parameter error: TCPNoDelay is not/],
    [() => udp.setExtraOptions({ OOBInline: true }), /^Parameter error: OOBInline is not/],
    [() => tcp.sendv(['text', 'other']), /views must be an array of up to 1024 ArrayBuffers and views/],
    [() => tcp.setExtraOptions({ socketLinger: { on: true, linger: 65536 } }), /socketLinger\.linger must be 0 to 65535/],
  ]) {
    const { message } = await rejected(call(), 401);
    assert.match(message, expected);
  }
  assert.throws(() => tcp.setOption(999, 1), { code: 401, message: /option must be one of Option/ });
  assert.throws(() => tcp.setOption(2 ** 32 + socket.Option.CLOSE_TIMEOUT, 1), { code: 401, message: /option must be one of Option/ });
  assert.throws(() => tcp.setOption(socket.Option.ALLOW_HALF_OPEN, 2), { code: 401, message: /value 2 of Option\.ALLOW_HALF_OPEN is not from 0 to 1/ });
  assert.throws(() => tcp.setOption(socket.Option.CLOSE_TIMEOUT, 2 ** 60), { code: 401, message: /value must be/ });
  for (const backlog of [-1, 65536]) {
    assert.throws(() => socket.constructTCPSocketServerInstance().listen({ address: HOST, backlog }), { code: 401, message: /address\.backlog must be 0 to 65535/ });
  }
  assert.match((await rejected(tcp.setExtraOptions({ socketTimeout: -1 }), 2301033)).message, /socketTimeout is -1/);
  assert.match((await rejected(other.connect({ address: { address: 'fe80::1%nosuch0', port: 1 } }), 2301019)).message, /address\.address "fe80::1%nosuch0": there is no interface/);
  assert.throws(() => tcp.getOption('x'), { code: 401, message: /option must be one of Option/ });
  await udp.bind({ address: HOST });
  const error = await rejected(udp.send({ data: 'x', address: { address: HOST } }), 2301022);
  assert.match(error.message, /address\.port must be 1 to 65535/);
  await udp.close();
  assert.equal((await rejected(udp.close(), 2300999)).message, 'The socket is not open');
  peer.resume();
  peer.end();
  await tcp.close();
});

test('an ArrayBuffer of another realm is data, as one of jest is', async () => {
  const { tcp, peer } = await connected();
  const data = vm.runInNewContext('new Uint8Array([111, 107]).buffer');
  assert.equal(data instanceof ArrayBuffer, false);
  const received = once(peer, 'data');
  await tcp.send({ data });
  assert.equal((await received)[0].toString(), 'ok');
  peer.end();
  await tcp.close();
});

test('servers and their connections throw 401', async () => {
  const server = socket.constructTCPSocketServerInstance();
  for (const address of notAddresses.slice(0, 9)) {
    assert.throws(() => server.listen(address), { code: 401, name: 'BusinessError' });
    assert.throws(() => server.listen(address, () => assert.fail()), { code: 401 });
  }
  assert.throws(() => server.setExtraOptions(null), { code: 401 });
  // What only the library can tell is delivered.
  await rejected(server.listen({ address: HOST, family: 2 }), 401);
  await rejected(server.listen({ address: 'example.invalid' }), 401);

  const { server: other, address } = await listening();
  const arrived = next(other, 'connect');
  const peer = await netClient(address);
  const client = await arrived;
  assert.throws(() => client.send(), { code: 401 });
  assert.throws(() => client.send(null, () => assert.fail()), { code: 401 });
  assert.throws(() => client.setExtraOptions(7), { code: 401 });
  await rejected(client.send({ data: 7 }), 401);
  peer.destroy();
  await client.close();
  await other.close();
});

test('a callback that is none is refused', async () => {
  const tcp = socket.constructTCPSocketInstance();
  const server = socket.constructTCPSocketServerInstance();
  for (const callback of [null, 7, 'text', {}]) {
    await rejected(tcp.bind({ address: HOST }, callback), 401);
    await rejected(tcp.connect({ address: { address: HOST, port: 1 } }, callback), 401);
    await rejected(tcp.send({ data: 'x' }, callback), 401);
    for (const method of ['close', 'end', 'getState', 'getLocalAddress', 'getRemoteAddress', 'getSocketFd']) {
      await rejected(tcp[method](callback), 401);
    }
    await rejected(server.listen({ address: HOST }, callback), 401);
  }
  assert.equal((await tcp.getState()).isBound, false);
  assert.equal((await server.getState()).isBound, false);
});

test('data, encodings and options of the wrong type', async () => {
  const { tcp, peer } = await connected();
  for (const data of [undefined, null, 7, {}, [1], true, new Blob(['x'])]) await rejected(tcp.send({ data }), 401);
  for (const encoding of ['latin', 7, null]) await rejected(tcp.send({ data: 'x', encoding }), 401);
  await rejected(tcp.sendv(7), 401);
  await rejected(tcp.sendv([7]), 401);
  await rejected(tcp.sendv(new Array(1025).fill(new Uint8Array(1))), 401);
  for (const options of [{ keepAlive: 1 }, { TCPNoDelay: 'yes' }, { OOBInline: null }, { reuseAddress: {} },
    { receiveBufferSize: '8192' }, { sendBufferSize: 1.5 }, { socketTimeout: NaN }, { socketLinger: true },
    { socketLinger: { on: true } , keepAlive: 'x' }, { socketLinger: { on: 1, linger: 0 } }, { socketLinger: { on: true, linger: 70_000 } },
    { broadcast: true }]) {
    await rejected(tcp.setExtraOptions(options), 401);
  }
  assert.throws(() => tcp.setOption(99, 1), { code: 401 });
  assert.throws(() => tcp.setOption('1', 1), { code: 401 });
  assert.throws(() => tcp.setOption(socket.Option.CLOSE_TIMEOUT, -1), { code: 401 });
  assert.throws(() => tcp.setOption(socket.Option.CLOSE_TIMEOUT, 'soon'), { code: 401 });
  assert.throws(() => tcp.getOption(99), { code: 401 });
  peer.destroy();
  await tcp.close().catch(() => {});
});

test('what is not there is refused, not left out', async () => {
  const tcp = socket.constructTCPSocketInstance();
  const proxy = { type: socket.ProxyTypes.SOCKS5, address: { address: HOST, port: 1080 } };
  const address = { address: HOST, port: 1 };
  await rejected(tcp.connect({ address, proxy }), 2301095);
  await rejected(tcp.connect({ address, proxy: 'none' }), 2301095);
  await rejected(tcp.connect({ address, proxy: { type: socket.ProxyTypes.NONE } }), 2301111);
  await rejected(tcp.setExtraOptions({ tcpFastOpen: true }), 2301095);
  await rejected(tcp.connect({ address, timeout: 'soon' }), 401);
  await rejected(tcp.connect({ address, timeout: -1 }), 401);
  await rejected(tcp.connect({ address, signal: {} }), 401);
});

test('options are read during the call', async () => {
  const tcp = socket.constructTCPSocketInstance();
  const address = { address: HOST, port: 0 };
  const bound = tcp.bind(address);
  address.address = '192.0.2.1';
  await bound;
  assert.equal((await tcp.getLocalAddress()).address, HOST);
  await tcp.close();
});

test('listeners', () => {
  const tcp = socket.constructTCPSocketInstance();
  for (const listener of [undefined, null, 7, 'text', {}]) {
    assert.throws(() => tcp.on('message', listener), { code: 401 });
    assert.throws(() => tcp.once('message', listener), { code: 401 });
    if (listener !== undefined) assert.throws(() => tcp.off('message', listener), { code: 401 });
  }
  for (const type of ['data', '', undefined, 7, Symbol('message')]) {
    assert.throws(() => tcp.on(type, () => {}), { code: 401 });
    assert.throws(() => tcp.off(type), { code: 401 });
  }
});

test('the bytes of a detached ArrayBuffer are elsewhere: 401', async () => {
  const { tcp, peer } = await connected();
  const udp = socket.constructUDPSocketInstance();
  await udp.bind({ address: HOST });
  const address = await udp.getLocalAddress();
  for (const view of [(buffer) => buffer, (buffer) => new Uint8Array(buffer), (buffer) => new DataView(buffer), (buffer) => Buffer.from(buffer)]) {
    const buffer = new ArrayBuffer(8);
    const data = view(buffer);
    structuredClone(buffer, { transfer: [buffer] });
    await rejected(tcp.send({ data }), 401);
    await rejected(called(tcp, 'send', { data }), 401);
    await rejected(tcp.sendv([data]), 401);
    await rejected(udp.send({ data, address }), 401);
    await rejected(udp.send({ data, address: { ...address, address: 'localhost' } }), 401);
  }
  for (const data of [new ArrayBuffer(0), new Uint8Array(0), Buffer.alloc(0)]) {
    await tcp.send({ data });
    await tcp.sendv([data]);
    await udp.send({ data, address });
  }
  peer.resume().end();
  await tcp.close();
  await udp.close();
});
