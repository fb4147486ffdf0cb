// The hooks of register.mjs. They are synchronous, and so work in the thread of the program as well as in
// the thread that older Node has for hooks.

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import swc from '@swc/wasm-typescript';

const modules = new Map([
  ['@ohos.net.socket', 'net.socket.mjs'],
  ['@ohos.base', 'base.mjs'],
  ['@kit.NetworkKit', 'NetworkKit.mjs'],
  ['@kit.BasicServicesKit', 'base.mjs'],
].map(([name, file]) => [name, new URL(`../ohos/${file}`, import.meta.url).href]));

const TYPED = /\.(ts|mts|ets)$/;

export function resolve(specifier, context, nextResolve) {
  const url = modules.get(specifier.replace(/^@ohos:/, '@ohos.')) ?? withoutExtension(specifier, context.parentURL);
  return url ? { url, shortCircuit: true } : nextResolve(specifier, context);
}

/** OpenHarmony's imports of a program's own files have no extension. */
function withoutExtension(specifier, parentURL) {
  if (!/^\.\.?\//.test(specifier) || !TYPED.test(parentURL ?? '')) return undefined;
  for (const extension of ['.ts', '.ets']) {
    const url = new URL(specifier + extension, parentURL);
    if (url.protocol === 'file:' && existsSync(url)) return url.href;
  }
  return undefined;
}

export function load(url, context, nextLoad) {
  const { protocol, pathname } = new URL(url);
  if (protocol !== 'file:' || !TYPED.test(pathname)) return nextLoad(url, context);
  return { format: 'module', source: javaScript(fileURLToPath(url)), shortCircuit: true };
}

// Imports that may be of types; only a translation leaves those out.
const IMPORT_OF_TYPES = /^\s*import\b[^'"]*(\{|from\s*['"]\.)/m;

/** Types become blanks, so that positions stay; such imports, enums and the like need a translation. */
function javaScript(filename) {
  const source = readFileSync(filename, 'utf8');
  try {
    if (!IMPORT_OF_TYPES.test(source)) return swc.transformSync(source, { filename, mode: 'strip-only' }).code;
  } catch (error) {
    if (error?.code !== 'UnsupportedSyntax') throw syntaxError(error, filename);
  }
  return translated(source, filename);
}

function translated(source, filename) {
  try {
    const { code, map } = swc.transformSync(source, {
      filename, mode: 'transform', sourceMap: true, transform: { verbatimModuleSyntax: false },
    });
    return `${code}\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString('base64')}`;
  } catch (error) {
    throw syntaxError(error, filename);
  }
}

function syntaxError(error, filename) {
  const place = error?.startLine === undefined ? filename : `${filename}:${error.startLine}:${error.startColumn + 1}`;
  return new SyntaxError(`${place}: ${error?.message ?? error}`, { cause: error });
}
