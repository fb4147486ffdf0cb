'use strict';
// @ohos.hilog on stderr: a line for each call, "I A0FF00/tag: text".

const LogLevel = Object.freeze({ DEBUG: 3, INFO: 4, WARN: 5, ERROR: 6, FATAL: 7 });

let least = LogLevel.DEBUG;

/** %{public}s, %{private}s and %s, with d, i, s, f, o, O: what is not public is not shown. */
function format(text, values) {
  let next = 0;
  const formatted = String(text).replace(/%(?:\{(public|private)\})?([disfoO%])/g, (whole, privacy, type) => {
    if (type === '%') return '%';
    if (next >= values.length) return whole;
    const value = values[next++];
    if (privacy !== 'public') return '<private>';
    return typeof value === 'object' && value !== null ? JSON.stringify(value) : String(value);
  });
  return formatted;
}

const write = (letter, level) => (domain, tag, text, ...values) => {
  if (!isLoggable(domain, tag, level)) return;
  process.stderr.write(`${letter} A${Number(domain).toString(16).toUpperCase().padStart(5, '0')}/${tag}: ${format(text, values)}\n`);
};

const isLoggable = (_domain, _tag, level) => level >= least;

module.exports = {
  LogLevel,
  debug: write('D', LogLevel.DEBUG),
  info: write('I', LogLevel.INFO),
  warn: write('W', LogLevel.WARN),
  error: write('E', LogLevel.ERROR),
  fatal: write('F', LogLevel.FATAL),
  isLoggable,
  setMinLogLevel: (level) => {
    least = level;
  },
};
