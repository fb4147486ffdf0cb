// OpenHarmony's modules beside sockets.

import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import assert from 'node:assert/strict';

const { moduleOf } = createRequire(import.meta.url)('../lib/ohos/modules.js');
const get = (name) => moduleOf(name).api;
const event = (register) => new Promise((resolve) => {
  register(resolve);
});

test('@ohos.buffer: each buffer has memory of its own', () => {
  const buffer = get('@ohos.buffer');
  assert.equal(buffer.from('abc').buffer.byteLength, 3);
  assert.equal(buffer.concat([buffer.from('ab'), buffer.from([1])]).buffer.byteLength, 3);
  const memory = new ArrayBuffer(4);
  buffer.from(memory, 1, 2).fill(7);
  assert.deepEqual([...new Uint8Array(memory)], [0, 7, 7, 0]);
  assert.equal(buffer.from('6869', 'hex').toString('utf-8'), 'hi');
  assert.throws(() => buffer.poolSize.x, /@ohos\.buffer: poolSize is not here/);
});

test('@ohos.util: texts and Base64', async () => {
  const util = get('@ohos.util');
  const bytes = new util.TextEncoder().encodeInto('héllo');
  assert.equal(bytes.buffer.byteLength, 6);
  assert.equal(util.TextDecoder.create('utf-8').decodeToString(bytes), 'héllo');
  assert.deepEqual([...util.TextEncoder.create('utf-16be').encodeInto('a')], [0, 0x61]);
  assert.throws(() => util.TextEncoder.create('klingon').encodeInto('a'), /klingon/);
  const base64 = new util.Base64Helper();
  assert.equal(base64.encodeToStringSync(new Uint8Array([251, 255])), '+/8=');
  assert.equal(base64.encodeToStringSync(new Uint8Array([251, 255]), util.Type.BASIC_URL_SAFE), '-_8');
  assert.deepEqual([...await base64.decode('+/8=')], [251, 255]);
  assert.equal(new util.types().isDate(new Date()), true);
  assert.equal(util.printf('%s %d', 'a', 1), 'a 1');
});

test('@ohos.file.fs: files, streams, errors of a device', async () => {
  const fs = get('@ohos.file.fs');
  const folder = mkdtempSync(path.join(tmpdir(), 'ohsocket-'));
  try {
    const name = path.join(folder, 'file');
    const file = fs.openSync(name, fs.OpenMode.READ_WRITE | fs.OpenMode.CREATE);
    assert.equal(fs.writeSync(file.fd, 'hello'), 5);
    const memory = new ArrayBuffer(3);
    assert.equal(await fs.read(file.fd, memory, { offset: 1 }), 3);
    assert.equal(Buffer.from(memory).toString(), 'ell');
    assert.deepEqual([fs.statSync(name).size, (await fs.stat(file.fd)).isFile(), file.name], [5, true, 'file']);
    await fs.close(file);
    const stream = await fs.createStream(name, 'a+');
    await stream.write('!');
    assert.equal(await stream.read(memory, { offset: 3 }), 3);
    await stream.close();
    assert.equal(fs.readTextSync(name), 'hello!');
    assert.deepEqual(fs.listFileSync(folder), ['file']);
    assert.equal(await event((done) => fs.access(path.join(folder, 'none'), (error, is) => done([error, is]))).then(String), ',false');
    assert.throws(() => fs.openSync(path.join(folder, 'none')), { name: 'BusinessError', code: 13900002 });
    await assert.rejects(fs.mkdir(folder), { code: 13900015 });
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('@ohos.net.connection: the one network', async () => {
  const connection = get('@ohos.net.connection');
  const net = await connection.getDefaultNet();
  assert.equal(connection.getDefaultNetSync().netId, net.netId);
  const { linkAddresses } = await connection.getConnectionProperties(net);
  assert.ok(linkAddresses[0].address.address);
  assert.equal(linkAddresses[0].address.port, 0);
  assert.deepEqual(await net.getAddressByName('127.0.0.1'), { address: '127.0.0.1', family: 1, port: 0 });
  assert.equal(await event((done) => connection.hasDefaultNet((_error, has) => done(has))), true);
  await assert.rejects(connection.getAddressesByName('name.invalid'), { code: 2100003 });
  const watch = connection.createNetConnection();
  assert.equal(await event((done) => {
    watch.on('netAvailable', done);
    watch.register();
  }), net);
  watch.unregister();
});

test('@ohos.events.emitter: in a turn of its own', async () => {
  const emitter = get('@ohos.events.emitter');
  let calls = 0;
  emitter.once({ eventId: 1 }, () => calls++);
  emitter.on('named', () => calls++);
  const seen = event((done) => emitter.on({ eventId: 1 }, done));
  emitter.emit({ eventId: 1, priority: emitter.EventPriority.LOW }, { data: { a: 1 } });
  assert.equal(calls, 0);
  assert.deepEqual(await seen, { data: { a: 1 } });
  assert.equal(calls, 1);
  assert.equal(emitter.getListenerCount({ eventId: 1 }), 1);
  emitter.off({ eventId: 1 });
  emitter.off('named');
  assert.equal(emitter.getListenerCount('named'), 0);
});

test('@ohos.url, @ohos.process, containers and JSON', () => {
  const url = get('@ohos.url');
  assert.equal(url.URL.parseURL('/b?x=1', 'http://a/').params.get('x'), '1');
  assert.equal(get('@ohos.process').pid, process.pid);
  const list = new (get('@ohos.util.ArrayList'))();
  list.add('a');
  list.insert('b', 0);
  assert.deepEqual([list.length, list.getIndexOf('a'), list.removeByIndex(0), list.convertToArray()], [2, 1, 'b', ['a']]);
  const map = new (get('@ohos.util.HashMap'))();
  map.set('a', 1);
  assert.deepEqual([map.hasKey('a'), map.remove('a'), map.length], [true, 1, 0]);
  assert.equal(moduleOf('@kit.ArkTS').named('JSON').stringify({ a: 1 }), '{"a":1}');
});
