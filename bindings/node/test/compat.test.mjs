// What OpenHarmony's own conformance tests state, in compatibility mode where it differs from the default.

import { once } from 'node:events';
import test, { after, before } from 'node:test';
import tls from 'node:tls';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { HOST, called, checkLeaks, closedPort, connected, dgramSocket, listening, netServer, next, rejected, soon } from './helper.mjs';
import { certificates } from './certificates.mjs';
import { run } from './child.mjs';

let previous;
before(() => { previous = socket.setCompat(true); });
after(() => assert.equal(socket.setCompat(previous), true));
checkLeaks();

test('getState before anything: all false, for every kind', async () => {
  for (const target of [socket.constructTCPSocketInstance(), socket.constructUDPSocketInstance(), socket.constructTCPSocketServerInstance()]) {
    assert.deepEqual(await target.getState(), { isBound: false, isClose: false, isConnected: false });
  }
});

test('close of what is not open: 2300999', async () => {
  for (const target of [socket.constructTCPSocketInstance(), socket.constructUDPSocketInstance()]) {
    await rejected(target.close(), 2300999);
    await target.bind({ address: HOST });
    await target.close();
    await rejected(target.close(), 2300999);
    await rejected(called(target, 'close'), 2300999);
  }
});

test('use before opening: 2301009', async () => {
  const tcp = socket.constructTCPSocketInstance();
  const udp = socket.constructUDPSocketInstance();
  await rejected(tcp.getRemoteAddress(), 2301009);
  await rejected(udp.send({ data: 'x', address: { address: HOST, port: 9 } }), 2301009);
  await rejected(tcp.getLocalAddress(), 2301009);
  await rejected(udp.getLocalAddress(), 2301009);
  assert.equal(await tcp.getSocketFd(), undefined);
});

test('null and undefined options: 401 delivered by TCP and UDP, thrown by servers with a string code', async () => {
  const tcp = socket.constructTCPSocketInstance();
  const udp = socket.constructUDPSocketInstance();
  const server = socket.constructTCPSocketServerInstance();
  for (const none of [null, undefined]) {
    for (const method of ['bind', 'connect', 'send', 'setExtraOptions']) await rejected(tcp[method](none), 401);
    for (const method of ['bind', 'send', 'setExtraOptions']) await rejected(udp[method](none), 401);
    assert.throws(() => server.listen(none), { code: '401' });
    assert.throws(() => server.setExtraOptions(none), { code: '401' });
  }
});

test('addresses: a name, or a literal of the other family, cannot be bound', async () => {
  for (const target of [socket.constructTCPSocketInstance(), socket.constructUDPSocketInstance()]) {
    await rejected(target.bind({ address: 'www.example.invalid', port: 0 }), 401);
    await rejected(target.bind({ address: '::1', port: 0, family: 1 }), 401);
    await rejected(target.bind({ address: '::1', port: 0 }), 401); // the family is IPv4 when it is not given
    await rejected(target.bind({ address: HOST, port: 0, family: 2 }), 401);
    await rejected(target.bind({ address: '192.0.2.1', port: 0 }), 2301099);
  }
  const tcp = socket.constructTCPSocketInstance();
  await rejected(tcp.connect({ address: { address: '::1', port: 9, family: 1 } }), 401);
  await rejected(called(tcp, 'connect', { address: { address: '::1', port: 9, family: 1 } }), 401);
  await rejected(socket.constructTCPSocketServerInstance().listen({ address: '192.0.2.1' }), 2303199);
});

test('every failed connect: 2301115', async () => {
  const tcp = socket.constructTCPSocketInstance();
  await rejected(tcp.connect({ address: await closedPort() }), 2301115);
  await rejected(called(tcp, 'connect', { address: await closedPort(), timeout: 200 }), 2301115);
});

test('a busy port: another one is taken', async () => {
  const { server: other, address } = await netServer();
  const { peer, address: taken } = await dgramSocket();
  for (const [target, method, busy] of [[socket.constructTCPSocketInstance(), 'bind', address],
    [socket.constructUDPSocketInstance(), 'bind', taken], [socket.constructTCPSocketServerInstance(), 'listen', address]]) {
    await target[method](busy);
    const { port } = await target.getLocalAddress();
    assert.ok(port > 0 && port !== busy.port);
    await target.close();
  }
  other.close();
  peer.close();
});

