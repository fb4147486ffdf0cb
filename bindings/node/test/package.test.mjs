// The package as npm would publish it, installed into an empty folder. OHSOCKET_PACKAGE names the file.

import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { after, before } from 'node:test';
import assert from 'node:assert/strict';
import { node } from './child.mjs';

const here = new URL('.', import.meta.url).pathname;
let folder;

before(() => {
  assert.ok(process.env.OHSOCKET_PACKAGE, 'OHSOCKET_PACKAGE: what make node-pack has made');
  folder = mkdtempSync(path.join(tmpdir(), 'ohsocket-'));
  writeFileSync(path.join(folder, 'package.json'), '{"private": true}');
  execFileSync('npm', ['install', '--no-audit', '--no-fund', '--prefer-offline', '--ignore-scripts', process.env.OHSOCKET_PACKAGE],
    { cwd: folder, stdio: 'pipe' });
});
after(() => rmSync(folder, { recursive: true }));

const BODY = `
const server = socket.constructTCPSocketServerInstance();
server.on('connect', (client) => client.send({ data: 'Hello' }).then(() => client.close()));
server.listen({ address: '127.0.0.1' }, async () => {
  const tcp = socket.constructTCPSocketInstance();
  tcp.on('message', ({ message }) => console.log(message.byteLength));
  tcp.on('close', () => server.close());
  await tcp.connect({ address: await server.getLocalAddress() });
});
`;

const programs = {
  'es module': ['main.mjs', `import socket, { BusinessError, ErrorCode } from 'ohsocket';\n${BODY}`],
  CommonJS: ['main.cjs', `const socket = require('ohsocket');\n${BODY}`],
  'OpenHarmony module': ['main.ts', `import socket from '@ohos.net.socket';\nlet count: number = 0;\n${BODY}`],
};

test('OpenHarmony module: imports of types are left out', async () => {
  writeFileSync(path.join(folder, 'types-only.ts'), 'export interface Foo { a: number }\nexport default interface Bar { b: number }\n'
    + 'export const hello = (f: Foo) => `hello ${f.a}`;\n');
  writeFileSync(path.join(folder, 'imports.ts'), `
import { hello, Foo } from './types-only';
import Bar from './types-only';
import { BusinessError, AsyncCallback } from '@ohos.base';

const foo: Foo & Partial<Bar> = { a: 1 };
const callback: AsyncCallback<void> = (error: BusinessError): void => { throw new Error(hello(foo)); };
callback(undefined!);
`);
  const { stderr, code } = await node(['--import', 'ohsocket/register', 'imports.ts'], { cwd: folder }).done;
  assert.equal(code, 1);
  assert.match(stderr, /Error: hello 1/);
  assert.match(stderr, /imports\.ts:7:/); // the place in the program
});

for (const [name, [file, source]] of Object.entries(programs)) {
  test(`${name}: runs, with no environment`, async () => {
    writeFileSync(path.join(folder, file), source);
    const { stdout, stderr, code } = await node(['--import', 'ohsocket/register', file], { cwd: folder, env: {} }).done;
    assert.deepEqual([stdout, stderr, code], ['5\n', '', 0]);
  });
}

test('the licences of the package and of what is linked into the library', () => {
  const read = (name) => readFileSync(path.join(folder, 'node_modules/ohsocket', name), 'utf8');
  assert.match(read('LICENSE'), /Apache License/);
  assert.match(read('THIRD_PARTY'), /OpenSSL[^]*The Go Authors/);
});

test('one copy of everything, whichever way it is loaded', async () => {
  writeFileSync(path.join(folder, 'same.mjs'), `
import esm, { TCPSocket } from 'ohsocket';
import { createRequire } from 'node:module';
const cjs = createRequire(import.meta.url)('ohsocket');
console.log(esm === cjs, cjs.TCPSocket === TCPSocket, cjs.constructTCPSocketInstance() instanceof TCPSocket, cjs.version);`);
  const { stdout } = await node(['same.mjs'], { cwd: folder }).done;
  assert.equal(stdout, 'true true true 1.0.0\n');
});

test('the types, strictly, from both kinds of module', () => {
  writeFileSync(path.join(folder, 'types.mts'), `
import socket, {
  BusinessError, ErrorCode, setTLSKeylog, type Data, type ListenAddress, type SocketMessageInfo, type Stats, type TLSIdentity,
} from 'ohsocket';
import ohos from '@ohos.net.socket';
import { socket as kit } from '@kit.NetworkKit';
import { BusinessError as Base, type AsyncCallback } from '@kit.BasicServicesKit';

const tcp: socket.TCPSocket = kit.constructTCPSocketInstance();
tcp.on('message', (value: SocketMessageInfo) => { const size: number = value.message.byteLength + value.remoteInfo.size; });
tcp.on('error', (error: Base) => { const same: boolean = error instanceof BusinessError && error.code === ErrorCode.CONNRESET; });
const done: AsyncCallback<ohos.SocketStateBase> = (error: BusinessError, state: ohos.SocketStateBase) => {};
tcp.getState(done);
const sent: Promise<void> = tcp.send({ data: new Uint8Array(1) });
tcp.setOption(socket.Option.IDLE_TIMEOUT, 5);
const named: [Data, ListenAddress, Stats, TLSIdentity] = ['', { address: '' }, socket.getStats(), { cert: '', key: '' }];
setTLSKeylog(undefined);
const failed: Base<string> = new BusinessError<string>(401);
const text: string = failed.data;
tcp.sendv([new ArrayBuffer(1), new Uint8Array(1)]);
const port: number | undefined = tcp.duplex().remotePort;
socket.constructTLSSocketServerInstance().setSecureOptions({ secureOptions: {} });
const protocol: socket.Protocol = socket.Protocol.TLSv13;
// @ts-expect-error there is no such event
tcp.on('data', () => {});
// @ts-expect-error data is missing
tcp.send({});
// @ts-expect-error made by servers only
new socket.TCPSocketConnection();
async function use() { await using server = socket.constructTCPSocketServerInstance(); }
`);
  writeFileSync(path.join(folder, 'types.cts'), `
import socket = require('ohsocket');
const udp: socket.UDPSocket = socket.constructUDPSocketInstance();
udp.on('listening', () => {}).bind({ address: '127.0.0.1' }, (error) => { const code: number = error.code; });
`);
  mkdirSync(path.join(folder, 'node_modules/@types'));
  symlinkSync(path.join(here, '../node_modules/@types/node'), path.join(folder, 'node_modules/@types/node'));
  writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({
    compilerOptions: {
      strict: true, noEmit: true, target: 'es2022', lib: ['es2022', 'esnext.disposable'], module: 'nodenext',
      types: ['node', 'ohsocket/ohos'],
    },
    files: ['types.mts', 'types.cts'],
  }));
  const tsc = (project) => execFileSync(process.execPath, [path.join(here, '../node_modules/typescript/bin/tsc'), '-p', project],
    { stdio: ['ignore', 'inherit', 'inherit'] });
  tsc(folder);
  // The older way of looking modules up.
  writeFileSync(path.join(folder, 'old.ts'), 'import socket from \'@ohos.net.socket\';\nsocket.constructTCPSocketInstance().close();\n');
  const project = path.join(folder, 'old.json');
  writeFileSync(project, JSON.stringify({
    compilerOptions: {
      strict: true, noEmit: true, target: 'es2022', lib: ['es2022', 'esnext.disposable'], module: 'esnext', moduleResolution: 'node10',
      esModuleInterop: true, types: ['node', 'ohsocket/ohos'],
    },
    files: ['old.ts'],
  }));
  tsc(project);
});
