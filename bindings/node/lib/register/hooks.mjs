// The hooks of register.mjs. They are synchronous, and so work in the thread of the program as well as in
// the thread that older Node has for hooks.

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { isModuleName, namesOf } from '../ohos/names.js';
import { importedNames, isModule, javaScript } from './transform.mjs';

const MODULES = new URL('../ohos/modules.js', import.meta.url).href;
const TYPED = /\.(ts|mts|ets)$/;
const SCRIPT = /\.js$/;
const EXTENSIONS = ['.ts', '.ets', '.mts', '.js', '.mjs', '.cjs', '.json'];

// What each file imports from OpenHarmony's modules: an import of a name that is not there would be a syntax error.
const imported = new Map();
let entry;

export function resolve(specifier, context, nextResolve) {
  const { parentURL } = context;
  entry ??= parentURL === undefined ? specifier : undefined;
  if (isModuleName(specifier)) return { url: moduleURL(specifier, parentURL), format: 'module', shortCircuit: true };
  if (specifier.startsWith('ohsocket-require:')) return { url: specifier, format: 'module', shortCircuit: true };
  const url = sourceFile(specifier, parentURL) ?? ohpmPackage(specifier, parentURL);
  return url ? { url, shortCircuit: true } : nextResolve(specifier, context);
}

/** Each importer has the names that it asks for, beside those that are there. */
function moduleURL(specifier, parentURL) {
  const name = specifier.replace(/^@(\w+):/, '@$1.');
  const names = imported.get(parentURL)?.get(name) ?? [];
  return `ohsocket:${name}?${[...new Set([...namesOf(name), ...names])].sort().join(',')}`;
}

/** OpenHarmony's imports of a program's own files have no extension, or that of what a compiler makes of them. */
function sourceFile(specifier, parentURL) {
  if (!/^\.\.?(\/|$)/.test(specifier) || !parentURL?.startsWith('file:')) return undefined;
  const url = new URL(specifier, parentURL);
  const { search } = url;
  url.search = '';
  url.pathname = url.pathname.replace(/\/{2,}/g, '/'); // `./dir//file` is no other file
  if (isFile(url)) return url.href + search;
  const found = fileOf(url.href);
  return found && found + search;
}

function fileOf(href) {
  const base = href.replace(/\/$/, '');
  const candidates = [
    ...(href.endsWith('/') ? [] : EXTENSIONS.map((extension) => base + extension)),
    ...(SCRIPT.test(href) ? ['.ts', '.ets'].map((extension) => href.replace(SCRIPT, extension)) : []),
    ...EXTENSIONS.flatMap((extension) => [`${base}/index${extension}`, `${base}/Index${extension}`]),
  ];
  return candidates.find((candidate) => isFile(new URL(candidate)));
}

/** A package that ohpm has installed: oh_modules/NAME beside or above the file, with the main file that oh-package.json5 names. */
function ohpmPackage(specifier, parentURL) {
  const [, name, path] = /^((?:@[^/:]+\/)?[^@./:][^/:]*)(\/.*)?$/.exec(specifier) ?? [];
  if (!name || !parentURL?.startsWith('file:')) return undefined;
  for (let folder = new URL('.', parentURL); ; folder = new URL('..', folder)) {
    const base = new URL(`oh_modules/${name}/`, folder);
    if (existsSync(base)) return inPackage(pathToFileURL(`${realpathSync(base)}/`), path);
    if (folder.pathname === '/') return undefined;
  }
}

function inPackage(base, path) {
  const description = new URL('oh-package.json5', base);
  const main = path ?? (existsSync(description) ? /["']?\bmain["']?\s*:\s*["']([^"']+)["']/.exec(readFileSync(description, 'utf8'))?.[1] : undefined);
  const url = new URL(`./${(main ?? '').replace(/^[./]*/, '')}`, base);
  return isFile(url) ? url.href : fileOf(url.href);
}

function isFile(url) {
  return existsSync(url) && statSync(url).isFile();
}

export function load(url, context, nextLoad) {
  const { protocol, pathname, search } = new URL(url);
  if (protocol === 'ohsocket:') return module(namedExports(pathname, search.slice(1).split(',').filter(Boolean)));
  if (protocol === 'ohsocket-require:') return module(requireFrom(url.slice(protocol.length)));
  if (protocol !== 'file:' || pathname.includes('/node_modules/')) return nextLoad(url, context);
  if (TYPED.test(pathname)) return typed(url);
  if (SCRIPT.test(pathname) && existsSync(new URL(url))) return script(url, context, nextLoad);
  return nextLoad(url, context);
}

const module = (source) => ({ format: 'module', source, shortCircuit: true });

function namedExports(name, names) {
  const lines = names.map((each, i) => `const _${i} = m.named(${JSON.stringify(each)}); export { _${i} as ${each} };`);
  return `import { moduleOf } from '${MODULES}';\nconst m = moduleOf(${JSON.stringify(name)});\nexport default m.api;\n${lines.join('\n')}\n`;
}

function requireFrom(parent) {
  return `import { createRequire } from 'node:module';\nexport default createRequire('${parent}');\n`;
}

function typed(url) {
  const filename = fileURLToPath(url);
  const { code, names } = javaScript(readFileSync(filename, 'utf8'), filename, { url, modules: MODULES, entry: isEntry(url) });
  imported.set(url, names);
  return module(code);
}

const isEntry = (url) => entry === url || entry === fileURLToPath(url);

/** A `.js` file that has the syntax of modules is one, whatever package.json says: OpenHarmony's have no other. */
function script(url, context, nextLoad) {
  const source = readFileSync(new URL(url), 'utf8');
  if (!isModule(source)) return nextLoad(url, context);
  imported.set(url, importedNames(source));
  return module(source);
}
