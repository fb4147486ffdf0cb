// The stream view of a connection.

import { once } from 'node:events';
import http from 'node:http';
import { Duplex, Transform, Writable } from 'node:stream';
import { finished, pipeline } from 'node:stream/promises';
import test from 'node:test';
import assert from 'node:assert/strict';
import socket from 'ohsocket';
import { all, checkLeaks, connected, listening, netClient, next, rejected, soon, turns, until } from './helper.mjs';

checkLeaks();

function pattern(size) {
  const data = Buffer.alloc(size);
  for (let i = 0; i + 4 <= size; i += 4) data.writeUInt32LE(i, i);
  return data;
}

test('writes, reads and ends', async () => {
  const { tcp, peer } = await connected();
  peer.on('data', (data) => peer.write(data.toString().toUpperCase()));
  peer.on('end', () => peer.end());
  const stream = tcp.duplex();
  assert.ok(stream instanceof Duplex);
  assert.equal(stream.socket, tcp);
  stream.write('one ');
  stream.write(Buffer.from('two '));
  stream.end('three');
  assert.equal((await soon(all(stream))).toString(), 'ONE TWO THREE');
  await soon(finished(stream));
});

test('an echo server of pipes, megabytes in many writes', async () => {
  const { server, address } = await listening((client) => {
    const stream = client.duplex();
    stream.pipe(stream);
  });
  const tcp = socket.constructTCPSocketInstance();
  await tcp.connect({ address });
  const stream = tcp.duplex();
  const data = pattern(6 << 20);
  const received = all(stream);
  for (let i = 0; i < data.length; i += 1024) stream.write(data.subarray(i, i + 1024)); // thousands of pieces in a writev
  stream.end();
  assert.ok((await soon(received)).equals(data));
  await server.close();
});

test('a slow reader holds the peer back', async () => {
  const { tcp, peer } = await connected();
  const stream = tcp.duplex({ readableHighWaterMark: 1024 });
  const data = pattern(24 << 20);
  let flushed = false;
  peer.end(data, () => { flushed = true; });
  await once(stream, 'readable');
  await until(() => tcp.isPaused());
  await turns(100);
  assert.equal(flushed, false);
  assert.ok(stream.readableLength < 2 << 20, `${stream.readableLength} bytes in the stream`);
  const parts = [];
  const slow = new Writable({
    highWaterMark: 1024,
    write(chunk, _, callback) {
      parts.push(chunk);
      setImmediate(callback);
    },
  });
  await soon(pipeline(stream, slow));
  assert.ok(Buffer.concat(parts).equals(data));
});

test('a slow peer holds the writer back', async () => {
  const { tcp, peer } = await connected();
  peer.pause();
  tcp.setOption(socket.Option.SEND_QUEUE_LIMIT, 1 << 16);
  const stream = tcp.duplex();
  const data = pattern(16 << 20);
  let more = true;
  let position = 0;
  while (more && position < data.length) {
    more = stream.write(data.subarray(position, position + 65536));
    position += 65536;
  }
  assert.equal(more, false);
  const source = new Transform({ transform(chunk, _, callback) { callback(null, chunk); } });
  const received = all(peer);
  const piped = pipeline(source, stream);
  source.end(data.subarray(position));
  assert.ok((await soon(received)).equals(data));
  await soon(piped);
});

test('a send beside the stream that fills the queue: the write waits for drain', async () => {
  const { tcp, peer } = await connected();
  peer.pause();
  tcp.setOption(socket.Option.SEND_QUEUE_LIMIT, 1 << 16);
  const stream = tcp.duplex();
  const big = Buffer.alloc(16 << 20, 'a');
  const sent = tcp.send({ data: big });
  stream.write('b'.repeat(1000));
  stream.end();
  const received = await soon(all(peer));
  assert.equal(received.length, big.length + 1000);
  assert.equal(received.subarray(big.length).toString(), 'b'.repeat(1000));
  await sent;
});

test('destroy closes: what has been written arrives', async () => {
  const { tcp, peer } = await connected();
  peer.pause();
  const stream = tcp.duplex();
  const data = pattern(2 << 20);
  const closed = once(stream, 'close');
  const written = new Promise((resolve) => {
    stream.write(data, (error) => {
      stream.destroy();
      resolve(error);
    });
  });
  const received = written.then(() => turns(50)).then(() => all(peer));
  assert.ok(!await soon(written));
  assert.ok((await soon(received)).equals(data));
  await soon(closed);
  assert.equal((await tcp.getState()).isClose, true);
});

