'use strict';
// @ohos.net.socket: this package.

module.exports = require('../index.js');
