// OpenHarmony's sample programs, and ours of examples/, with the loader hook and sockets of Node's.

import { once } from 'node:events';
import tls from 'node:tls';
import { execFile, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import assert from 'node:assert/strict';
import { HOST, all, checkLeaks, closedPort, netClient, netServer, soon } from './helper.mjs';
import { certificates } from './certificates.mjs';
import { node } from './child.mjs';

checkLeaks();

const here = new URL('.', import.meta.url).pathname;
const REGISTER = ['--import', 'ohsocket/register'];
// The samples wait for 10 and 30 s before they clean up.
const QUICK = ['--import', `data:text/javascript,${encodeURIComponent(
  'const set = setTimeout; globalThis.setTimeout = (f, ms) => set(f, ms / 100)')}`];

/** Runs a sample with what has to be replaced; it lies outside of the package, as a user's program does. */
async function sample(name, replacements, use) {
  const folder = mkdtempSync(path.join(tmpdir(), 'ohsocket-sample-'));
  try {
    let source = readFileSync(path.join(here, 'samples', name), 'utf8').replaceAll('192.168.xxx.xxx', HOST);
    for (const [from, to] of replacements) source = source.replace(from, () => to);
    const file = path.join(folder, name);
    writeFileSync(file, source);
    return await use(node([...REGISTER, ...QUICK, file]));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('the TCP client of the guide', async () => {
  const { server, address } = await netServer();
  const arrived = once(server, 'connection');
  const { stdout, stderr, code } = await sample('tcp_client.ts', [['port = 1234', 'port = 0'], ['port = 5678', `port = ${address.port}`]],
    async ({ done }) => {
      const [peer] = await soon(arrived);
      peer.write('Hello, client!');
      assert.equal((await soon(once(peer, 'data')))[0].toString(), 'Hello, server!');
      peer.resume();
      return done;
    });
  assert.deepEqual([stderr, code], ['', 0]);
  const lines = stdout.trim().split('\n');
  // The sample unsubscribes from close before it has happened.
  assert.deepEqual(lines.slice(0, 3), ['bind success', 'on connect', 'connect success']);
  assert.deepEqual(lines.slice(3).sort(), ['close socket.', 'on connect received:Hello, client!', 'on message', 'send success']);
  server.close();
});

test('the TCP server of the guide', async () => {
  const { port } = await closedPort();
  const output = await sample('tcp_server.ts', [['port = 4651', `port = ${port}`]], async ({ child, seen, done }) => {
    await seen(/listen success/);
    const peer = await netClient({ address: HOST, port });
    assert.equal((await soon(all(peer))).toString(), 'Hello, client!');
    await seen(/^close success$/m); // "on close success" comes before it
    child.kill(); // it listens for ever
    return done;
  });
  assert.equal(output.stderr, '');
  const lines = output.stdout.trim().split('\n');
  assert.deepEqual(lines, ['listen success', 'send success', 'on close success', 'close success']);
});

const pem = certificates();

test('the TLS clients of the guide: close follows connect at once, and cancels it', async () => {
  const server = tls.createServer({ ...pem.server, ca: pem.ca, ciphers: 'AES256-SHA256', maxVersion: 'TLSv1.2', requestCert: true, rejectUnauthorized: false });
  server.listen(0, HOST);
  await once(server, 'listening');
  const arrived = once(server, 'secureConnection'); // of the second client, which the sample does not close
  const { port } = server.address();
  const text = JSON.stringify;
  const output = await sample('tls_client.ts', [
    ['port = 4512', 'port = 0'], ['port = 1234', `port = ${port}`], ['port = 5445', 'port = 0'], ['port = 8789', `port = ${port}`],
    ['key = "xxxx"', `key = ${text(pem.client.key)}`], ['key = "xxxx"', `key = ${text(pem.client.key)}`],
    ['cert = "xxxx"', `cert = ${text(pem.client.cert)}`], ['ca = ["xxxx"]', `ca = [${text(pem.ca)}]`],
    ['password = "xxxx"', `password = ${text(pem.client.password)}`],
    ['ca = ["xxxx", "xxxx"]', `ca = [${text(pem.ca)}, ${text(pem.stranger.cert)}]`],
  ], async ({ child, seen, done }) => {
    const [peer] = await soon(arrived);
    peer.on('error', () => {});
    assert.equal(peer.getCipher().name, 'AES256-SHA256');
    assert.equal(peer.getProtocol(), 'TLSv1.2');
    await seen(/^close success\nclose success$/m);
    await seen(/^connect function\nconnect function$/m, 'stderr');
    child.kill();
    return done;
  });
  // It registers its listeners at the first client twice, where the last one is the only one as on a device, and closes that one twice.
  assert.deepEqual(output.stdout.trim().split('\n'),
    ['bind success', 'bind success', 'on close', 'close success', 'close success']);
  assert.equal(output.stderr, 'connect function\nconnect function\n');
  server.close();
});

test('our TLS examples, one-way and two-way', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ohsocket-sample-'));
  try {
    const file = (name, content) => {
      writeFileSync(path.join(folder, name), content);
      return path.join(folder, name);
    };
    const example = (name) => path.join(here, '..', 'examples', name);
    const ca = file('ca.pem', pem.ca);
    const identity = [file('server.pem', pem.server.cert), file('server.key', pem.server.key)];
    const own = [file('client.pem', pem.client.cert), file('client.key', pem.client.key), pem.client.password];
    for (const [more, clientMore] of [[[], []], [[ca], own]]) {
      const server = node([example('tls_server.mjs'), HOST, '0', ...identity, ...more]);
      const [, port] = await server.seen(/listening 127\.0\.0\.1 (\d+)/);
      const client = await node([example('tls_client.mjs'), 'localhost', port, ca, ...clientMore]).done;
      assert.deepEqual(client, { stdout: 'TLSv1.3 TLS_AES_256_GCM_SHA384\nreceived: Hello, server!\nclosed\n', stderr: '', code: 0, signal: null });
      server.child.kill();
      assert.equal((await server.done).code, 0);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('our multicast example', async () => {
  const file = path.join(here, '..', 'examples', 'multicast_peer.mjs');
  const peer = spawn(process.execPath, [file, '239.255.77.23', '0', 'lo'], { stdio: ['ignore', 'pipe', 'inherit'] });
  try {
    const lines = createInterface(peer.stdout)[Symbol.asyncIterator]();
    const port = (await soon(lines.next(), 'listening')).value.split(' ').at(-1);
    const said = spawn(process.execPath, [file, '239.255.77.23', port, 'lo', 'hello'], { stdio: 'inherit' });
    assert.deepEqual(await soon(once(said, 'exit'), 'the end'), [0, null]);
    assert.match((await soon(lines.next(), 'hello')).value, /: hello$/);
  } finally {
    peer.kill();
  }
});

test('our examples talk to each other', async () => {
  const file = (name) => path.join(here, '..', 'examples', name);
  for (const name of ['tcp_server.mjs', 'tcp_echo_stream.mjs']) {
    const server = node([file(name), HOST, '0']);
    const [, port] = await server.seen(/listening 127\.0\.0\.1 (\d+)/);
    const client = await node([file('tcp_client.mjs'), HOST, port]).done;
    const answer = name === 'tcp_server.mjs' ? 'Hello, client!' : 'Hello, server!';
    assert.deepEqual(client, { stdout: `${HOST} port ${port}: ${answer}\nclosed\n`, stderr: '', code: 0, signal: null });
    const typed = await node([...REGISTER, file('ohos_tcp_client.ts'), HOST, port]).done;
    assert.deepEqual([typed.stderr, typed.code], ['', 0]);
    assert.deepEqual(typed.stdout.trim().split('\n').sort(), ['close success', 'on connect', `received: ${answer}`, 'send success']);
    server.child.kill();
    const { code, stderr } = await server.done;
    assert.deepEqual([code, stderr], [0, '']);
  }
  const refused = await node([file('tcp_client.mjs'), HOST, String((await closedPort()).port)]).done;
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /connect .*Connection refused/);
  const udp = await node([file('udp.mjs')]).done;
  assert.equal(udp.code, 0);
  assert.match(udp.stdout, /^listening\n14 bytes from port \d+: Hello, myself!\nclosed\n$/);
});

test('the hook: other module names, enums, files without extension, and what it says of bad syntax', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ohsocket-sample-'));
  try {
    writeFileSync(path.join(folder, 'colours.ets'), 'export enum Colour { Red, Green }\n');
    writeFileSync(path.join(folder, 'main.ts'), `
import { socket } from '@kit.NetworkKit';
import { BusinessError, AsyncCallback } from '@kit.BasicServicesKit';
import { Colour } from './colours';
const done: AsyncCallback<void> = (error: BusinessError) => {
  console.log(error.code, error instanceof BusinessError, Colour.Green, new Error('line').stack?.includes('main.ts:6:'));
};
socket.constructUDPSocketInstance().close(done);
`);
    writeFileSync(path.join(folder, 'bad.ts'), 'let = ;\n');
    const { stdout, stderr, code } = await node([...REGISTER, path.join(folder, 'main.ts')]).done;
    assert.deepEqual([stdout, stderr, code], ['2300999 true 1 true\n', '', 0]);
    const bad = await node([...REGISTER, path.join(folder, 'bad.ts')]).done;
    assert.equal(bad.code, 1);
    assert.match(bad.stderr, /SyntaxError.*bad\.ts:1:/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('our servers with clients that fill a queue, read nothing and reset', async () => {
  const examples = path.join(here, '..', 'examples');
  const hostile = (...args) => promisify(execFile)('python3', [path.join(here, '../../../tests/interop/hostile.py'), ...args]);
  await hostile(process.execPath, path.join(examples, 'tcp_echo_stream.mjs'), HOST, '0');
  const folder = mkdtempSync(path.join(tmpdir(), 'ohsocket-sample-'));
  try {
    for (const part of ['cert', 'key']) writeFileSync(path.join(folder, part), pem.server[part]);
    await hostile('--tls', process.execPath, path.join(examples, 'tls_server.mjs'), HOST, '0', path.join(folder, 'cert'), path.join(folder, 'key'));
  } finally {
    rmSync(folder, { recursive: true });
  }
});
