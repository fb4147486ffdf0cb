// node --import ohsocket/register program.ts
// Lets OpenHarmony's module names resolve, and files of TypeScript and ArkTS run.

import module from 'node:module';
import './programs.mjs';
import { load, resolve } from './hooks.mjs';
import { moduleOf } from '../ohos/modules.js';
import { isModuleName } from '../ohos/names.js';

process.setSourceMapsEnabled(true); // for the places of errors in what has been translated
if (typeof module.registerHooks === 'function') module.registerHooks({ load, resolve });
else module.register('./hooks.mjs', import.meta.url);

// `require` of the names: older Node has no hooks for it.
const loadModule = module._load;
module._load = function load_(request, ...rest) {
  return isModuleName(request) ? moduleOf(request).required : loadModule.call(this, request, ...rest);
};
