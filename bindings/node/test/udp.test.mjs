// UDPSocket, with node:dgram on the other side.

import { once } from 'node:events';
import dns from 'node:dns';
import test from 'node:test';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { HOST, called, checkLeaks, dgramSocket, next, rejected, soon } from './helper.mjs';

checkLeaks();

for (const form of ['promise', 'callback']) {
  const run = (target, method, ...args) => form === 'promise'
    ? soon(target[method](...args), method) : called(target, method, ...args);

  test(`a UDP socket's life, ${form} form`, async () => {
    const { peer, address } = await dgramSocket();
    const udp = socket.constructUDPSocketInstance();
    assert.deepEqual(await run(udp, 'getState'), { isBound: false, isClose: false, isConnected: false });
    await rejected(run(udp, 'send', { data: 'x', address }), 2301009);
    await rejected(run(udp, 'setExtraOptions', { broadcast: true }), 2301009);
    await rejected(run(udp, 'getLocalAddress'), 2301009);
    await rejected(run(udp, 'close'), 2300999);
    assert.equal(await run(udp, 'getSocketFd'), -1);

    const order = [];
    udp.on('listening', (value) => order.push('listening', value));
    await run(udp, 'bind', { address: HOST, port: 0 }).then(() => order.push('done'));
    assert.deepEqual(order, ['listening', undefined, 'done']);
    assert.deepEqual(await run(udp, 'getState'), { isBound: true, isClose: false, isConnected: false });
    assert.ok(await run(udp, 'getSocketFd') > 0);
    const local = await run(udp, 'getLocalAddress');
    await rejected(run(udp, 'bind', { address: HOST }), 2301022);
    await run(udp, 'setExtraOptions', { broadcast: true, receiveBufferSize: 65536 });

    const arrived = once(peer, 'message');
    assert.equal(await run(udp, 'send', { data: 'ping', address }), undefined);
    const [data, from] = await arrived;
    assert.equal(data.toString(), 'ping');
    assert.equal(from.port, local.port);
    const answer = next(udp, 'message');
    peer.send('pong!', from.port, from.address);
    const { message, remoteInfo } = await answer;
    assert.ok(message instanceof ArrayBuffer);
    assert.equal(Buffer.from(message).toString(), 'pong!');
    assert.deepEqual(remoteInfo, { address: HOST, family: 'IPv4', port: address.port, size: 5 });

    const closed = [];
    udp.on('close', () => closed.push('event'));
    await run(udp, 'close').then(() => closed.push('done'));
    assert.deepEqual(closed, ['event', 'done']);
    assert.equal((await run(udp, 'getState')).isClose, true);
    await rejected(run(udp, 'close'), 2300999);
    peer.close();
  });
}

async function bound(host = HOST) {
  const udp = socket.constructUDPSocketInstance();
  await udp.bind({ address: host });
  return { udp, address: await udp.getLocalAddress() };
}

test('a second bind: the error says where the socket is bound [DONE-7]', async () => {
  for (const [target, method, code] of [[socket.constructUDPSocketInstance(), 'bind', 2301022], [socket.constructTCPSocketServerInstance(), 'listen', 2303122]]) {
    await target[method]({ address: HOST });
    const { port } = await target.getLocalAddress();
    assert.match((await rejected(target[method]({ address: HOST }), code)).message, new RegExp(`already bound to ${HOST}:${port}`));
    await target.close();
  }
});

test('datagrams are whole: empty ones, large ones, not too large ones', async () => {
  const { peer, address } = await dgramSocket();
  const { udp, address: local } = await bound();
  for (const size of [0, 1, 1500, 65507]) {
    const arrived = once(peer, 'message');
    await udp.send({ data: new ArrayBuffer(size), address });
    assert.equal((await arrived)[0].length, size);
    const answer = next(udp, 'message');
    peer.send(Buffer.alloc(size, 7), local.port, HOST);
    const { message, remoteInfo } = await answer;
    assert.equal(message.byteLength, size);
    assert.equal(remoteInfo.size, size);
  }
  await rejected(udp.send({ data: new ArrayBuffer(65508), address }), 2301090);
  await udp.close();
  peer.close();
});

test('a name is looked up', async () => {
  const { peer, address } = await dgramSocket();
  const { udp } = await bound();
  const arrived = once(peer, 'message');
  await udp.send({ data: 'by name', address: { address: 'localhost', port: address.port, family: 1 } });
  assert.equal((await arrived)[0].toString(), 'by name');
  await rejected(udp.send({ data: 'x', address: { address: 'no-such-host.invalid', port: 9 } }), 2300004);
  await rejected(udp.send({ data: 'x', address: { address: '127.0.0.1.1', port: 9 } }), 401);
  await rejected(udp.send({ data: 'x', address: { address: '127.0.0.1', port: 0 } }), 2301022);
  await rejected(udp.send({ data: 7, address }), 401);
  await udp.close();
  peer.close();
});

