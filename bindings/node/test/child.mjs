// Programs of their own: what the tests start in another process.

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { once } from 'node:events';
import { soon } from './helper.mjs';

const here = fileURLToPath(new URL('.', import.meta.url));

/** Starts node with arguments; done gives what it has printed and how it ended. */
export function node(args, options = {}) {
  const child = spawn(process.execPath, args, { cwd: here, stdio: ['ignore', 'pipe', 'pipe'], ...options });
  const output = { stdout: '', stderr: '' };
  const waiting = [];
  for (const name of ['stdout', 'stderr']) {
    child[name].setEncoding('utf8').on('data', (text) => {
      output[name] += text;
      for (const check of waiting) check();
    });
  }
  const done = once(child, 'close').then(([code, signal]) => ({ ...output, code, signal }));
  return {
    child,
    done: soon(done, `end of node ${args.join(' ')}`).catch((error) => {
      child.kill('SIGKILL');
      error.message += `: ${output.stdout} ${output.stderr}`;
      throw error;
    }),
    /** What a pattern finds in the output, as soon as it is there. */
    seen: (pattern, name = 'stdout') => soon(new Promise((resolve) => {
      const check = () => {
        const match = pattern.exec(output[name]);
        if (match) resolve(match);
      };
      waiting.push(check);
      check();
    }), `${pattern} in the output`),
  };
}

/** Runs a text as a module. */
export function run(source, options) {
  return node(['--expose-gc', '--input-type=module', '-e', `import socket from 'ohsocket';\n${source}`], options);
}
