// Programs that use net.Socket, over the stream view: Node's http, http2 and tls, and the clients that people use, against
// real servers.

import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { once } from 'node:events';
import http from 'node:http';
import http2 from 'node:http2';
import tls from 'node:tls';
import { chownSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'node:test';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { HOST, all, checkLeaks, closedPort, connected, listening, netClient, soon, turns, until } from './helper.mjs';
import { certificates } from './certificates.mjs';

checkLeaks();

// run.sh installs them there, from clients/package-lock.json.
const require = createRequire(path.join(process.env.OHSOCKET_CLIENTS ?? new URL('../../../build/node/clients', import.meta.url).pathname, 'package.json'));

/** A connected socket's view. */
async function view(address, options) {
  const tcp = socket.constructTCPSocketInstance();
  await soon(tcp.connect({ address }), 'connect');
  return tcp.duplex(options);
}

/** An agent of http whose connections are ours. */
class Agent extends http.Agent {
  connections = 0;

  createConnection({ host, port }, callback) {
    this.connections++;
    view({ address: host, port: Number(port) }).then((stream) => callback(null, stream), callback);
  }
}

async function webServer(listener) {
  const web = http.createServer(listener);
  const { server, address } = await listening((client) => web.emit('connection', client.duplex()));
  return { web, server, address };
}

async function get(address, options) {
  const request = http.get({ host: address.address, port: address.port, ...options });
  const [response] = await soon(once(request, 'response'));
  return (await soon(all(response))).toString();
}

test('http: an agent that keeps connections alive, and keepAliveTimeout of the server', async () => {
  const { web, server, address } = await webServer((request, response) => response.end(request.url));
  const agent = new Agent({ keepAlive: true });
  for (let i = 0; i < 3; i++) {
    assert.equal(await get(address, { path: `/${i}`, agent }), `/${i}`);
    await until(() => Object.keys(agent.freeSockets).length === 1, 'a free connection');
  }
  assert.equal(agent.connections, 1);
  agent.destroy();
  web.keepAliveTimeout = 100;
  const peer = await netClient(address);
  peer.write('GET /last HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.match((await soon(all(peer), 'the end by keepAliveTimeout')).toString(), /\/last/);
  await server.close();
});

test('http: timeouts of a request and of the server', async () => {
  const { web, server, address } = await webServer(() => {}); // never answers
  const request = http.get({ host: address.address, port: address.port, agent: new Agent(), timeout: 50 });
  await soon(once(request, 'timeout'));
  request.destroy();
  await soon(once(request, 'error'));
  web.setTimeout(50);
  const [, late] = await Promise.all([
    soon(once(web, 'timeout')),
    get(address, { agent: new Agent() }).catch((error) => error),
  ]);
  assert.equal(late.code, 'ECONNRESET');
  await server.close();
});

test('http2 over TCP, and over TLS by ALPN', async () => {
  const answer = (stream, headers) => {
    stream.respond({ ':status': 200 });
    stream.end(`hello ${headers[':path']}`);
  };
  const ask = async (stream) => {
    const session = http2.connect('http://localhost', { createConnection: () => stream });
    const request = session.request({ ':path': '/two' });
    assert.equal((await soon(all(request))).toString(), 'hello /two');
    session.close();
    await soon(once(session, 'close'));
  };
  const plain = http2.createServer().on('stream', answer);
  const { server, address } = await listening((client) => plain.emit('connection', client.duplex()));
  await ask(await view(address));
  await server.close();

  const pem = certificates();
  const secure = http2.createSecureServer({ ...pem.server }).on('stream', answer);
  secure.listen(0, HOST);
  await soon(once(secure, 'listening'));
  const client = socket.constructTLSSocketInstance();
  await client.connect({ address: { address: HOST, port: secure.address().port }, secureOptions: { ca: pem.ca }, ALPNProtocols: ['h2'], serverName: 'localhost' });
  const stream = client.duplex();
  assert.deepEqual([stream.encrypted, stream.alpnProtocol], [true, 'h2']);
  await ask(stream);
  secure.close();
});

test('tls over the view', async () => {
  const pem = certificates();
  const server = tls.createServer({ ...pem.server }, (peer) => peer.end('secret'));
  server.listen(0, HOST);
  await soon(once(server, 'listening'));
  const secure = tls.connect({ socket: await view({ address: HOST, port: server.address().port }), ca: pem.ca, servername: 'localhost' });
  assert.equal((await soon(all(secure))).toString(), 'secret');
  server.close();
});

test('ws, both sides', async () => {
  const { WebSocket, WebSocketServer } = require('ws');
  const { web, server, address } = await webServer();
  const sockets = new WebSocketServer({ server: web });
  sockets.on('connection', (peer) => peer.on('message', (data, isBinary) => peer.send(data, { binary: isBinary })));
  const stream = await view(address);
  const client = new WebSocket(`ws://${address.address}:${address.port}/`, { createConnection: () => stream });
  await soon(once(client, 'open'));
  for (const size of [1, 1000, 200_000]) {
    client.send(Buffer.alloc(size, 'w'));
    const [data] = await soon(once(client, 'message'));
    assert.equal(data.length, size);
  }
  client.close(1000);
  await soon(once(client, 'close'));
  sockets.close();
  await server.close();
});

test('undici', async () => {
  const { Client } = require('undici');
  const { web, server, address } = await webServer(async (request, response) => response.end(await all(request)));
  web.keepAliveTimeout = 150;
  const client = new Client(`http://${address.address}:${address.port}`, {
    connect: (_, callback) => { view(address).then((stream) => callback(null, stream), callback); },
  });
  for (const size of [0, 10, 300_000]) {
    const { body, statusCode } = await soon(client.request({ path: '/', method: 'POST', body: Buffer.alloc(size, 'u') }));
    assert.equal(statusCode, 200);
    assert.equal((await soon(body.text())).length, size);
  }
  await soon(client.close());
  await server.close();
});

/** Runs a server of the system; ready(): a promise of a connection that works. */
async function daemon(command, args, options, ready, use) {
  const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (data) => { output += data; });
  try {
    await until(() => ready(output) || child.exitCode !== null, `start of ${command}`);
    assert.equal(child.exitCode, null, output);
    return await use();
  } finally {
    child.kill('SIGKILL'); // it has nothing to keep
    await ended;
  }
}

test('ioredis', async () => {
  const Redis = require('ioredis');
  const address = await closedPort();
  class Connector {
    check() {
      return true;
    }

    connect() {
      return view(address);
    }

    disconnect() {}
  }
  const args = ['--port', String(address.port), '--bind', HOST, '--save', '', '--appendonly', 'no', '--daemonize', 'no'];
  await daemon('redis-server', args, { cwd: '/' }, (output) => /[Rr]eady to accept connections/.test(output), async () => {
    const redis = new Redis({ Connector, keepAlive: 1000, noDelay: true, lazyConnect: true, socketTimeout: 10_000 });
    await soon(redis.connect());
    await soon(redis.set('key', 'v'.repeat(100_000)));
    assert.equal((await soon(redis.get('key'))).length, 100_000);
    const results = await soon(redis.pipeline(Array.from({ length: 500 }, (_, i) => ['incrby', 'sum', String(i)])).exec());
    assert.equal(results.at(-1)[1], 499 * 500 / 2);
    const closed = once(redis, 'close');
    await soon(redis.quit());
    await soon(closed);
  });
});

test('mqtt', async () => {
  const { MqttClient } = require('mqtt');
  const { port } = await closedPort();
  const folder = mkdtempSync('/tmp/ohsocket-mqtt-');
  try {
    const config = path.join(folder, 'conf');
    writeFileSync(config, `listener ${port} ${HOST}\nallow_anonymous true\nlog_dest stderr\nuser root\n`);
    await daemon('/usr/sbin/mosquitto', ['-v', '-c', config], {}, (output) => /running/.test(output), async () => {
      const streams = [await view({ address: HOST, port })];
      const client = new MqttClient(() => streams.pop(), { protocolVersion: 4, keepalive: 30, reconnectPeriod: 0, clean: true, clientId: 'view' });
      client.on('error', (error) => assert.fail(error));
      await soon(once(client, 'connect'));
      await soon(client.subscribeAsync('a/b', { qos: 1 }));
      const arrived = once(client, 'message');
      await soon(client.publishAsync('a/b', Buffer.alloc(70_000, 'm'), { qos: 1 }));
      const [topic, payload] = await soon(arrived);
      assert.deepEqual([topic, payload.length], ['a/b', 70_000]);
      await soon(client.endAsync());
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** The user that PostgreSQL's package makes; it does not run as root. */
function postgresUser() {
  if (process.getuid() !== 0) return {};
  const [, , uid, gid] = readFileSync('/etc/passwd', 'utf8').split('\n').find((line) => line.startsWith('postgres:')).split(':');
  return { uid: Number(uid), gid: Number(gid) };
}

test('pg', async () => {
  const { Client } = require('pg');
  const [version] = readdirSync('/usr/lib/postgresql');
  const bin = (name) => `/usr/lib/postgresql/${version}/bin/${name}`;
  const user = postgresUser();
  const folder = mkdtempSync('/tmp/ohsocket-pg-');
  if (user.uid !== undefined) chownSync(folder, user.uid, user.gid);
  try {
    const init = spawn(bin('initdb'), ['-D', `${folder}/data`, '-U', 'tester', '--auth=trust', '--no-sync', '--locale=C', '-E', 'UTF8'],
      { ...user, cwd: folder, stdio: 'ignore' });
    assert.equal((await soon(once(init, 'exit')))[0], 0);
    const { port } = await closedPort();
    const args = ['-D', `${folder}/data`, '-h', HOST, '-p', String(port), '-k', folder, '-F'];
    await daemon(bin('postgres'), args, { ...user, cwd: folder }, (output) => /ready to accept connections/.test(output), async () => {
      const stream = await view({ address: HOST, port });
      const client = new Client({ host: HOST, port, user: 'tester', database: 'postgres', ssl: false, keepAlive: true, stream: () => stream });
      await soon(client.connect());
      const { rows } = await soon(client.query('select i, repeat($1, 100) as text from generate_series(1, 5000) i', ['p']));
      assert.deepEqual([rows.length, rows.at(-1)], [5000, { i: 5000, text: 'p'.repeat(100) }]);
      await assert.rejects(soon(client.query('select nothing')), { code: '42703' });
      await soon(client.end());
    });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the surface of net.Socket', async () => {
  const { server, address } = await listening((client) => client.duplex().on('error', () => {}).resume());
  const tcp = socket.constructTCPSocketInstance();
  const connecting = tcp.connect({ address });
  const stream = tcp.duplex();
  assert.deepEqual([stream.connecting, stream.pending, stream.readyState], [true, true, 'opening']);
  const events = [];
  for (const type of ['connect', 'ready', 'timeout', 'finish', 'close']) stream.on(type, () => events.push(type));
  await connecting;
  assert.deepEqual([stream.connecting, stream.pending, stream.readyState], [false, false, 'open']);
  assert.deepEqual(events, ['connect', 'ready']);
  assert.deepEqual(stream.address(), { address: HOST, family: 'IPv4', port: stream.localPort });
  assert.equal(stream.setNoDelay().setNoDelay(false).setKeepAlive(true, 5000).setKeepAlive().ref().unref().ref(), stream);
  assert.equal(tcp.getOption(socket.Option.KEEP_ALIVE_IDLE), 5);
  await new Promise((resolve) => stream.connect(address.port, HOST, resolve)); // pg does that with a stream that it is given
  assert.equal(stream.setTimeout(20, () => events.push('once')), stream);
  assert.equal(stream.timeout, 20);
  await soon(once(stream, 'timeout'));
  stream.setTimeout(0);
  assert.throws(() => stream.setTimeout('soon'), RangeError);
  await new Promise((resolve) => stream.write('12345', resolve));
  stream.write('67');
  assert.deepEqual([stream.bytesWritten, stream.bytesRead, stream.bufferSize], [7, 0, 2]);
  stream.destroySoon();
  await soon(once(stream, 'close'));
  assert.deepEqual(events.slice(2).filter((type) => type !== 'timeout'), ['connect', 'ready', 'once', 'finish', 'close']);
  assert.deepEqual([stream.readyState, stream.bytesWritten, stream.address()], ['closed', 7, {}]);
  await server.close();
});

test('a stream of a socket whose connect fails gets its error', async () => {
  const tcp = socket.constructTCPSocketInstance();
  const connecting = tcp.connect({ address: await closedPort() });
  const stream = tcp.duplex();
  const failed = once(stream, 'error').catch((error) => [error]);
  await assert.rejects(connecting, { code: 2301111 });
  assert.equal((await soon(failed))[0].code, 2301111);
  assert.deepEqual([stream.connecting, stream.destroyed], [false, true]);
});

test('resetAndDestroy resets', async () => {
  const { tcp, peer } = await connected();
  const reset = new Promise((resolve) => peer.once('error', resolve));
  peer.resume();
  tcp.duplex().resetAndDestroy();
  assert.equal((await soon(reset)).code, 'ECONNRESET');
});

// A loop that is left destroys the stream with an AbortError; so does a signal, but that means it.
for (const [how, leave] of [['break', async (stream) => { for await (const part of stream) if (part) break; }],
  ['throw', async (stream) => { for await (const part of stream) if (part) throw new Error('mine'); }],
  ['return', async (stream) => { for await (const part of stream) if (part) return; }]]) {
  test(`leaving for await by ${how} loses nothing that was written`, async () => {
    for (let i = 0; i < 3; i++) {
      const { tcp, peer } = await connected();
      const stream = tcp.duplex();
      const data = Buffer.alloc(400_000, 'x');
      const written = new Promise((resolve, reject) => stream.write(data, (error) => error ? reject(error) : resolve()));
      const failed = new Promise((resolve) => peer.once('error', resolve));
      peer.pause();
      peer.write('go');
      await leave(stream).catch((error) => assert.equal(error.message, 'mine'));
      stream.on('error', () => {});
      const received = await soon(Promise.race([all(peer), failed.then((error) => { throw error; })]));
      assert.equal(received.length, data.length);
      await soon(written);
    }
  });
}

test('a signal aborts: the connection is reset', async () => {
  const { addAbortSignal } = await import('node:stream');
  const { tcp, peer } = await connected();
  const reset = new Promise((resolve) => peer.once('error', resolve));
  peer.resume();
  const controller = new AbortController();
  const stream = addAbortSignal(controller.signal, tcp.duplex());
  const failed = once(stream, 'error').catch((error) => [error]);
  controller.abort();
  assert.equal((await soon(failed))[0].name, 'AbortError');
  assert.equal((await soon(reset)).code, 'ECONNRESET');
  await turns();
});
