// From TypeScript and ArkTS to JavaScript, file by file.

import swc from '@swc/wasm-typescript';
import { Parser } from 'acorn';
import { isModuleName } from '../ohos/names.js';

// Imports that may be of types; only a translation leaves those out.
const IMPORT_OF_TYPES = /^\s*import\b[^'"]*(\{|from\s*['"]\.)/m;
// What there is in a text that is no code. A regular expression with a quote in it may hide code up to the end of its line.
const NO_CODE = /\/\*[^]*?\*\/|\/\/[^\n]*|'(?:\\[^]|[^'\\\n])*'|"(?:\\[^]|[^"\\\n])*"|`(?:\\[^]|[^`\\])*`/g;
// Decorators that mean something to ArkTS' checks and to its user interface only.
const DECORATION = /^([ \t]*(?:export[ \t]+(?:default[ \t]+)?)?)(@(?:Sendable|Concurrent|Observed|ObservedV2|Trace|Track)\b)(?=\s)/gm;
const STRUCT = /^[ \t]*(?:@[\w.]+(?:\([^)]*\))?\s+|export\s+|default\s+)*struct\s+([A-Za-z_$][\w$]*)\s*\{/m;

/**
 * The code of a file and what it imports of OpenHarmony's modules. Types become blanks, so that positions stay;
 * imports that may be of types, enums and the like need a translation.
 */
export function javaScript(source, filename, { url, modules, entry }) {
  const masked = withoutTexts(source);
  const struct = STRUCT.exec(masked);
  if (struct && !entry) return { code: page(masked, struct, filename, modules), names: new Map([]) };
  if (struct) throw new SyntaxError(notUnderstood(filename, masked, struct));
  const { code, map } = stripped(withoutDecorations(source, masked), filename);
  const program = parsed(code, filename, masked);
  if (!program) return { code: withMap(code, map), names: importedNames(code) }; // Node says what is wrong
  return {
    code: withMap(withoutFields(code, program) + additions(program, masked, url), map),
    names: namesIn(program),
  };
}

/** Texts and comments become blanks, so that positions stay. */
function withoutTexts(source) {
  return source.replace(NO_CODE, (text) => text.replace(/[^\n]/g, ' '));
}

function withoutDecorations(source, masked) {
  let result = source;
  for (const { index, 1: before, 2: decorator } of masked.matchAll(DECORATION)) {
    const start = index + before.length;
    result = result.slice(0, start) + ' '.repeat(decorator.length) + result.slice(start + decorator.length);
  }
  return result;
}

function lineOf(text, index) {
  return text.slice(0, index).split('\n').length;
}

function notUnderstood(filename, masked, struct) {
  const line = lineOf(masked, struct.index + struct[0].search(/struct\s/));
  return `${filename}:${line}: struct ${struct[1]} is a component of ArkUI, which is not understood; run a file that has none`;
}

/** A file with a component has nothing to do here. What it exports fails when it is used, and not before. */
function page(masked, struct, filename, modules) {
  const why = JSON.stringify(notUnderstood(filename, masked, struct));
  const exported = [...masked.matchAll(/\bexport\s+(?:(?:abstract\s+|async\s+)?(?:class|function\*?|const|let|var|enum|struct|interface|type|namespace)\s+)([\w$]+)/g)]
    .map(([, name]) => name);
  for (const [, list] of masked.matchAll(/\bexport\s*\{([^}]*)\}/g)) {
    exported.push(...list.split(',').map((each) => each.trim().split(/\s+as\s+/).pop()).filter((each) => each && each !== 'default'));
  }
  const lines = [...new Set(exported)].map((name) => `export const ${name} = absent(${why});`);
  return `import { absent } from '${modules}';\nexport default absent(${why});\n${lines.join('\n')}\n`;
}

function stripped(source, filename) {
  try {
    if (!IMPORT_OF_TYPES.test(source)) return swc.transformSync(source, { filename, mode: 'strip-only' });
  } catch (error) {
    if (error?.code !== 'UnsupportedSyntax') throw syntaxError(error, filename);
  }
  try {
    return swc.transformSync(source, {
      filename, mode: 'transform', sourceMap: true, transform: { verbatimModuleSyntax: false },
    });
  } catch (error) {
    throw syntaxError(error, filename);
  }
}

function syntaxError(error, filename) {
  const place = error?.startLine === undefined ? filename : `${filename}:${error.startLine}:${error.startColumn + 1}`;
  return new SyntaxError(`${place}: ${error?.message ?? error}`, { cause: error });
}

function withMap(code, map) {
  return map ? `${code}\n//# sourceMappingURL=data:application/json;base64,${Buffer.from(map).toString('base64')}` : code;
}

const SYNTAX = { ecmaVersion: 'latest', sourceType: 'module' };

/** What is wrong with names, as an export of a type, is no matter here. */
class Lenient extends Parser {
  raiseRecoverable() {}
}

