// Close, and open again in the next line: on the same object and on another one with the same port.

import { once } from 'node:events';
import test from 'node:test';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { certificates } from './certificates.mjs';
import { HOST, called, checkLeaks, closedPort, connected, listening, netServer, next, rejected, soon } from './helper.mjs';

checkLeaks();

const text = ({ message }) => Buffer.from(message).toString();

const echoing = () => listening((client) => client.on('message', ({ message }) => client.send({ data: message })));

/** Notes the order in which operations end. */
function noting() {
  const order = [];
  return { order, note: (name) => () => order.push(name) };
}

test('TCP: what opens waits for the close, and what follows waits behind it [ORDER-7]', async () => {
  const { server, address } = await echoing();
  const { order, note } = noting();
  const tcp = socket.constructTCPSocketInstance();
  await tcp.connect({ address });
  tcp.on('close', note('close event'));
  const echo = next(tcp, 'message');
  const data = Buffer.from('again');
  const operations = [
    tcp.close().then(note('close')),
    tcp.connect({ address }).then(note('connect')),
    tcp.send({ data }).then(note('send')),
    called(tcp, 'sendv', [data]).then(note('sendv')),
    called(tcp, 'getState').then((state) => assert.equal(state.isClose, false)),
    tcp.setExtraOptions({ TCPNoDelay: true }),
    tcp.end().then(note('end')),
  ];
  assert.throws(() => tcp.duplex(), { code: 2301107 }); // of which period?
  data.fill(0);
  await soon(Promise.all(operations));
  assert.deepEqual(order, ['close event', 'close', 'connect', 'send', 'sendv', 'end']);
  assert.match(text(await echo), /^again/);
  await tcp.close();
  await server.close();
});

test('UDP and a server: bind and listen in the line after close', async () => {
  const { order, note } = noting();
  const udp = socket.constructUDPSocketInstance();
  await udp.bind({ address: HOST });
  const local = await udp.getLocalAddress();
  udp.close(note('close'));
  const bound = called(udp, 'bind', local).then(note('bind'));
  const sent = udp.send({ data: 'x', address: local }).then(note('send'));
  await rejected(udp.send({ data: 'x', address: { address: HOST, port: 0 } }), 2301022);
  assert.deepEqual(await udp.getLocalAddress(), local);
  await soon(Promise.all([bound, sent]));
  assert.deepEqual(order, ['close', 'bind', 'send']);
  await rejected(Promise.all([udp.close(), udp.bind({ address: '192.0.2.1' })]), 2301099);
  await rejected(udp.close(), 2300999);

  const { server, address } = await listening();
  server.close();
  await server.listen(address);
  assert.deepEqual(await server.getLocalAddress(), address);
  await server.close();
});

test('inside a listener', async () => {
  const udp = socket.constructUDPSocketInstance();
  await udp.bind({ address: HOST });
  const local = await udp.getLocalAddress();
  const again = new Promise((resolve, reject) => {
    udp.once('message', () => {
      udp.close();
      udp.bind(local).then(resolve, reject);
    });
  });
  await udp.send({ data: 'x', address: local });
  await soon(again);
  const message = next(udp, 'message');
  await udp.send({ data: 'y', address: local });
  assert.equal(text(await message), 'y');
  await udp.close();

  const { server, address } = await echoing();
  const tcp = socket.constructTCPSocketInstance();
  const connects = new Promise((resolve, reject) => {
    tcp.once('message', () => {
      tcp.close();
      tcp.connect({ address }).then(resolve, reject);
    });
  });
  await tcp.connect({ address });
  await tcp.send({ data: 'x' });
  await soon(connects);
  await tcp.close();
  await server.close();
});

test('another object takes the port in the line after close [ORDER-9]', async () => {
  const pairs = [
    [socket.constructUDPSocketInstance, 'bind'], [socket.constructTCPSocketServerInstance, 'listen'], [socket.constructTCPSocketInstance, 'bind'],
  ];
  for (const [construct, open] of pairs) {
    const first = construct();
    await first[open]({ address: HOST });
    const address = await first.getLocalAddress();
    const second = construct();
    const closing = first.close();
    await second[open](address);
    assert.deepEqual(await second.getLocalAddress(), address);
    await closing;
    await second.close();
  }
});

