'use strict';
// @ohos.events.emitter. Listeners run in a turn of their own, as on a device.

const EventPriority = Object.freeze({ IMMEDIATE: 0, HIGH: 1, LOW: 2, IDLE: 3 });

const listeners = new Map();
const idOf = (event) => (typeof event === 'object' ? event.eventId : event);

function add(event, listener, once) {
  const id = idOf(event);
  const list = listeners.get(id) ?? [];
  if (!list.some((each) => each.listener === listener && each.once === once)) list.push({ listener, once });
  listeners.set(id, list);
}

function off(event, listener) {
  const id = idOf(event);
  const left = listener === undefined ? [] : (listeners.get(id) ?? []).filter((each) => each.listener !== listener);
  if (left.length > 0) listeners.set(id, left);
  else listeners.delete(id);
}

/** emit(event, data), and for events of a text emit(id, options, data). */
function emit(event, ...rest) {
  const data = rest.findLast((each) => each !== undefined && (each.priority === undefined || each.data !== undefined)) ?? {};
  setImmediate(() => {
    for (const each of [...listeners.get(idOf(event)) ?? []]) {
      if (each.once) off(event, each.listener);
      each.listener({ ...data });
    }
  });
}

module.exports = {
  EventPriority,
  on: (event, listener) => add(event, listener, false),
  once: (event, listener) => add(event, listener, true),
  off,
  emit,
  getListenerCount: (event) => (listeners.get(idOf(event)) ?? []).length,
};
