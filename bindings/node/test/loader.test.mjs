// The loader hook: what OpenHarmony's programs import, and how their files are written.

import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import test from 'node:test';
import assert from 'node:assert/strict';
import { node } from './child.mjs';

const here = new URL('.', import.meta.url).pathname;
const { kits, modules } = createRequire(import.meta.url)('../lib/ohos/names.js');

/** Runs the first of the files; they lie outside of the package, as a user's program does. */
async function program(files, flags = []) {
  const folder = mkdtempSync(path.join(here, 'sample-'));
  try {
    for (const [name, source] of Object.entries(files)) {
      mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
      writeFileSync(path.join(folder, name), source);
    }
    return await node(['--import', 'ohsocket/register', ...flags, path.join(folder, Object.keys(files)[0])], { cwd: folder }).done;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function prints(files, expected) {
  const { stdout, stderr, code } = await program(files);
  assert.deepEqual([stderr, stdout, code], ['', expected, 0]);
}

test('types that are exported again are no error', () => prints({
  'main.ts': `import { C, Opt, Shape, Plain } from './index';
const opt: Opt = { a: 1 };
const shape: Shape | Plain = 2;
console.log(new C(opt).a, shape);
`,
  'index.ts': `export { Opt, Shape, C } from './a';
export { Plain } from './b';
export * from './b';
export { default as Def } from './c';
`,
  'a.ts': `export interface Opt { a: number }
export declare type Shape = number;
export class C { a: number; constructor(opt: Opt) { this.a = opt.a } }
`,
  'b.ets': 'type Plain = number;\nexport { Plain };\nexport type Other = string;\n',
  'c.ts': 'export default interface Def { b: number }\n',
}, '1 2\n'));

test('names without extension, of folders, and .js that is .ts; from .js files too', () => prints({
  'main.ts': `import { a } from './src/a';
import { b } from './src/folder';
import { c } from './src/c.js';
import { d } from './/src//d';
import { d as again } from './src/d';
import { e } from './src/Upper';
console.log(a, b, c, d, d === again, e);
`,
  'src/a.js': "import { inner } from './inner';\nexport const a = inner;\n",
  'src/inner.js': "export const inner = 'a';\n",
  'src/folder/index.ets': "import { up } from '..';\nexport const b: string = up;\n",
  'src/index.ts': "export const up = 'b';\n",
  'src/c.ts': "export const c: string = 'c';\n",
  'src/d.ets': "export const d = { toString: () => 'd' };\n",
  'src/Upper/Index.ets': "export const e = 'e';\n",
}, "a b c { toString: [Function: toString] } true e\n"));

test('the names of kits and modules, for import and require', () => prints({
  'main.ts': `import { connection, socket, http } from '@kit.NetworkKit';
import { BusinessError, emitter, deviceInfo, AsyncCallback } from '@kit.BasicServicesKit';
import { socket as named } from '@ohos.net.socket';
import { helper } from './helper';
import colon from '@ohos:net.socket';
import * as util from '@ohos.util';
import wifi from '@ohos.wifiManager';
const callback: AsyncCallback<void> = () => {};
const required = require('@ohos.net.socket');
console.log(named === socket, colon === socket, helper === socket, required.constructTCPSocketInstance === socket.constructTCPSocketInstance);
console.log(require('@kit.NetworkKit').socket === socket, require('@ohos:net.socket').default === socket, typeof util.format);
console.log(typeof connection.getDefaultNet, typeof emitter.on, new BusinessError(401).code, typeof deviceInfo);
for (const use of [() => http.createHttp(), () => wifi.scan(), () => new deviceInfo(), () => connection.setAppNet()]) {
  try { use() } catch (error) { console.log((error as Error).message) }
}
`,
  'helper.js': "import { socket, webSocket } from '@kit.NetworkKit';\nexport const helper = socket;\nexport { webSocket };\n",
}, `true true true true
true true function
function function 401 function
@kit.NetworkKit: http is not here; docs/reference/openharmony.md of ohsocket lists what is
@ohos.wifiManager is not here; docs/reference/openharmony.md of ohsocket lists what is
@kit.BasicServicesKit: deviceInfo is not here; docs/reference/openharmony.md of ohsocket lists what is
@ohos.net.connection: setAppNet is not here; docs/reference/openharmony.md of ohsocket lists what is
`));

test('require from CommonJS', () => prints({
  'main.cjs': `const { socket } = require('@kit.NetworkKit');
const buffer = require('@ohos.buffer');
console.log(require('@ohos.net.socket').socket === socket, buffer.from('abc').toString(), require('@ohos.buffer').default.alloc(2).length);
`,
}, 'true abc 2\n'));

test('a field that is only declared hides nothing that is inherited', () => prints({
  'main.ts': `class Base { x = 1; go() { return 'gone' } get size() { return 5 } }
class Derived extends Base {
  go: () => string
  x: number
  size!: number;
  static kind: string;
  #own: number;
  private kept = 3;
  [Symbol.iterator]: () => Iterator<number>;
  own() { this.#own = 4; return this.#own }
}
const d = new Derived();
console.log(d.go(), d.x, d.size, Object.keys(d), Object.hasOwn(Derived, 'kind'), d.own());
`,
}, "gone 1 5 [ 'x', 'kept' ] false 4\n"));

test('ohpm packages', () => prints({
  'main.ets': "import { one } from '@some/pack';\nimport { two } from '@some/pack/src/two';\nconsole.log(one, two);\n",
  'oh_modules/@some/pack/oh-package.json5': "{\n  // comment\n  name: '@some/pack',\n  main: './Main.ets',\n}\n",
  'oh_modules/@some/pack/Main.ets': 'export const one: number = 1;\n',
  'oh_modules/@some/pack/src/two.ts': 'export const two: number = 2;\n',
}, '1 2\n'));

const PAGE = `import { socket } from '@kit.NetworkKit';

export const helper = 1;
@Entry
@Component
struct Index {
  @State message: string = 'Hello';
  build() { Row() { Text(this.message) } }
}
`;

test('pages: not run, with file and line; skipped where only their names are imported', async () => {
  const { stderr, code } = await program({ 'Index.ets': PAGE });
  assert.equal(code, 1);
  assert.match(stderr, /Index\.ets:6: struct Index is a component of ArkUI, which is not understood/);
  await prints({
    'main.ets': `import { helper } from './pages/Index';
try { helper.valueOf; helper.x } catch (error) { console.log((error as Error).message.replace(/^.*\\//, '')) }
`,
    'pages/Index.ets': PAGE,
  }, 'Index.ets:6: struct Index is a component of ArkUI, which is not understood; run a file that has none\n');
});

test('decorators: those of ArkTS alone are dropped, others named with file and line', async () => {
  await prints({ 'main.ets': '@Sendable\nexport class A { v: number = 1 }\n@Concurrent\nfunction f(): number { return 2 }\nconsole.log(new A().v, f());\n' }, '1 2\n');
  const { stderr, code } = await program({ 'main.ts': '// @Log is a decorator\n\n@Log\nclass A {}\n' });
  assert.equal(code, 1);
  assert.match(stderr, /main\.ts:3: the decorator @Log is not understood/);
});

test('an error has its place in the program, also after a translation', async () => {
  const { stderr } = await program({ 'main.ts': "import { A } from './a';\nenum E { X }\nclass B extends A { a: string }\n\nthrow new Error(`here ${E.X} ${new B().a}`);\n", 'a.ts': 'export class A {}\n' });
  assert.match(stderr, /main\.ts:5/);
});

test('the lists of names are what the modules have', () => {
  const require = createRequire(import.meta.url);
  for (const [name, [file, names]] of Object.entries(modules)) {
    const api = require(`../lib/ohos/${file}.js`);
    const extra = name === '@ohos.net.socket' ? ['socket'] : [];
    const found = typeof api === 'function' ? [] : [...Object.keys(api), ...extra];
    assert.deepEqual(names.split(' ').filter(Boolean).sort(), found.sort(), name);
  }
  for (const kit of Object.values(kits)) for (const name of Object.values(kit)) assert.ok(modules[name], name);
});

test('docs/reference/openharmony.md lists every module', () => {
  const text = readFileSync(path.join(here, '../../../docs/reference/openharmony.md'), 'utf8');
  for (const name of [...Object.keys(modules), ...Object.keys(kits)]) assert.ok(text.includes(`\`${name}\``), name);
});
