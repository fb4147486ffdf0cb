// What the loader switches on for programs that were written for a device.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import assert from 'node:assert/strict';
import { closedPort, netServer } from './helper.mjs';
import { node } from './child.mjs';

const REGISTER = ['--import', 'ohsocket/register'];

/** Runs a program with the loader, as its user has it: outside of the package. */
async function program(source, env = {}) {
  const folder = mkdtempSync(path.join(tmpdir(), 'ohsocket-program-'));
  try {
    const file = path.join(folder, 'program.ts');
    writeFileSync(file, `import socket from '@ohos.net.socket';\n${source}`);
    const all = { ...process.env, ...env };
    for (const [name, value] of Object.entries(env)) if (value === undefined) delete all[name];
    return await node([...REGISTER, file], { env: all }).done;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

test('an error of an operation that nobody looks at is a warning, once for each place', async () => {
  const { stdout, stderr, code } = await program(`
for (let i = 0; i < 3; i++) {
  const tcp = socket.constructTCPSocketInstance();
  tcp.close();
  tcp.close().then(() => console.log('never'));
}
setTimeout(() => console.log('goes on'), 20);
`);
  assert.deepEqual([stdout, code], ['goes on\n', 0]);
  const places = [...stderr.matchAll(/OHSocketWarning: .*2300999.*program\.ts:(\d+):/g)].map((match) => match[1]);
  assert.deepEqual(places, ['5', '6']); // the import is line 1
});

test('who looks gets the error: catch, await, late in the same turn, Promise.all', async () => {
  const { stdout, stderr, code } = await program(`
const tcp = socket.constructTCPSocketInstance();
tcp.close().catch((error) => console.log('catch', error.code));
try { await tcp.close(); } catch (error) { console.log('await', error.code); }
const late = tcp.close();
await null;
late.then(undefined, (error) => console.log('late', error.code));
await Promise.all([tcp.close()]).catch((error) => console.log('all', error.code));
console.log(tcp.close() instanceof Promise);
await tcp.close().finally(() => console.log('finally')).catch(() => console.log('and catch'));
process.exit();
`);
  assert.deepEqual([stderr, code], ['', 0]);
  assert.deepEqual(stdout.trim().split('\n'), ['catch 2300999', 'await 2300999', 'late 2300999', 'all 2300999', 'true', 'finally', 'and catch']);
});

test('promises that are made of it are no end of the program either: async functions, promises around a callback, all', async () => {
  const { stdout, stderr, code } = await program(`
const make = () => socket.constructTCPSocketInstance();
async function closes() {
  await make().close();
}
closes();
new Promise((resolve, reject) => make().close((error) => error ? reject(error) : resolve(undefined)));
Promise.all([make().close()]);
make().close().finally(() => {});
(async () => make().connect({} as any))();
(async () => socket.constructTLSSocketInstance().send(1 as any))(); // thrown
const error = await make().close().catch((error) => error);
Promise.reject(error);
setTimeout(() => console.log('goes on'), 20);
`);
  assert.deepEqual([stdout, code], ['goes on\n', 0]);
  const places = [...stderr.matchAll(/OHSocketWarning: .*program\.ts:(\d+):/g)].map((match) => match[1]);
  assert.deepEqual(places.sort((a, b) => a - b), ['5', '8', '9', '10', '11', '12', '13']);
});

test('exceptions of the program, its own promises, and who wants to know, are as always', async () => {
  const own = await program(`
socket.constructTCPSocketInstance().getState().then(() => { throw new TypeError('of the program'); });
`);
  assert.equal(own.code, 1);
  assert.match(own.stderr, /TypeError: of the program/);
  for (const source of [`(async () => { throw new RangeError('of the program'); })()`, `Promise.reject(new socket.BusinessError(1, 'of the program'))`,
    `socket.constructTCPSocketInstance().close().catch((cause) => { throw new Error('of the program', { cause }); })`]) {
    const { code, stderr } = await program(`${source};setTimeout(() => console.log('goes on'), 20);`);
    assert.equal(code, 1);
    assert.match(stderr, /of the program/);
  }
  const uncaught = await program(`
process.on('uncaughtException', (error, origin) => console.log(origin, error.message));
Promise.reject(new Error('of the program'));
`);
  assert.deepEqual([uncaught.stdout, uncaught.stderr, uncaught.code], ['unhandledRejection of the program\n', '', 0]);
  const told = await program(`
process.on('unhandledRejection', (error: any) => console.log('told', error.code));
socket.constructTCPSocketInstance().close();
`);
  assert.deepEqual([told.stdout, told.stderr, told.code], ['told 2300999\n', '', 0]);
});

const busy = async () => {
  const { server, address } = await netServer();
  return { server, address: JSON.stringify(address) };
};

test('rules of compat mode that the loader switches on, and OHSOCKET_COMPAT=0 off', async () => {
  const { server, address } = await busy();
  const source = `
const answer = async (start) => { try { await start(); return 'ok'; } catch (error) { return error.code; } };
const attempt = (f) => { try { return f(); } catch (error) { return error.code; } };
const tcp = socket.constructTCPSocketInstance();
tcp.on('message', () => {});
tcp.on('message', () => {});
const listeners = tcp.listenerCount('message');
const busy = await answer(() => tcp.bind(${address}));
const unknown = attempt(() => typeof tcp.on('nothing' as any, () => {}));
const family = await answer(() => socket.constructTCPSocketServerInstance().listen({ address: '127.0.0.1', port: '0' as any, family: -1 }));
const udp = socket.constructUDPSocketInstance();
await udp.bind({ address: '127.0.0.1' });
const again = await answer(() => udp.bind({ address: '127.0.0.1' }));
const encoding = await answer(async () => udp.send({ data: 'x', encoding: 'EBCDIC', address: await udp.getLocalAddress() } as any));
console.log(listeners, busy, unknown, family, again, encoding);
process.exit();
`;
  for (const [setting, expected] of [[undefined, '1 ok object ok ok ok\n'], ['1', '1 ok object ok ok ok\n'], ['0', '2 2301098 401 401 2301022 401\n']]) {
    const { stdout, stderr, code } = await program(source, { OHSOCKET_COMPAT: setting });
    assert.deepEqual([stdout, code], [expected, 0], `OHSOCKET_COMPAT=${setting}: ${stderr}`);
    assert.equal(/OHSocketWarning: 127\.0\.0\.1:\d+ is in use/.test(stderr), setting === undefined);
  }
  server.close();
});

test('the loader leaves the errors precise: a connect, a bad key, a port', async () => {
  const source = `
const answer = async (start) => { try { await start(); return 'ok'; } catch (error) { return error.code; } };
const attempt = (f) => { try { return f(); } catch (error) { return error.code; } };
const codes = [
  await answer(() => socket.constructTCPSocketInstance().connect({ address: ${JSON.stringify(await closedPort())} })),
  await answer(() => socket.constructTLSSocketServerInstance().listen({ address: { address: '127.0.0.1' }, secureOptions: { key: 'x', cert: 'x' } })),
  await answer(() => socket.constructTCPSocketInstance().connect({ address: { address: '127.0.0.1', port: 65537 } })),
  attempt(() => socket.constructTLSSocketInstance().send(1 as any)),
];
console.log(JSON.stringify(codes));
process.exit();
`;
  for (const [setting, expected] of [[undefined, [2301111, 2303505, 401, 401]], ['0', [2301111, 2303505, 401, 401]]]) {
    const { stdout, stderr, code } = await program(source, { OHSOCKET_COMPAT: setting });
    assert.deepEqual([stdout, stderr, code], [`${JSON.stringify(expected)}\n`, '', 0], `OHSOCKET_COMPAT=${setting}`);
  }
});