test('each opening waits for the close before it', async () => {
  const { server, address } = await echoing();
  const { order, note } = noting();
  const tcp = socket.constructTCPSocketInstance();
  tcp.on('connect', note('connected'));
  tcp.on('close', note('closed'));
  await tcp.connect({ address });
  await soon(Promise.all([
    tcp.close(), tcp.connect({ address }), tcp.send({ data: 'x' }), tcp.close(), tcp.connect({ address }), tcp.send({ data: 'y' }), tcp.close(),
  ]));
  assert.deepEqual(order, ['connected', 'closed', 'connected', 'closed', 'connected', 'closed']);
  await rejected(tcp.close(), 2300999);
  await server.close();
});

test('a second close joins the first, and a send before anything opens is refused', async () => {
  const { tcp, peer } = await connected();
  const closing = [tcp.close(), tcp.close()];
  await rejected(tcp.send({ data: 'x' }), 2301108);
  peer.end();
  await soon(Promise.all(closing));
});

test('abort and connect again at once; abort of what waits', async () => {
  const { server, address } = await listening((client) => client.on('message', () => {}));
  const tcp = socket.constructTCPSocketInstance();
  await tcp.connect({ address });
  await tcp.abort().connect({ address });
  tcp.close();
  const connecting = tcp.connect({ address });
  tcp.abort();
  await rejected(connecting, 2301125);
  if (!(await tcp.getState()).isClose) await next(tcp, 'close');
  assert.equal((await tcp.getState()).isClose, true);
  await server.close();
});

test('an opening that fails, and a signal, behind a close', async () => {
  const { server, address } = await echoing();
  const tcp = socket.constructTCPSocketInstance();
  await tcp.connect({ address });
  tcp.close();
  const failing = tcp.connect({ address: await closedPort() });
  await rejected(failing, 2301111);
  await tcp.connect({ address });
  tcp.close();
  const controller = new AbortController();
  const stopped = [tcp.connect({ address, signal: controller.signal }), called(tcp, 'connect', { address, signal: controller.signal })];
  controller.abort();
  for (const promise of stopped) assert.equal((await rejected(promise, 2301125)).name, 'AbortError');
  await server.close();
});

test('TLS: those that throw reject behind a close; getters wait too', async () => {
  const { server: identity, ca } = certificates();
  const server = socket.constructTLSSocketServerInstance();
  server.on('connect', (client) => client.on('message', () => {}));
  await server.listen({ address: { address: HOST }, secureOptions: identity });
  const address = await server.getLocalAddress();
  const tls = socket.constructTLSSocketInstance();
  const options = { address, secureOptions: { ca } };
  await tls.connect(options);
  tls.close();
  const connecting = tls.connect(options);
  await rejected(tls.getProtocol(), 2303501); // it is connecting then
  await rejected(called(tls, 'getRemoteCertificate'), 2303501);
  await connecting;
  tls.close();
  const controller = new AbortController();
  const promise = tls.connect({ ...options, signal: controller.signal });
  controller.abort();
  await rejected(promise, 2301125);

  server.close();
  const listens = server.listen({ address, secureOptions: identity });
  server.setSecureOptions({ secureOptions: { ...identity, protocols: [socket.Protocol.TLSv12] } });
  await soon(listens);
  await tls.connect(options);
  assert.equal(await tls.getProtocol(), 'TLSv1.2');
  await tls.close();
  await server.close();
});

test('the process ends when what waits has been done', async () => {
  const { server, address } = await netServer((peer) => peer.resume());
  const arrived = once(server, 'connection');
  const tcp = socket.constructTCPSocketInstance().unref();
  await tcp.connect({ address });
  await soon(arrived);
  const before = process.getActiveResourcesInfo().filter((name) => name === 'OHSOCKET').length;
  assert.equal(before, 0);
  tcp.close();
  const again = tcp.connect({ address });
  assert.ok(process.getActiveResourcesInfo().includes('OHSOCKET'));
  await soon(again);
  await soon(tcp.close());
  assert.ok(!process.getActiveResourcesInfo().includes('OHSOCKET'));
  server.close();
});
