'use strict';
// OpenHarmony's modules, as far as they are here: made when a program first asks for one.

const { modules, kits, namesOf, normal } = require('./names.js');

const made = new Map();
const WHERE = 'docs/reference/openharmony.md of ohsocket lists what is';

/** { api, named(name), required }: the default export, the others, and what `require` returns. */
function moduleOf(request) {
  const name = normal(request);
  if (!made.has(name)) made.set(name, make(name));
  return made.get(name);
}

function make(name) {
  if (Object.hasOwn(kits, name)) return withNames(name, absent(`${name} has no default export`), (each) => ofKit(name, each));
  if (!Object.hasOwn(modules, name)) return withNames(name, absent(`${name} is not here; ${WHERE}`), (each) => missing(name, each));
  const [file] = modules[name];
  const api = require(`./${file}.js`);
  // The socket module is this package's own, and more than OpenHarmony's.
  const checked = file === 'socket' || typeof api === 'function' ? api : complete(name, api);
  return withNames(name, checked, (each) => {
    if (Object.hasOwn(api, each)) return api[each];
    return each === file ? checked : missing(name, each); // `{ socket }` of @ohos.net.socket, and the like
  });
}

function ofKit(kit, name) {
  if (!Object.hasOwn(kits[kit], name)) return missing(kit, name);
  const of = moduleOf(kits[kit][name]);
  return kits[kit][name] === '@ohos.base' ? of.named(name) : of.api;
}

/** `require` gives what `import` gives by default, with the other names and `default` beside it. */
function withNames(name, api, named) {
  const required = new Proxy(Object(api), {
    get(target, key) {
      if (key === '__esModule') return false;
      if (key === 'default') return api;
      return namesOf(name).includes(key) || Object.hasOwn(kits, name) && typeof key === 'string' ? named(key) : Reflect.get(target, key);
    },
  });
  return { api, named, required };
}

// What JavaScript itself looks for.
const LANGUAGE = new Set(['then', 'toJSON', 'constructor', 'prototype', 'default', '__esModule', 'inspect', 'toString', 'valueOf']);

/** The module; what is not here can be read, as programs do at their beginning, and says so when it is used. */
function complete(name, api) {
  return new Proxy(api, {
    get(target, key) {
      if (key in target || typeof key === 'symbol' || LANGUAGE.has(key)) return Reflect.get(target, key);
      return missing(name, key);
    },
  });
}

const missing = (name, each) => absent(`${name}: ${each} is not here; ${WHERE}`);

/** Stands for what is not here. A program can import it and extend it; any use of it is an error that says why. */
function absent(why) {
  const fail = () => {
    throw new Error(why);
  };
  return new Proxy(class Absent {}, {
    get: (target, key) => (typeof key === 'symbol' || LANGUAGE.has(key) ? Reflect.get(target, key) : fail()),
    set: fail, apply: fail, construct: fail,
  });
}

module.exports = { moduleOf, absent };