test('hundreds of datagrams, from several senders', async () => {
  const { udp, address } = await bound();
  await udp.setExtraOptions({ receiveBufferSize: 262144 });
  const senders = await Promise.all(Array.from({ length: 4 }, () => bound()));
  const seen = new Map();
  const done = new Promise((resolve) => {
    let count = 0;
    udp.on('message', ({ message, remoteInfo }) => {
      const list = seen.get(remoteInfo.port) ?? [];
      list.push(new DataView(message).getUint32(0));
      seen.set(remoteInfo.port, list);
      if (++count === 400) resolve();
    });
  });
  for (let i = 0; i < 100; i++) {
    const data = Buffer.alloc(4);
    data.writeUInt32BE(i);
    await Promise.all(senders.map(({ udp: sender }) => sender.send({ data, address })));
  }
  await soon(done, '400 datagrams');
  for (const { address: from } of senders) assert.deepEqual(seen.get(from.port), Array.from({ length: 100 }, (_, i) => i));
  for (const { udp: sender } of senders) await sender.close();
  await udp.close();
});

test('an earlier datagram that was refused is a notice', async () => {
  const { udp, address } = await bound();
  const gone = await bound();
  await gone.udp.close();
  // A connected socket of the kernel would be told; this one goes on in any case.
  await udp.send({ data: 'nobody there', address: gone.address });
  const message = next(udp, 'message');
  await udp.send({ data: 'still here', address });
  assert.equal(Buffer.from((await message).message).toString(), 'still here');
  await udp.close();
});

test('broadcast needs its option', async () => {
  const { udp } = await bound('0.0.0.0');
  const address = { address: '127.255.255.255', port: 9 };
  await rejected(udp.send({ data: 'x', address }), 2301013);
  await udp.setExtraOptions({ broadcast: true });
  await udp.send({ data: 'x', address });
  await udp.close();
});

test('bind reports what is wrong', async () => {
  const { peer, address } = await dgramSocket();
  const udp = socket.constructUDPSocketInstance();
  await rejected(udp.bind(address), 2301098);
  await rejected(udp.bind({ address: '192.0.2.1' }), 2301099);
  await udp.bind({ address: '::1', family: 2 });
  assert.equal((await udp.getLocalAddress()).family, 2);
  await udp.close();
  peer.close();
});

test('bind and close back to back', async () => {
  const udp = socket.constructUDPSocketInstance();
  const events = [];
  udp.on('listening', () => events.push('listening'));
  udp.on('close', () => events.push('close'));
  await Promise.all([udp.bind({ address: HOST }), udp.close()]);
  assert.deepEqual(events, ['listening', 'close']);
});

/** The library knows localhost itself, and other names depend on the system. */
const { lookup } = dns;
function slowLookup() {
  dns.lookup = (name, options, callback) => {
    if (name === 'peer.test') setImmediate(callback, null, HOST, 4);
    else lookup(name, options, callback);
  };
}

test('a send to a name comes before the sends and the close after it', async () => {
  const { peer, address } = await dgramSocket();
  slowLookup();
  const { udp } = await bound();
  const received = [];
  const both = soon(new Promise((resolve) => {
    peer.on('message', (data) => {
      received.push(data.toString());
      if (received.length === 3) resolve();
    });
  }));
  const done = [];
  const bytes = Buffer.from('two');
  const sends = [
    udp.send({ data: 'one', address: { ...address, address: 'peer.test', family: 1 } }).then(() => done.push('one')),
    udp.send({ data: bytes, address }).then(() => done.push('two')),
    called(udp, 'send', { data: 'three', address: { ...address, address: 'peer.test', family: 1 } }).then(() => done.push('three')),
  ];
  bytes.fill('x'); // it is the program's again
  const closed = udp.close().then(() => done.push('closed'));
  const late = rejected(udp.send({ data: 'four', address }), 2301108);
  await soon(Promise.all([...sends, closed, late]));
  assert.deepEqual(done, ['one', 'two', 'three', 'closed']);
  await both;
  assert.deepEqual(received, ['one', 'two', 'three']);
  // The socket is as new, and a failed look-up holds nothing up.
  await udp.bind({ address: HOST });
  const arrived = once(peer, 'message');
  const unknown = rejected(udp.send({ data: 'x', address: { address: 'name.invalid', port: 9 } }), 2300004);
  await udp.send({ data: 'again', address });
  assert.equal((await arrived)[0].toString(), 'again');
  await unknown;
  await udp.close();
  peer.close();
  dns.lookup = lookup;
});

test('abort cancels the sends that wait for a name', async () => {
  const { peer, address } = await dgramSocket();
  slowLookup();
  const { udp } = await bound();
  const sends = [
    rejected(udp.send({ data: 'one', address: { ...address, address: 'peer.test' } }), 2301125),
    rejected(udp.send({ data: 'two', address }), 2301125),
  ];
  const joined = udp.close();
  const closed = next(udp, 'close');
  udp.abort();
  await closed;
  await soon(Promise.all([...sends, joined]));
  await rejected(udp.close(), 2300999);
  peer.close();
  dns.lookup = lookup;
});
