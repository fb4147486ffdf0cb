'use strict';
// @ohos.util.json on JavaScript's JSON.

module.exports = {
  stringify: (value, replacer, space) => JSON.stringify(value, replacer, space),
  parse: (text, reviver) => JSON.parse(text, reviver),
  has: (object, name) => Object.hasOwn(object, name),
  remove: (object, name) => {
    delete object[name];
  },
};
