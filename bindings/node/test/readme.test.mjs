// The programs of the READMEs do what they say, as they stand there; only the port is another one.

import { readFileSync } from 'node:fs';
import dgram from 'node:dgram';
import net from 'node:net';
import { once } from 'node:events';
import vm from 'node:vm';
import test from 'node:test';
import assert from 'node:assert/strict';
import { HOST, closedPort, netServer, soon } from './helper.mjs';
import { node } from './child.mjs';

const README = new URL('../README.md', import.meta.url);
const PROJECT = new URL('../../../README.md', import.meta.url);

/** The JavaScript of a page. A block that imports the package is a program. */
function blocks(page) {
  return [...readFileSync(page, 'utf8').matchAll(/^```js\n(.*?)^```$/gms)].map(([, text]) => text);
}

const isProgram = (text) => /^import socket from 'ohsocket';/m.test(text);

function program(pattern, page = README) {
  const found = blocks(page).filter((text) => isProgram(text) && pattern.test(text));
  assert.equal(found.length, 1, `programs with ${pattern}`);
  return found[0];
}

const start = (text, port) => node(['--input-type=module', '-e', text.replaceAll('5678', port)]);

for (const [page, name] of [[README, 'this package'], [PROJECT, 'the project']]) {
  test(`the client of the README of ${name}`, async () => {
    const { server, address } = await netServer((peer) => peer.once('data', (data) => peer.end(`${data} yourself`)));
    const { stdout, stderr, code } = await start(program(/constructTCPSocketInstance/, page), address.port).done;
    server.close();
    assert.deepEqual([stderr, code], ['', 0]);
    assert.match(stdout, /Hello, server! yourself/);
  });
}

/** A connection to a server that is just starting. */
async function connected(port) {
  for (;;) {
    const peer = net.connect(port, HOST);
    const error = await soon(once(peer, 'connect').then(() => undefined, (e) => e), 'connection');
    if (error === undefined) return peer;
    assert.equal(error.code, 'ECONNREFUSED');
  }
}

for (const [name, pattern] of [['the server', /server\.on(?!.*duplex)/s], ['the server with streams', /duplex\(\)/],
  ['the server with loops', /for await \(const client/]]) {
  test(`${name} sends back what it gets`, async () => {
    const { port } = await closedPort();
    const { child, done } = start(program(pattern), port);
    const peer = await connected(port);
    peer.write('echo');
    assert.equal(String((await soon(once(peer, 'data'), 'the echo'))[0]), 'echo');
    peer.destroy();
    child.kill();
    const { stderr, signal } = await done;
    assert.deepEqual([stderr, signal], ['', 'SIGTERM']);
  });
}

test('the UDP socket', async () => {
  const echo = dgram.createSocket('udp4');
  echo.on('message', (data, { port, address }) => echo.send(data, port, address));
  echo.bind(0, HOST);
  await once(echo, 'listening');
  const { port } = echo.address();
  const { stdout, stderr, code } = await start(program(/constructUDPSocketInstance/), port).done;
  echo.close();
  assert.deepEqual([stdout, stderr, code], [`3 bytes from port ${port}\n`, '', 0]);
});

test('what is no program has no mistake in its syntax', () => {
  const fragments = blocks(README).filter((text) => !isProgram(text));
  assert.equal(fragments.length, 1);
  for (const text of fragments) assert.ok(new vm.Script(`(async () => {\n${text}\n})`));
});