test('destroy with an error resets the connection', async () => {
  const { tcp, peer } = await connected();
  peer.pause();
  const reset = new Promise((resolve) => peer.once('close', resolve));
  const stream = tcp.duplex();
  const written = new Promise((resolve) => stream.write(Buffer.alloc(16 << 20), resolve));
  const closed = next(tcp, 'close');
  const failed = once(stream, 'error');
  stream.destroy(new Error('no more'));
  assert.equal((await soon(failed))[0].message, 'no more');
  await closed;
  assert.ok(await soon(written) instanceof Error);
  peer.resume();
  await soon(reset);
  assert.equal((await tcp.getState()).isClose, true);
});

test('a write that waits for drain has its callback when the stream is destroyed', async () => {
  const { tcp, peer } = await connected();
  peer.pause();
  tcp.setOption(socket.Option.SEND_QUEUE_LIMIT, 1 << 16);
  const stream = tcp.duplex();
  const sent = tcp.send({ data: Buffer.alloc(16 << 20) }).catch(() => {});
  const written = new Promise((resolve) => stream.write('later', resolve));
  await turns(10);
  stream.destroy();
  assert.equal((await soon(written)).code, 2301125);
  peer.resume();
  await soon(once(stream, 'close'));
  await sent;
});

test('an error of the connection is that of the stream', async () => {
  const { tcp, peer } = await connected();
  const stream = tcp.duplex();
  const failed = once(stream, 'error').then(([error]) => error, (error) => error);
  stream.on('error', () => {});
  stream.resume();
  peer.resetAndDestroy();
  const error = await soon(failed);
  assert.ok(error instanceof socket.BusinessError);
  assert.equal(error.code, 2301104);
  assert.equal(stream.destroyed, true);
});

test('close of the socket ends the stream', async () => {
  const { tcp, peer } = await connected();
  const stream = tcp.duplex();
  const closed = once(stream, 'close');
  peer.resume().end();
  await tcp.close();
  await soon(closed);
  assert.equal(stream.destroyed, true);
});

test('what was received is readable after the connection has ended', async () => {
  const { server, address } = await listening();
  const arrived = next(server, 'connect');
  const peer = await netClient(address);
  const stream = (await arrived).duplex();
  stream.end();
  peer.end('the rest');
  await soon(once(peer, 'close'));
  await turns(50);
  assert.equal((await soon(all(stream))).toString(), 'the rest');
  await server.close();
});

test('the stream stays writable with allowHalfOpen', async () => {
  const { tcp, peer } = await connected();
  const stream = tcp.duplex({ allowHalfOpen: true });
  const received = all(peer);
  const parts = [];
  stream.on('data', (part) => parts.push(part));
  const ended = once(stream, 'end');
  peer.end('question');
  await soon(ended);
  stream.end('answer');
  assert.equal(Buffer.concat(parts).toString(), 'question');
  assert.equal((await soon(received)).toString(), 'answer');
});

test('a socket that is not open has no stream', async () => {
  const tcp = socket.constructTCPSocketInstance();
  assert.throws(() => tcp.duplex(), { code: 2301107 });
  await rejected(tcp.close(), 2300999);
});

test('addresses as of net.Socket: http on both sides', async () => {
  const web = http.createServer((request, response) => {
    response.end(`${request.url} ${request.socket.remoteAddress} ${request.socket.remotePort} ${request.socket.localPort}`);
  });
  const { server, address } = await listening((client) => web.emit('connection', client.duplex()));
  const tcp = socket.constructTCPSocketInstance();
  await tcp.connect({ address });
  const stream = tcp.duplex();
  const { localPort } = stream;
  assert.deepEqual([stream.remoteAddress, stream.remotePort, stream.remoteFamily], [address.address, address.port, 'IPv4']);
  assert.deepEqual([stream.localAddress, stream.localFamily], [address.address, 'IPv4']);
  const request = http.get('http://localhost/path', { createConnection: () => stream });
  const [response] = await soon(once(request, 'response'));
  assert.equal((await soon(all(response))).toString(), `/path ${address.address} ${localPort} ${address.port}`);
  stream.destroy();
  await soon(once(stream, 'close'));
  assert.equal(stream.remoteAddress, undefined);
  await server.close();
});
