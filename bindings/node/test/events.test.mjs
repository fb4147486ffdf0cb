// Listeners: their order, their removal, what is held for the next one, and the scopes they run in.

import { AsyncLocalStorage, executionAsyncId } from 'node:async_hooks';
import { once } from 'node:events';
import test from 'node:test';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { run } from './child.mjs';
import { HOST, all, bytes, called, checkLeaks, closedPort, connected, listening, netClient, netServer, next, rejected, soon, turns } from './helper.mjs';

checkLeaks();

/** Two UDP sockets: what one sends is there when send is done, so a batch can be prepared. */
async function pair() {
  const udp = socket.constructUDPSocketInstance();
  await udp.bind({ address: HOST });
  const address = await udp.getLocalAddress();
  const sender = socket.constructUDPSocketInstance();
  await sender.bind({ address: HOST });
  const close = () => Promise.all([udp.close(), sender.close()]);
  return { udp, send: (data) => sender.send({ data, address }), close };
}

const text = ({ message }) => Buffer.from(message).toString();

test('several listeners, in their order, each once', async () => {
  const { udp, send, close } = await pair();
  const calls = [];
  const a = function () { calls.push('a', this === udp); };
  const b = () => calls.push('b');
  assert.equal(udp.on('message', a), udp);
  udp.on('message', b).on('message', a);
  udp.addListener('message', b);
  assert.equal(udp.listenerCount('message'), 2);
  const arrived = next(udp, 'message');
  await send('x');
  await arrived;
  assert.deepEqual(calls, ['a', true, 'b']);
  udp.off('message', a).off('message', a).removeListener('message', () => {});
  assert.equal(udp.listenerCount('message'), 1);
  udp.on('message', a);
  udp.off('message');
  assert.equal(udp.listenerCount('message'), 0);
  await close();
});

test('a listener that another has removed is not called', async () => {
  const { udp, send, close } = await pair();
  const calls = [];
  const last = () => calls.push('last');
  const arrived = new Promise((resolve) => {
    udp.on('message', () => {
      calls.push('first');
      udp.off('message', last);
      udp.on('message', () => calls.push('added'));
      setImmediate(resolve);
    });
  });
  udp.on('message', last);
  await send('x');
  await soon(arrived);
  assert.deepEqual(calls, ['first']);
  await close();
});

test('once: by itself, removed by its listener, and with events.once', async () => {
  const { udp, send, close } = await pair();
  const calls = [];
  const listener = () => calls.push('never');
  udp.once('message', listener);
  udp.once('message', listener);
  assert.equal(udp.listenerCount('message'), 1);
  udp.off('message', listener);
  const [value] = await Promise.all([once(udp, 'message'), send('x')]).then(([v]) => v);
  assert.equal(text(value), 'x');
  assert.equal(udp.listenerCount('message'), 0);
  assert.equal(udp.listenerCount('error'), 0);
  assert.deepEqual(calls, []);
  await close();
});

test('messages of a batch wait for the next listener, in order', async () => {
  const { udp, send, close } = await pair();
  for (let i = 0; i < 20; i++) await send(String(i));
  const seen = [];
  while (seen.length < 20) {
    await next(udp, 'message').then((value) => seen.push(text(value)));
    if (seen.length % 5 === 0) await turns(3);
  }
  assert.deepEqual(seen, Array.from({ length: 20 }, (_, i) => String(i)));
  await close();
});

test('pause in a listener holds the rest of the batch; resume goes on in order', async () => {
  const { udp, send, close } = await pair();
  const seen = [];
  for (let i = 0; i < 10; i++) await send(String(i));
  const tenth = new Promise((resolve) => {
    udp.on('message', (value) => {
      seen.push(text(value));
      if (seen.length === 10) resolve();
      udp.pause();
      setImmediate(() => {
        assert.equal(udp.isPaused(), true);
        udp.resume();
      });
    });
  });
  await soon(tenth);
  assert.deepEqual(seen, Array.from({ length: 10 }, (_, i) => String(i)));
  await close();
});

