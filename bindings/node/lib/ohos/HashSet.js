'use strict';
// @ohos.util.HashSet

module.exports = require('./containers.js').HashSet;
