// What the tests share. Sockets of Node itself are the other side everywhere.

import { readdirSync } from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import dgram from 'node:dgram';
import assert from 'node:assert/strict';
import { afterEach, beforeEach } from 'node:test';
import socket from 'ohsocket';

export const HOST = '127.0.0.1';

const DEADLINE = 30_000;

/** The promise, or an error that says what did not happen. */
export function soon(promise, what = 'it') {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(reject, DEADLINE, new Error(`${what} did not happen in time`));
  });
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}

/** The next event of a socket: what its listener is given. */
export function next(emitter, type) {
  return soon(new Promise((resolve) => emitter.once(type, resolve)), `${type} event`);
}

/** An operation in its callback form, as a promise. */
export function called(target, method, ...args) {
  return soon(new Promise((resolve, reject) => {
    let returned = false;
    const result = target[method](...args, (error, data) => {
      if (!returned) reject(new Error(`${method} called back before it returned`));
      else if (error) reject(error);
      else resolve(data);
    });
    returned = true;
    if (result !== undefined) reject(new Error(`${method} with a callback returned ${result}`));
  }), `callback of ${method}`);
}

/** Asserts that a promise is rejected with a code. */
export async function rejected(promise, code) {
  const error = await soon(Promise.resolve(promise).then(() => undefined, (e) => e), `code ${code}`);
  assert.ok(error instanceof socket.BusinessError, `expected code ${code}, got ${error}`);
  assert.equal(error.code, code, error.message);
  assert.equal(typeof error.message, 'string');
  return error;
}

export async function netServer(onConnection) {
  const server = net.createServer(onConnection);
  server.listen(0, HOST);
  await once(server, 'listening');
  return { server, address: { address: HOST, port: server.address().port } };
}

export async function netClient(address, options) {
  const client = net.connect({ host: address.address, port: address.port, ...options });
  client.on('error', () => {});
  await once(client, 'connect');
  return client;
}

export async function dgramSocket(type = 'udp4', host = HOST) {
  const peer = dgram.createSocket(type);
  peer.bind(0, host);
  await once(peer, 'listening');
  return { peer, address: { address: host, port: peer.address().port } };
}

/** A server of ours and its address. */
export async function listening(onConnect, host = HOST) {
  const server = socket.constructTCPSocketServerInstance();
  if (onConnect) server.on('connect', onConnect);
  await server.listen({ address: host });
  return { server, address: await server.getLocalAddress() };
}

/** A port on which nobody listens. */
export async function closedPort() {
  const { server, address } = await netServer();
  server.close();
  await once(server, 'close');
  return address;
}

/** Both ends of a connection: ours as a client, Node's as the server's. */
export async function connected(options) {
  const { server, address } = await netServer();
  const arrived = once(server, 'connection');
  const tcp = socket.constructTCPSocketInstance();
  await tcp.connect({ address, ...options });
  const [peer] = await arrived;
  peer.on('error', () => {});
  server.close();
  return { tcp, peer };
}

/** Collects what a socket receives until it has size bytes. */
export function bytes(emitter, size) {
  const parts = [];
  let have = 0;
  return soon(new Promise((resolve) => {
    emitter.on('message', function take({ message }) {
      assert.ok(message instanceof ArrayBuffer);
      parts.push(Buffer.from(message));
      have += message.byteLength;
      if (have < size) return;
      emitter.off('message', take);
      resolve(Buffer.concat(parts));
    });
  }), `${size} bytes`);
}

/** All that comes from a socket of Node until its end. */
export async function all(peer) {
  const parts = [];
  for await (const part of peer) parts.push(part);
  return Buffer.concat(parts);
}

export function descriptors() {
  return readdirSync('/proc/self/fd').length;
}

export async function turns(count = 1) {
  for (let i = 0; i < count; i++) await new Promise(setImmediate);
}

/** Waits until condition() holds. */
export async function until(condition, what) {
  const end = Date.now() + DEADLINE;
  while (!condition()) {
    if (Date.now() > end) throw new Error(`not in time: ${what ?? condition}`);
    await new Promise((resolve) => setTimeout(resolve, 2));
  }
}

/** After each test handles and descriptors are back where they were; needs --expose-gc. */
export function checkLeaks() {
  let before;
  beforeEach(async () => {
    // The first socket makes the loop, and its descriptors stay.
    socket.constructTCPSocketInstance();
    globalThis.gc();
    await turns(3);
    before = { sockets: socket.getStats().sockets, fds: descriptors() };
  });
  afterEach(async () => {
    const now = () => ({ sockets: socket.getStats().sockets, fds: descriptors() });
    await until(() => {
      globalThis.gc();
      const { sockets, fds } = now();
      return sockets <= before.sockets && fds <= before.fds;
    }, `no leaks: ${JSON.stringify(before)} before`).catch((error) => {
      error.message += `, ${JSON.stringify(now())} now`;
      throw error;
    });
    assert.equal(socket.getStats().internalErrors, 0);
  });
}
