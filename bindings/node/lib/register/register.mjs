// node --import ohsocket/register program.ts
// Lets OpenHarmony's module names resolve, and files of TypeScript and ArkTS run.

import module from 'node:module';
import './programs.mjs';
import { load, resolve } from './hooks.mjs';

process.setSourceMapsEnabled(true); // for the places of errors in what has been translated
if (typeof module.registerHooks === 'function') module.registerHooks({ load, resolve });
else module.register('./hooks.mjs', import.meta.url);