test('the end of a connection waits behind what is held', async () => {
  const { tcp, peer } = await connected();
  const events = [];
  tcp.once('message', () => {
    tcp.pause();
    peer.end('second');
  });
  tcp.on('end', () => events.push('end'));
  tcp.on('close', () => events.push('close'));
  peer.write('first');
  await once(peer, 'finish');
  await turns(10);
  assert.deepEqual(events, []);
  const closed = next(tcp, 'close');
  tcp.on('message', (value) => events.push(text(value)));
  tcp.resume();
  await closed;
  assert.deepEqual(events, ['second', 'end', 'close']);
});

test('no message after close() in a listener', async () => {
  const { udp, send, close } = await pair();
  for (let i = 0; i < 5; i++) await send(String(i));
  const events = [];
  udp.on('close', () => events.push('close'));
  const closed = new Promise((resolve) => {
    udp.on('message', (value) => {
      events.push(text(value));
      udp.close(resolve);
    });
  });
  assert.equal(await soon(closed), undefined);
  assert.deepEqual(events, ['0', 'close']);
  await close().catch(() => {}); // the other one
});

test('closing what is held: the messages are dropped, the end is told', async () => {
  const { tcp, peer } = await connected();
  const events = [];
  tcp.once('message', () => {
    tcp.off('message');
    peer.end('never read');
  });
  peer.write('first');
  await once(peer, 'finish');
  await turns(10);
  tcp.on('close', () => events.push('close'));
  tcp.on('message', () => { if (events.length > 0) events.push('late message'); });
  await tcp.close();
  assert.deepEqual(events, ['close']);
});

test('ticks and promises run between the events of a batch', async () => {
  const { udp, send, close } = await pair();
  for (let i = 0; i < 3; i++) await send(String(i));
  const order = [];
  const done = new Promise((resolve) => {
    udp.on('message', async (value) => {
      const id = text(value);
      order.push(`message ${id}`);
      process.nextTick(() => order.push(`tick ${id}`));
      await null;
      order.push(`promise ${id}`);
      if (id === '2') setImmediate(resolve);
    });
  });
  await soon(done);
  for (const i of [0, 1]) {
    assert.ok(order.indexOf(`tick ${i}`) < order.indexOf(`message ${i + 1}`));
    assert.ok(order.indexOf(`promise ${i}`) < order.indexOf(`message ${i + 1}`));
  }
  await close();
});

test('the async context: listeners have that of the construction, callbacks that of the call', async () => {
  const storage = new AsyncLocalStorage();
  const { server, address } = await netServer((peer) => peer.on('data', (data) => peer.end(data)));
  const seen = {};
  const tcp = storage.run('construction', () => socket.constructTCPSocketInstance());
  tcp.on('message', () => {
    seen.message = storage.getStore();
    assert.notEqual(executionAsyncId(), 0);
  });
  const closed = next(tcp, 'close');
  await storage.run('connect', () => new Promise((resolve) => tcp.connect({ address }, () => {
    seen.connect = storage.getStore();
    resolve();
  })));
  await storage.run('send', async () => {
    await tcp.send({ data: 'x' });
    seen.send = storage.getStore();
  });
  await storage.run('state', () => new Promise((resolve) => tcp.getState(() => {
    seen.state = storage.getStore();
    resolve();
  })));
  await closed;
  assert.deepEqual(seen, { message: 'construction', connect: 'connect', send: 'send', state: 'state' });
  server.close();
});

test('the connections of a server have the context of the server', async () => {
  const storage = new AsyncLocalStorage();
  const server = storage.run('server', () => socket.constructTCPSocketServerInstance());
  const seen = [];
  const closed = new Promise((resolve) => server.on('connect', (client) => {
    seen.push(storage.getStore());
    client.on('message', () => seen.push(storage.getStore()));
    client.on('close', resolve);
  }));
  await server.listen({ address: HOST });
  const peer = await netClient(await server.getLocalAddress());
  peer.resume().end('x');
  await soon(closed);
  assert.deepEqual(seen, ['server', 'server']);
  await server.close();
});