/** The tree of a module; undefined for what acorn does not know, which Node may. */
function parsed(code, filename, masked) {
  try {
    return Lenient.parse(code, SYNTAX);
  } catch (error) {
    if (filename === undefined || code[error.pos] !== '@') return undefined;
    const name = /^@[\w.]*/.exec(code.slice(error.pos))[0];
    throw new SyntaxError(`${filename}:${lineOf(masked, masked.indexOf(name))}: the decorator ${name} is not understood`, { cause: error });
  }
}

export function isModule(source) {
  return /^\s*(import|export)\b/m.test(withoutTexts(source)) && !isScript(source);
}

function isScript(source) {
  try {
    Parser.parse(source, { ...SYNTAX, sourceType: 'script' });
    return true;
  } catch {
    return false;
  }
}

export function importedNames(source) {
  const program = parsed(source);
  return program ? namesIn(program) : new Map();
}

function namesIn(program) {
  const names = new Map();
  for (const { source, specifiers } of program.body) {
    if (!source || !isModuleName(source.value)) continue;
    const name = source.value.replace(/^@(\w+):/, '@$1.');
    const known = names.get(name) ?? [];
    for (const { type, imported: of, local } of specifiers ?? []) {
      const wanted = type === 'ImportSpecifier' ? of : type === 'ExportSpecifier' ? local : undefined;
      if (wanted && (wanted.name ?? wanted.value) !== 'default') known.push(wanted.name ?? wanted.value);
    }
    names.set(name, known);
  }
  return names;
}

/** A field that is declared and not initialised is for the compiler only; as a field it would hide what is inherited. */
function withoutFields(code, program) {
  let result = code;
  walk(program, ({ type, start, end, key, value, computed }) => {
    if (type !== 'PropertyDefinition' || value !== null || computed || key.type === 'PrivateIdentifier') return;
    result = `${result.slice(0, start)};${result.slice(start + 1, end).replace(/[^\n]/g, ' ')}${result.slice(end)}`;
  });
  return result;
}

function walk(node, visit) {
  if (Array.isArray(node)) {
    for (const each of node) walk(each, visit);
  } else if (typeof node?.type === 'string') {
    visit(node);
    for (const each of Object.values(node)) if (typeof each === 'object') walk(each, visit);
  }
}

/**
 * Exports for types, as undefined: `export { Opt, C } from './a'` does not say that Opt is one, and nothing
 * but a look at the other file could. And `require`, which OpenHarmony has in modules.
 */
function additions(program, masked, url) {
  const { exported, declared } = topLevel(program);
  let result = '';
  const types = /\bexport\s+(?:declare\s+)?(?:abstract\s+)?(?:interface|type|class|namespace|const\s+enum|enum|function|const|let|var)\s+([A-Za-z_$][\w$]*)/g;
  const erased = new Set([...masked.matchAll(types)].map(([, name]) => name));
  for (const [, list] of masked.matchAll(/\bexport\s+type\s*\{([^}]*)\}/g)) {
    for (const each of list.split(',')) erased.add(each.trim().split(/\s+as\s+/).pop());
  }
  for (const name of erased) {
    if (!/^[A-Za-z_$][\w$]*$/.test(name) || name === 'default' || exported.has(name)) continue;
    result += declared.has(name) ? ` export { ${name} };` : ` export let ${name};`;
    declared.add(name);
    exported.add(name);
  }
  for (const name of undeclared(program, declared)) result += ` let ${name};`;
  if (!exported.has('default') && /\bexport\s+default\s+(?:interface|abstract)\b/.test(masked)) result += ' export default undefined;';
  if (/\brequire\s*\(/.test(masked) && !declared.has('require')) result += ` import require from ${JSON.stringify(`ohsocket-require:${url}`)};`;
  return result && `\n;${result}`;
}

function topLevel(program) {
  const exported = new Set();
  const declared = new Set();
  const add = (node, to) => {
    for (const { id } of node.declarations ?? [node]) for (const name of bound(id)) to.add(name);
  };
  for (const node of program.body) {
    if (node.type === 'ExportDefaultDeclaration') exported.add('default');
    if (node.type === 'ImportDeclaration') for (const { local } of node.specifiers) declared.add(local.name);
    if (node.exported) exported.add(node.exported.name);
    for (const each of node.type === 'ExportNamedDeclaration' ? node.specifiers : []) exported.add(each.exported.name);
    const declaration = node.declaration ?? node;
    if (/^(Variable|Function|Class)Declaration$/.test(declaration.type)) {
      add(declaration, declared);
      if (node.type === 'ExportNamedDeclaration') add(declaration, exported);
    }
  }
  return { exported, declared };
}

/** The names that a pattern binds. */
function bound(pattern) {
  if (!pattern) return [];
  if (pattern.type === 'Identifier') return [pattern.name];
  const parts = pattern.properties?.map(({ value, argument }) => value ?? argument) ?? pattern.elements ?? [pattern.left ?? pattern.argument];
  return parts.flatMap(bound);
}

/** What `export { Opt }` names and nothing declares: a type of this file. */
function undeclared(program, declared) {
  const names = new Set();
  for (const { type, source, specifiers } of program.body) {
    if (type !== 'ExportNamedDeclaration' || source) continue;
    for (const { local } of specifiers) if (!declared.has(local.name)) names.add(local.name);
  }
  return names;
}
