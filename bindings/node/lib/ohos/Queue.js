'use strict';
// @ohos.util.Queue

module.exports = require('./containers.js').Queue;