test('what arrives while nobody listens stays in order, megabytes of it', async () => {
  const { server, address } = await listening();
  const arrived = next(server, 'connect');
  const peer = await netClient(address);
  const client = await arrived;
  const data = Buffer.alloc(4 << 20);
  for (let i = 0; i < data.length; i += 4) data.writeUInt32LE(i, i);
  peer.end(data);
  const parts = [];
  let size = 0;
  const closed = next(client, 'close');
  while (size < data.length) {
    const part = Buffer.from((await next(client, 'message')).message);
    parts.push(part);
    size += part.length;
  }
  assert.ok(Buffer.concat(parts).equals(data));
  client.on('message', () => assert.fail('more than was sent'));
  await closed;
  await server.close();
});

test('remoteInfo and message are the listener\'s own', async () => {
  const { tcp, peer } = await connected();
  const first = next(tcp, 'message');
  peer.write('one');
  const value = await first;
  value.remoteInfo.address = 'changed';
  new Uint8Array(value.message).fill(0);
  const second = bytes(tcp, 3);
  const info = next(tcp, 'message');
  peer.write('two');
  assert.equal((await second).toString(), 'two');
  assert.equal((await info).remoteInfo.address, HOST);
  peer.destroy();
  await tcp.close().catch(() => {});
});

test('a listener that throws keeps no other one of the event from running', async () => {
  const { code, stdout, stderr } = await run(`
    const order = [];
    process.on('uncaughtException', (error) => order.push(error.message));
    const udp = socket.constructUDPSocketInstance();
    udp.on('message', () => { order.push('first'); throw new Error('of the first'); });
    udp.on('message', () => { order.push('second'); throw new Error('of the second'); });
    udp.on('message', () => order.push('third'));
    udp.on('message', () => udp.close());
    udp.on('close', () => console.log(order.join()));
    await udp.bind({ address: '127.0.0.1' });
    await udp.send({ data: 'x', address: await udp.getLocalAddress() });
  `).done;
  assert.deepEqual([stdout, stderr, code], ['first,second,third,of the first,of the second\n', '', 0]);
});

test('the first close after the peer\'s, or after a connect that failed, succeeds; the second is 2300999', async () => {
  const { tcp, peer } = await connected();
  let events = 0;
  tcp.on('close', () => events++);
  const closed = next(tcp, 'close');
  peer.resume().end();
  await closed;
  await tcp.close();
  await rejected(tcp.close(), 2300999);
  assert.equal(events, 1);
  await rejected(tcp.connect({ address: await closedPort() }), 2301111);
  await called(tcp, 'close');
  await rejected(called(tcp, 'close'), 2300999);
  await rejected(tcp.connect({ address: await closedPort() }), 2301111);
  const { server, address } = await netServer((other) => other.resume());
  await tcp.connect({ address }); // a close that was not made is forgotten
  await tcp.close();
  await rejected(tcp.close(), 2300999);
  server.close();
  await rejected(socket.constructTCPSocketInstance().close(), 2300999);
});

test('encodings by the names of Node and of the WHATWG, in any case', async () => {
  const { tcp, peer } = await connected();
  const received = all(peer);
  const parts = [];
  for (const [encoding, expected] of [['utf8', 'utf8'], ['Utf-8', 'utf8'], ['utf16le', 'utf16le'], ['ucs2', 'utf16le'], ['UCS-2', 'utf16le'],
    ['latin1', 'latin1'], ['binary', 'latin1'], ['iso8859-1', 'latin1']]) {
    parts.push(Buffer.from('grün', expected));
    await tcp.send({ data: 'grün', encoding });
  }
  await tcp.send({ data: 'ab', encoding: 'ascii' });
  for (const encoding of ['constructor', 'base64', 'EBCDIC', '']) await rejected(tcp.send({ data: 'x', encoding }), 401);
  await tcp.close();
  assert.deepEqual(await received, Buffer.concat([...parts, Buffer.from('ab')]));
});

