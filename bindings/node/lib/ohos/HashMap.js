'use strict';
// @ohos.util.HashMap

module.exports = require('./containers.js').HashMap;