test('bind of a UDP socket that is bound: it has the new address, and nobody is told of a close', async () => {
  const udp = socket.constructUDPSocketInstance();
  const events = [];
  for (const type of ['listening', 'close']) udp.on(type, () => events.push(type));
  await udp.bind({ address: HOST });
  const first = await udp.getLocalAddress();
  await udp.bind({ address: HOST });
  const second = await udp.getLocalAddress();
  assert.notEqual(second.port, first.port);
  const message = next(udp, 'message');
  await udp.send({ data: 'x', address: second });
  assert.equal(Buffer.from((await message).message).toString(), 'x');
  const all = Promise.all([udp.close(), udp.bind({ address: HOST }), called(udp, 'bind', first), udp.bind(second)]);
  await soon(all);
  assert.deepEqual(await udp.getLocalAddress(), second);
  assert.deepEqual(events, ['listening', 'listening', 'close', 'listening', 'listening', 'listening']);
  await udp.close();
  assert.equal(events.length, 7);
});

test('ports modulo 65536, families that are not known, members of the wrong type', async () => {
  const { server, address } = await listening();
  const tcp = socket.constructTCPSocketInstance();
  await tcp.connect({ address: { address: HOST, port: address.port + 65536, family: 9 }, timeout: 'soon' });
  assert.equal((await tcp.getRemoteAddress()).port, address.port);
  await tcp.setExtraOptions({ keepAlive: 1, receiveBufferSize: 'large' });
  await rejected(tcp.setExtraOptions({ socketTimeout: -1 }), 2301033);
  server.on('connect', (client) => client.close().catch(() => {}));
  await tcp.close();
  await server.close();
});

test('setExtraOptions of a server before listen: 2303109', async () => {
  await rejected(socket.constructTCPSocketServerInstance().setExtraOptions({ keepAlive: true }), 2303109);
});

test('one listener for an event, the last; off removes it; unknown events are ignored', async () => {
  const { tcp, peer } = await connected();
  const calls = [];
  tcp.on('message', () => calls.push('first'));
  tcp.on('message', () => calls.push('second'));
  tcp.on('nothing', () => {});
  tcp.off('nothing');
  assert.equal(tcp.listenerCount('message'), 1);
  const closed = next(tcp, 'close');
  peer.end('x');
  await closed;
  assert.deepEqual(calls, ['second']);
  tcp.on('message', () => {});
  tcp.off('message');
  assert.equal(tcp.listenerCount('message'), 0);
  assert.equal(tcp.off('message', undefined), tcp);
});

test('encodings that are not known are UTF-8', async () => {
  const { tcp, peer } = await connected();
  const received = (async () => {
    const parts = [];
    for await (const part of peer) parts.push(part);
    return Buffer.concat(parts).toString();
  })();
  await tcp.send({ data: 'grüße', encoding: 'EBCDIC' });
  await tcp.close();
  assert.equal(await received, 'grüße');
});

test('getCipherSuite: all suites of this side, not the one that was agreed on', async () => {
  const { ca, server: identity } = certificates();
  const server = tls.createServer({ ...identity, maxVersion: 'TLSv1.2' }, (peer) => peer.on('error', () => {}).resume());
  server.listen(0, HOST);
  await soon(once(server, 'listening'));
  const suites = ['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-GCM-SHA384'];
  const suitesOf = async (target) => {
    const { port } = server.address();
    await target.connect({ address: { address: HOST, port }, secureOptions: { ca, cipherSuite: suites.join(':') } });
    const found = await target.getCipherSuite();
    await target.close();
    return found;
  };
  const compat = socket.constructTLSSocketInstance();
  // OpenHarmony asks OpenSSL for the list of the context: a cipherSuite of TLS 1.2 does not touch that of TLS 1.3.
  const always = ['TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256', 'TLS_AES_128_GCM_SHA256'];
  assert.deepEqual(await suitesOf(compat), [...always, ...suites]);
  socket.setCompat(false);
  const precise = socket.constructTLSSocketInstance();
  socket.setCompat(true);
  const agreed = await suitesOf(precise);
  assert.equal(agreed.length, 1);
  assert.ok(suites.includes(agreed[0]));
  server.close();
});

test('a socket keeps the mode it was constructed in', async () => {
  const tcp = socket.constructTCPSocketInstance();
  socket.setCompat(false);
  const precise = socket.constructTCPSocketInstance();
  socket.setCompat(true);
  const address = await closedPort();
  await rejected(tcp.connect({ address }), 2301115);
  await rejected(precise.connect({ address }), 2301111);
});

test('OHSOCKET_COMPAT=1', async () => {
  const source = `
    const tcp = socket.constructTCPSocketInstance();
    await tcp.connect({ address: { address: '127.0.0.1', port: 1 } }).catch((error) => console.log(error.code));
    tcp.on('no such event', () => {});`;
  const env = { ...process.env, OHSOCKET_COMPAT: '1' };
  const { stdout, code } = await run(source, { env }).done;
  assert.deepEqual([stdout, code], ['2301115\n', 0]);
});
