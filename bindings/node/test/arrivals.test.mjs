// for await over messages and clients, with node:net and node:dgram on the other side.

import dgram from 'node:dgram';
import { once } from 'node:events';
import test from 'node:test';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { HOST, checkLeaks, connected, listening, netClient, rejected, soon, until } from './helper.mjs';

checkLeaks();

test('messages of a connection, until the end of the peer', async () => {
  const { tcp, peer } = await connected();
  const size = 3 << 20;
  peer.end(Buffer.alloc(size, 'x'));
  let got = 0, most = 0;
  for await (const { message, remoteInfo } of tcp) {
    got += message.byteLength;
    most = Math.max(most, remoteInfo.size);
    if (got < 1 << 20) await new Promise(setImmediate);
  }
  assert.equal(got, size);
  assert.ok(most > 0);
  await tcp.close();
});

test('a body that does not keep up holds the peer back', async () => {
  const { tcp, peer } = await connected();
  const iterator = tcp[Symbol.asyncIterator]();
  const size = 64 << 20;
  const written = peer.write(Buffer.alloc(size));
  assert.equal(written, false);
  await iterator.next();
  await until(() => tcp.isPaused(), 'the socket is paused');
  assert.ok(peer.writableLength > size / 2, 'most of it is still at the peer');
  let got = 0;
  peer.end();
  for await (const { message } of iterator) got += message.byteLength;
  assert.ok(got > size - (1 << 20));
  await tcp.close();
});

test('a reset is thrown, behind what had arrived', async () => {
  const { tcp, peer } = await connected();
  const parts = [];
  peer.write('last words');
  const failed = (async () => {
    for await (const { message } of tcp) {
      parts.push(Buffer.from(message).toString());
      peer.resetAndDestroy();
    }
  })();
  await rejected(soon(failed), 2301104);
  assert.deepEqual(parts, ['last words']);
});

test('leaving the loop leaves the socket open', async () => {
  const { tcp, peer } = await connected();
  peer.write('one');
  for await (const { message } of tcp) {
    assert.equal(Buffer.from(message).toString(), 'one');
    break;
  }
  assert.equal(tcp.listenerCount('message'), 0);
  peer.end('two');
  const rest = [];
  for await (const { message } of tcp) rest.push(Buffer.from(message).toString());
  assert.deepEqual(rest, ['two']);
  await tcp.close();
});

test('clients of a server, until it is closed', async () => {
  const { server, address } = await listening();
  const clients = [];
  const serving = (async () => {
    for await (const client of server) {
      clients.push(client.clientId);
      for await (const { message } of client) await client.send({ data: message });
      if (clients.length === 3) server.close();
    }
  })();
  for (let i = 0; i < 3; i++) {
    const peer = await netClient(address);
    peer.end('echo');
    const [data] = await soon(once(peer, 'data'));
    assert.equal(data.toString(), 'echo');
    await soon(once(peer, 'close'));
  }
  await soon(serving);
  assert.deepEqual(clients, [1, 2, 3]);
});

test('datagrams, and close inside the loop', async () => {
  const udp = socket.constructUDPSocketInstance();
  await udp.bind({ address: HOST });
  const { port } = await udp.getLocalAddress();
  const peer = dgram.createSocket('udp4');
  for (let i = 0; i < 100; i++) peer.send(`datagram ${i}`, port, HOST);
  const got = [];
  for await (const { message, remoteInfo } of udp) {
    got.push(Buffer.from(message).toString());
    assert.equal(remoteInfo.family, 'IPv4');
    await new Promise(setImmediate);
    if (got.length === 100) await udp.close();
  }
  assert.deepEqual(got, Array.from({ length: 100 }, (_, i) => `datagram ${i}`));
  peer.close();
});

test('datagrams wait in the kernel while the body does not keep up', async () => {
  const udp = socket.constructUDPSocketInstance();
  await udp.bind({ address: HOST });
  const { port } = await udp.getLocalAddress();
  const iterator = udp[Symbol.asyncIterator]();
  const peer = dgram.createSocket('udp4');
  for (let i = 0; i < 100; i++) peer.send(`datagram ${i}`, port, HOST);
  await until(() => udp.isPaused(), 'the socket is paused');
  const got = [];
  for await (const { message } of iterator) {
    if (got.push(Buffer.from(message).toString()) === 100) await udp.close();
  }
  assert.deepEqual(got, Array.from({ length: 100 }, (_, i) => `datagram ${i}`));
  peer.close();
});

test('what is not open cannot be iterated', () => {
  for (const one of [socket.constructTCPSocketInstance(), socket.constructUDPSocketInstance(), socket.constructTCPSocketServerInstance()]) {
    assert.throws(() => one[Symbol.asyncIterator](), { code: 2300999 });
  }
});
