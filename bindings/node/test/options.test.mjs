// Options, read back from the kernel by a Python program that is given the descriptor.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import test from 'node:test';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { HOST, all, checkLeaks, connected, listening, netClient, next, rejected, soon, turns } from './helper.mjs';

checkLeaks();

const { Option } = socket;

/** The values of (level, name) pairs of Python's socket module. */
async function kernel(target, names) {
  const fd = await target.getSocketFd();
  const program = `import socket as s
k = s.socket(fileno=3)
print([k.getsockopt(s.SOL_SOCKET if n.startswith('SO_') else s.IPPROTO_TCP if n.startswith('TCP_') else s.IPPROTO_IPV6, getattr(s, n)) for n in ${JSON.stringify(names)}])
k.detach()`;
  const python = spawn('python3', ['-IS', '-c', program], { stdio: ['ignore', 'pipe', 'inherit', fd] });
  const [output] = await soon(Promise.all([all(python.stdout), once(python, 'exit')]));
  return JSON.parse(output.toString());
}

const flags = ['SO_KEEPALIVE', 'SO_OOBINLINE', 'TCP_NODELAY', 'SO_REUSEADDR'];
const bit = (values) => values.map((value) => Number(value !== 0));

test('the extra options of TCP', async () => {
  const { tcp, peer } = await connected();
  assert.deepEqual(bit(await kernel(tcp, flags)), [0, 0, 0, 0]);
  await tcp.setExtraOptions({
    keepAlive: true, OOBInline: true, TCPNoDelay: true, reuseAddress: true, receiveBufferSize: 16384, sendBufferSize: 32768,
    socketTimeout: 1000, socketLinger: { on: true, linger: 100 },
  });
  assert.deepEqual(bit(await kernel(tcp, flags)), [1, 1, 1, 1]);
  assert.deepEqual(await kernel(tcp, ['SO_RCVBUF', 'SO_SNDBUF']), [32768, 65536]);
  await tcp.setExtraOptions({ keepAlive: false, TCPNoDelay: false, receiveBufferSize: 1 << 20 });
  assert.deepEqual(bit(await kernel(tcp, flags)), [0, 1, 0, 1]);
  assert.deepEqual(await kernel(tcp, ['SO_RCVBUF']), [16384]); // out of range: 8192, which the kernel doubles
  await tcp.setExtraOptions({});
  peer.destroy();
  await tcp.close();
});

test('the extra options of UDP', async () => {
  const udp = socket.constructUDPSocketInstance();
  await udp.bind({ address: HOST });
  await udp.setExtraOptions({ broadcast: true, reuseAddress: true, receiveBufferSize: 65536, sendBufferSize: 16384, socketTimeout: 500 });
  assert.deepEqual(bit(await kernel(udp, ['SO_BROADCAST', 'SO_REUSEADDR'])), [1, 1]);
  assert.deepEqual(await kernel(udp, ['SO_RCVBUF', 'SO_SNDBUF']), [131072, 32768]);
  await rejected(udp.setExtraOptions({ TCPNoDelay: true }), 401);
  await rejected(udp.setExtraOptions({ socketTimeout: -1 }), 2301033);
  await udp.close();
});

test('the extra options of a server are for its connections', async () => {
  const { server, address } = await listening();
  await server.setExtraOptions({ keepAlive: true, TCPNoDelay: true });
  const arrived = next(server, 'connect');
  const peer = await netClient(address);
  const client = await arrived;
  assert.deepEqual(bit(await kernel(client, flags.slice(0, 3))), [1, 0, 1]);
  await server.setExtraOptions({ keepAlive: false, OOBInline: true });
  assert.deepEqual(bit(await kernel(client, flags.slice(0, 3))), [0, 1, 1]);
  peer.destroy();
  await client.close();
  await server.close();
});

test('linger on with 0: close resets', async () => {
  const { tcp, peer } = await connected();
  await tcp.setExtraOptions({ socketLinger: { on: true, linger: 0 } });
  peer.removeAllListeners('error');
  const failed = once(peer, 'error');
  peer.resume();
  await tcp.close();
  assert.equal((await soon(failed))[0].code, 'ECONNRESET');
});

