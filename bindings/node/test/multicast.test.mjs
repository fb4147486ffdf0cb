// MulticastSocket, and groups on UDPSocket, on the loopback interface; with node:dgram on the other side.

import dgram from 'node:dgram';
import test from 'node:test';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { HOST, called, checkLeaks, next, rejected, soon } from './helper.mjs';

checkLeaks();

const GROUP = '239.255.77.21';
const OTHER = '239.255.77.22';

async function sender() {
  const peer = dgram.createSocket('udp4');
  await new Promise((resolve) => { peer.bind(0, HOST, resolve); });
  peer.setMulticastInterface(HOST);
  return peer;
}

const group = (address, more) => ({ address, interface: 'lo', ...more });

for (const form of ['promise', 'callback']) {
  const run = (target, method, ...args) => form === 'promise'
    ? soon(target[method](...args), method) : called(target, method, ...args);

  test(`a multicast socket's life, ${form} form`, async () => {
    const peer = await sender();
    const one = socket.constructMulticastSocketInstance();
    assert.ok(one instanceof socket.MulticastSocket && one instanceof socket.UDPSocket);
    await rejected(run(one, 'getMulticastTTL'), 2301009);
    await rejected(run(one, 'setMulticastTTL', 3), 2301009);
    await rejected(run(one, 'getLoopbackMode'), 2301009);
    await rejected(run(one, 'setLoopbackMode', false), 2301009);
    await rejected(run(one, 'dropMembership', group(GROUP)), 2301009);
    await rejected(run(one, 'addMembership', group('127.0.0.1')), 2301022);
    await rejected(run(one, 'addMembership', group('')), 401);
    await rejected(run(one, 'addMembership', group(GROUP, { interface: 'no-such-0' })), 2301019);

    const order = [];
    one.on('listening', () => order.push('listening'));
    assert.equal(await run(one, 'addMembership', group(GROUP)).then((value) => { order.push('done'); return value; }), undefined);
    assert.deepEqual(order, ['listening', 'done']);
    await rejected(run(one, 'addMembership', group(GROUP)), 2301098);
    await run(one, 'addMembership', group(OTHER));
    const { port } = await run(one, 'getLocalAddress');

    assert.equal(await run(one, 'getMulticastTTL'), 1);
    await run(one, 'setMulticastTTL', 255);
    assert.equal(await run(one, 'getMulticastTTL'), 255);
    await run(one, 'setMulticastTTL', -1);
    assert.equal(await run(one, 'getMulticastTTL'), 1);
    await rejected(run(one, 'setMulticastTTL', 256), 2301022);
    assert.equal(await run(one, 'getLoopbackMode'), true);
    await run(one, 'setLoopbackMode', false);
    assert.equal(await run(one, 'getLoopbackMode'), false);
    await run(one, 'setLoopbackMode', true);

    let arrived = next(one, 'message');
    peer.send('hello', port, GROUP);
    assert.equal(Buffer.from((await arrived).message).toString(), 'hello');
    await run(one, 'dropMembership', group(GROUP));
    await rejected(run(one, 'dropMembership', group(GROUP)), 2301099);
    await rejected(run(one, 'dropMembership', group('127.0.0.1')), 2301099);
    arrived = next(one, 'message');
    peer.send('not a member', port, GROUP);
    peer.send('a member', port, OTHER);
    assert.equal(Buffer.from((await arrived).message).toString(), 'a member');
    assert.equal((await run(one, 'getState')).isBound, true);

    // It hears itself.
    one.setMulticastInterface('lo');
    arrived = next(one, 'message');
    await run(one, 'send', { data: 'me', address: { address: OTHER, port } });
    const { message, remoteInfo } = await arrived;
    assert.equal(Buffer.from(message).toString(), 'me');
    assert.equal(remoteInfo.port, port);
    await run(one, 'close');
    await run(one, 'addMembership', group(GROUP)); // again
    await run(one, 'close');
    peer.close();
  });
}

test('what is wrong with the first argument is thrown', () => {
  const one = socket.constructMulticastSocketInstance();
  const not = () => assert.fail('the callback was called');
  for (const method of ['addMembership', 'dropMembership', 'setMulticastTTL', 'setLoopbackMode', 'setReuseAddress']) {
    assert.throws(() => one[method](undefined, not), { code: 401 }, method);
  }
  assert.throws(() => one.setMulticastInterface({}), { code: 401 });
  assert.throws(() => one.setMulticastInterface('no-such-0'), { code: 2301019 });
});

test('two members have one port, and a UDP socket joins when it is bound', async () => {
  const peer = await sender();
  const [one, two] = [socket.constructMulticastSocketInstance(), socket.constructMulticastSocketInstance()];
  const udp = socket.constructUDPSocketInstance();
  await rejected(udp.addMembership(group(GROUP)), 2301009);
  udp.setReuseAddress(true);
  await one.addMembership(group(GROUP));
  const { port } = await one.getLocalAddress();
  await two.addMembership(group(GROUP, { port, source: HOST }));
  await udp.bind({ address: '0.0.0.0', port });
  await udp.addMembership(group(GROUP));
  const arrived = [one, two, udp].map((member) => next(member, 'message'));
  peer.send('all', port, GROUP);
  for (const { message } of await Promise.all(arrived)) assert.equal(Buffer.from(message).toString(), 'all');
  await Promise.all([one, two, udp].map((member) => member.close()));
  peer.close();
});

test('compatibility mode: a drop closes, a text that is no address is that of no group', async () => {
  const before = socket.setCompat(true);
  try {
    const one = socket.constructMulticastSocketInstance();
    await rejected(one.addMembership(group('23424253')), 2301022);
    await one.addMembership(group(GROUP, { port: -1, family: -1 }));
    await rejected(one.dropMembership(group('fe80::..%11')), 2301099);
    const closed = next(one, 'close');
    await one.dropMembership(group(GROUP));
    await closed;
    await rejected(one.getMulticastTTL(), 2301009);
    assert.throws(() => one.addMembership(undefined), { code: '401' });
  } finally {
    socket.setCompat(before);
  }
});