test('after the peer\'s end addresses and options are there until the first close', async () => {
  const { server, address } = await listening();
  const arrived = next(server, 'connect');
  const tcp = socket.constructTCPSocketInstance();
  await tcp.connect({ address });
  const client = await arrived;
  const local = await tcp.getLocalAddress();
  const closed = Promise.all([next(client, 'close'), next(tcp, 'close')]);
  const seen = next(tcp, 'end').then(() => tcp.getRemoteAddress()); // the library has closed it already
  tcp.on('message', () => {});
  client.on('message', () => {});
  client.close();
  await closed;
  assert.deepEqual(await seen, address);
  assert.deepEqual(await tcp.getLocalAddress(), local);
  assert.deepEqual(await tcp.getRemoteAddress(), address);
  await tcp.setExtraOptions({ keepAlive: true });
  await rejected(tcp.setExtraOptions({ keepAlive: 1 }), 401);
  await tcp.close();
  await rejected(tcp.getLocalAddress(), 2301009);
  await rejected(tcp.getRemoteAddress(), 2301009);
  await rejected(tcp.setExtraOptions({ keepAlive: true }), 2301009);
  await server.close();
});

test('after a connect that has failed addresses and options are there until the first close', async () => {
  const nobody = await closedPort();
  const answers = async (tcp, local, remote) => {
    assert.deepEqual(await tcp.getLocalAddress(), local);
    assert.deepEqual(await called(tcp, 'getRemoteAddress'), remote);
    await tcp.setExtraOptions({ keepAlive: true });
    await tcp.close();
    await rejected(tcp.getLocalAddress(), 2301009);
    await rejected(tcp.getRemoteAddress(), 2301009);
    await rejected(tcp.setExtraOptions({ keepAlive: true }), 2301009);
    await rejected(tcp.close(), 2300999);
  };
  const none = { address: '0.0.0.0', port: 0, family: 1 };
  const tried = { ...nobody, family: 1 };
  const tcp = socket.constructTCPSocketInstance();
  for (const address of [HOST, 'localhost']) {
    await rejected(tcp.connect({ address: { address, port: nobody.port, family: 1 } }), 2301111);
    await answers(tcp, none, tried);
  }
  await rejected(tcp.connect({ address: { address: '::1', port: nobody.port } }), 2301111);
  await answers(tcp, { address: '::', port: 0, family: 2 }, { address: '::1', port: nobody.port, family: 2 });
  await tcp.bind({ address: HOST });
  const bound = await tcp.getLocalAddress();
  await rejected(tcp.connect({ address: nobody }), 2301111);
  await answers(tcp, bound, tried);
  await rejected(tcp.connect({ address: { address: 'no-such-host.invalid', port: 1 } }), 2300004);
  assert.deepEqual(await tcp.getLocalAddress(), none);
  await rejected(tcp.getRemoteAddress(), 2301107);
  await tcp.close();
  const { server, address } = await netServer((peer) => peer.resume().end());
  const tls = socket.constructTLSSocketInstance();
  await rejected(tls.connect({ address }), 2303505);
  assert.deepEqual(await tls.getRemoteAddress(), { ...address, family: 1 });
  await tls.setExtraOptions({ keepAlive: true });
  await tls.close();
  await rejected(tls.getRemoteAddress(), 2303600);
  await rejected(tls.close(), 2303600);
  server.close();
});

test('the addresses of a connection are forgotten when the next connect begins', async () => {
  const { server, address } = await netServer((peer) => peer.resume().end());
  const tcp = socket.constructTCPSocketInstance();
  tcp.on('message', () => {});
  const closed = next(tcp, 'close');
  await tcp.connect({ address });
  await closed;
  const connecting = tcp.connect({ address });
  await rejected(tcp.getRemoteAddress(), 2301107);
  await connecting;
  await tcp.close();
  server.close();
});

test('a client that has gone still has its address in the close listener', async () => {
  const { server, address } = await listening();
  const arrived = next(server, 'connect');
  const peer = await netClient(address);
  const { port } = peer.address();
  const client = await arrived;
  client.on('message', () => {});
  const remote = next(client, 'close').then(() => client.getRemoteAddress());
  peer.resume().end();
  assert.equal((await remote).port, port);
  assert.deepEqual(await client.getLocalAddress(), address);
  await client.setExtraOptions({ keepAlive: true });
  await client.close();
  await rejected(client.getRemoteAddress(), 2301009);
  await server.close();
});

test('a family that does not exist: the error names the family', async () => {
  for (const family of [-1, 4, 10]) {
    const error = await rejected(socket.constructTCPSocketInstance().connect({ address: { address: HOST, port: 1, family } }), 401);
    assert.match(error.message, /address\.family/);
  }
});