test('the options of the library can be read back, before the socket is open too', async () => {
  const tcp = socket.constructTCPSocketInstance();
  const values = new Map([
    [Option.SEND_QUEUE_LIMIT, 1000], [Option.IDLE_TIMEOUT, 5000], [Option.CLOSE_TIMEOUT, 100], [Option.ALLOW_HALF_OPEN, 1],
    [Option.KEEP_ALIVE_IDLE, 10], [Option.KEEP_ALIVE_INTERVAL, 5], [Option.KEEP_ALIVE_COUNT, 3], [Option.REUSE_PORT, 1],
    [Option.REUSE_ADDRESS, 1], [Option.IPV6_ONLY, 1], [Option.HANDSHAKE_TIMEOUT, 1000],
    [Option.HANDSHAKE_LIMIT, 100],
  ]);
  const udp = socket.constructUDPSocketInstance();
  const groups = new Map([[Option.MULTICAST_TTL, 5], [Option.MULTICAST_LOOPBACK, 0], [Option.MULTICAST_INTERFACE, 1]]);
  assert.deepEqual([...values.keys(), ...groups.keys()].sort(), Object.values(Option).sort());
  for (const [one, options] of [[tcp, values], [udp, groups]]) {
    for (const [option, value] of options) {
      assert.equal(one.setOption(option, value), one);
      assert.equal(one.getOption(option), value);
    }
  }
  tcp.setOption(Option.ALLOW_HALF_OPEN, false);
  assert.equal(tcp.getOption(Option.ALLOW_HALF_OPEN), 0);
  await tcp.bind({ address: '::' });
  await tcp.setExtraOptions({ keepAlive: true });
  assert.deepEqual(await kernel(tcp, ['TCP_KEEPIDLE', 'TCP_KEEPINTVL', 'TCP_KEEPCNT']), [10, 5, 3]);
  assert.deepEqual(bit(await kernel(tcp, ['SO_REUSEPORT', 'SO_REUSEADDR', 'IPV6_V6ONLY'])), [1, 1, 1]);
  await tcp.close();
});

test('two sockets share a port', async () => {
  const servers = [socket.constructTCPSocketServerInstance(), socket.constructTCPSocketServerInstance()];
  for (const server of servers) server.setOption(Option.REUSE_PORT, true);
  await servers[0].listen({ address: HOST });
  await servers[1].listen(await servers[0].getLocalAddress());
  await Promise.all(servers.map((server) => server.close()));
});

test('idle timeout: error, then close', async () => {
  const { tcp, peer } = await connected();
  tcp.setOption(Option.IDLE_TIMEOUT, 50);
  const error = next(tcp, 'error');
  const closed = next(tcp, 'close');
  assert.equal((await error).code, 2301110);
  await closed;
  peer.destroy();
});

test('half open: what is sent after the end of the peer arrives', async () => {
  const { tcp, peer } = await connected({});
  tcp.setOption(Option.ALLOW_HALF_OPEN, true);
  tcp.on('message', () => {});
  const ended = next(tcp, 'end');
  const received = all(peer);
  peer.end();
  await ended;
  await new Promise(setImmediate);
  await tcp.send({ data: 'afterwards' });
  await tcp.close();
  assert.equal((await soon(received)).toString(), 'afterwards');
});

test('a connect that finds nobody in time', async () => {
  // A full backlog of a listening socket of Python's drops what comes.
  const program = `import socket, sys
s = socket.socket(); s.bind(('127.0.0.1', 0)); s.listen(0)
c = [socket.socket() for _ in range(4)]
for k in c:
    k.setblocking(False)
    try: k.connect(s.getsockname())
    except BlockingIOError: pass
print(s.getsockname()[1], flush=True)
sys.stdin.read()`;
  const python = spawn('python3', ['-IS', '-c', program], { stdio: ['pipe', 'pipe', 'inherit'] });
  const [line] = await soon(once(python.stdout, 'data'));
  const tcp = socket.constructTCPSocketInstance();
  await rejected(tcp.connect({ address: { address: HOST, port: Number(line) }, timeout: 100 }), 2301110);
  python.stdin.end();
  await once(python, 'exit');
});

test('all send queues together are bounded', async () => {
  const { tcp, peer } = await connected();
  const other = await connected();
  peer.pause();
  const before = socket.getStats().totalQueueRefusals;
  socket.setTotalQueueLimit(1_000_000);
  try {
    const data = new Uint8Array(100_000);
    const sends = [];
    let refused;
    const drained = next(tcp, 'drain');
    while (!refused && sends.length < 500) {
      let failed;
      sends.push(tcp.send({ data }).catch((error) => { failed = error; }));
      await turns(2);
      refused = failed;
    }
    assert.equal(refused.code, 2301011);
    const stats = socket.getStats();
    assert.equal(stats.totalQueueLimit, 1_000_000);
    assert.ok(stats.totalQueueBytes > 890_000 && stats.totalQueueBytes <= 1_000_000, `${stats.totalQueueBytes}`);
    assert.ok(stats.totalQueueRefusals > before);
    // The other goes on within its free share, and is told when there is room for more.
    await other.tcp.send({ data: data.subarray(0, 60_000) });
    const told = next(other.tcp, 'drain');
    const large = new Uint8Array(300_000);
    await rejected(other.tcp.send({ data: large }), 2301011);
    peer.resume();
    other.peer.resume();
    await told;
    await drained;
    await other.tcp.send({ data: large });
    await Promise.all(sends);
    assert.equal(socket.getStats().totalQueueBytes, 0);
    for (const bad of [-1, 2 ** 48 + 1]) assert.throws(() => socket.setTotalQueueLimit(bad), { code: 401 });
    for (const bad of [1.5, NaN, '1', undefined]) assert.throws(() => socket.setTotalQueueLimit(bad), { code: 401 });
  } finally {
    socket.setTotalQueueLimit(0);
  }
  peer.end();
  other.peer.end();
  await Promise.all([tcp.close(), other.tcp.close()]);
});
