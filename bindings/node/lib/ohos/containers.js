'use strict';
// @ohos.util.ArrayList, Queue, HashMap and HashSet, on JavaScript's own.

class ArrayList extends Array {
  static get [Symbol.species]() {
    return Array;
  }

  add(value) {
    this.push(value);
    return true;
  }

  insert(value, index) {
    this.splice(index, 0, value);
  }

  has(value) {
    return this.includes(value);
  }

  get(index) {
    return this[index];
  }

  getIndexOf(value) {
    return this.indexOf(value);
  }

  removeByIndex(index) {
    return this.splice(index, 1)[0];
  }

  remove(value) {
    const index = this.indexOf(value);
    if (index >= 0) this.splice(index, 1);
    return index >= 0;
  }

  clear() {
    this.length = 0;
  }

  isEmpty() {
    return this.length === 0;
  }

  convertToArray() {
    return [...this];
  }
}

class Queue extends Array {
  add(value) {
    this.push(value);
    return true;
  }

  getFirst() {
    return this[0];
  }

  pop() {
    return this.shift();
  }
}

class HashMap extends Map {
  get length() {
    return this.size;
  }

  hasKey(key) {
    return this.has(key);
  }

  hasValue(value) {
    return [...this.values()].includes(value);
  }

  setAll(other) {
    for (const [key, value] of other) this.set(key, value);
  }

  remove(key) {
    const value = this.get(key);
    this.delete(key);
    return value;
  }

  isEmpty() {
    return this.size === 0;
  }
}

class HashSet extends Set {
  get length() {
    return this.size;
  }

  remove(value) {
    return this.delete(value);
  }

  isEmpty() {
    return this.size === 0;
  }
}

module.exports = { ArrayList, Queue, HashMap, HashSet };
