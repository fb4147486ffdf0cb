'use strict';
// @ohos.util.ArrayList

module.exports = require('./containers.js').ArrayList;
