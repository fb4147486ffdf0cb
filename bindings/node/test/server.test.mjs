// TCPSocketServer and TCPSocketConnection, with node:net on the other side.

import { once } from 'node:events';
import { readlinkSync } from 'node:fs';
import test from 'node:test';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { HOST, all, bytes, called, checkLeaks, listening, netClient, netServer, next, rejected, soon, turns } from './helper.mjs';

checkLeaks();

for (const form of ['promise', 'callback']) {
  const run = (target, method, ...args) => form === 'promise'
    ? soon(target[method](...args), method) : called(target, method, ...args);

  test(`a server's life, ${form} form`, async () => {
    const server = socket.constructTCPSocketServerInstance();
    assert.deepEqual(await run(server, 'getState'), { isBound: false, isClose: false, isConnected: false });
    assert.equal(await run(server, 'getSocketFd'), -1);
    await rejected(run(server, 'getLocalAddress'), 2301009);
    await rejected(run(server, 'setExtraOptions', { keepAlive: true }), 2303109);
    await rejected(run(server, 'close'), 2300999);

    const order = [];
    server.on('listening', () => order.push('listening'));
    const accepted = next(server, 'connect');
    assert.equal(await run(server, 'listen', { address: HOST, port: 0, family: 1, backlog: 7 }).then(() => order.push('done')), 2);
    assert.deepEqual(order, ['listening', 'done']);
    const address = await run(server, 'getLocalAddress');
    assert.equal(address.address, HOST);
    assert.deepEqual(await run(server, 'getState'), { isBound: true, isClose: false, isConnected: false });
    assert.match(readlinkSync(`/proc/self/fd/${await run(server, 'getSocketFd')}`), /^socket:/);
    assert.equal(await run(server, 'setExtraOptions', { keepAlive: true, socketLinger: { on: false, linger: 0 } }), undefined);
    await rejected(run(server, 'listen', { address: HOST }), 2303122);

    const peer = await netClient(address);
    const client = await accepted;
    assert.ok(client instanceof socket.TCPSocketConnection);
    assert.equal(client.clientId, 1);
    assert.equal((await run(server, 'getState')).isConnected, true);
    assert.deepEqual(await run(client, 'getRemoteAddress'), { address: HOST, port: peer.localPort, family: 1 });
    assert.deepEqual(await run(client, 'getLocalAddress'), { ...address, family: 1 });
    assert.match(readlinkSync(`/proc/self/fd/${await run(client, 'getSocketFd')}`), /^socket:/);
    assert.equal(await run(client, 'setExtraOptions', { TCPNoDelay: true }), undefined);

    const message = next(client, 'message');
    peer.write('question');
    const { message: data, remoteInfo } = await message;
    assert.equal(Buffer.from(data).toString(), 'question');
    assert.deepEqual(remoteInfo, { address: HOST, family: 'IPv4', port: peer.localPort, size: 8 });
    assert.equal(await run(client, 'send', { data: 'answer' }), undefined);
    const [got] = await once(peer, 'data');
    assert.equal(got.toString(), 'answer');

    // The server closes; its client stays.
    await run(server, 'close');
    assert.equal((await run(server, 'getState')).isClose, true);
    peer.write('more');
    await next(client, 'message');
    const order2 = [];
    client.on('close', () => order2.push('event'));
    await run(client, 'close').then(() => order2.push('done'));
    assert.deepEqual(order2, ['event', 'done']);
    await rejected(run(client, 'send', { data: 'x' }), 2303208);
    await rejected(run(client, 'close'), 2300999);
    await rejected(run(client, 'getRemoteAddress'), 2301009);
    assert.equal(await run(client, 'getSocketFd'), -1);
    client.off('message');
    client.off('close');
    peer.destroy();

    // And listens again.
    await run(server, 'listen', { address: HOST });
    await run(server, 'close');
  });
}

test('an address that cannot be had', async () => {
  const { server: other, address } = await netServer();
  const server = socket.constructTCPSocketServerInstance();
  await rejected(server.listen(address), 2303198);
  await rejected(server.listen({ address: '192.0.2.1' }), 2303199);
  await server.listen({ address: HOST });
  await server.close();
  other.close();
});

test('send and close issued back to back in the connect listener', async () => {
  const events = [];
  let finish;
  const finished = new Promise((resolve) => { finish = resolve; });
  const { server, address } = await listening((client) => {
    client.on('close', () => events.push('close'));
    client.send({ data: 'Hello, client!' }, (error) => events.push('sent', error));
    client.close((error) => {
      events.push('closed', error);
      finish();
    });
  });
  const peer = await netClient(address);
  assert.equal((await soon(all(peer))).toString(), 'Hello, client!');
  await soon(finished);
  await server.close();
  assert.deepEqual(events, ['sent', undefined, 'close', 'closed', undefined]);
});

test('client ids count from 1 for each server', async () => {
  for (let i = 0; i < 2; i++) {
    const ids = [];
    const { server, address } = await listening((client) => {
      ids.push(client.clientId);
      client.close().catch(() => {});
    });
    for (let n = 0; n < 3; n++) await soon(all(await netClient(address)));
    assert.deepEqual(ids, [1, 2, 3]);
    await server.close();
  }
});

test('without a connect listener clients wait, also those of a batch that is being delivered', async () => {
  const { server, address } = await listening();
  const peers = [await netClient(address), await netClient(address), await netClient(address)];
  for (let n = 1; n <= 3; n++) {
    const client = await next(server, 'connect'); // once: removed before the others are delivered
    assert.equal(client.clientId, n);
    client.send({ data: `you are ${n}` });
    client.close();
  }
  const answers = await soon(Promise.all(peers.map(all)));
  assert.deepEqual(answers.map(String).sort(), ['you are 1', 'you are 2', 'you are 3']);
  await server.close();
});

test('clients of a batch are reset when the server is closed before they are delivered', async () => {
  const { server, address } = await listening();
  const peers = [await netClient(address), await netClient(address)];
  const gone = peers.map((peer) => new Promise((resolve) => peer.resume().once('close', resolve)));
  const closed = new Promise((resolve) => server.once('connect', (client) => {
    client.close();
    server.close(resolve);
  }));
  assert.equal(await soon(closed), undefined);
  await soon(Promise.all(gone));
});

test('nothing a client sends is lost while its listener is not there yet', async () => {
  const { server, address } = await listening();
  const arrived = next(server, 'connect');
  const peer = await netClient(address);
  peer.end('early bird');
  const client = await arrived;
  await once(peer, 'finish');
  const closed = next(client, 'close');
  assert.equal((await bytes(client, 10)).toString(), 'early bird');
  await closed;
  await server.close();
});

test('pause stops accepting', async () => {
  const { server, address } = await listening((client) => client.close().catch(() => {}));
  server.pause();
  assert.equal(server.isPaused(), true);
  const peer = await netClient(address);
  const events = [];
  server.on('connect', () => events.push('connect'));
  await turns(50);
  assert.deepEqual(events, []);
  server.resume();
  await soon(all(peer));
  assert.deepEqual(events, ['connect']);
  await server.close();
});

test('connections cannot be made by hand', () => {
  assert.throws(() => new socket.TCPSocketConnection(), TypeError);
});
