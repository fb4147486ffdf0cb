'use strict';
// The names of what sockets keep to themselves.

for (const name of ['handle', 'slot', 'listeners', 'open', 'bound', 'closing', 'paused', 'held', 'replaying',
  'referenced', 'resource', 'compat', 'deferred', 'joined', 'event', 'deliver', 'emit', 'subscribe', 'hold', 'replay',
  'step', 'drop', 'finish', 'opened', 'closed', 'close', 'refuse', 'send', 'read', 'prepare', 'cancel',
  'view', 'failed', 'left', 'leave', 'last', 'keep', 'queue', 'inTurn', 'mustWait']) {
  exports[`k${name[0].toUpperCase()}${name.slice(1)}`] = Symbol(`ohsocket.${name}`);
}
