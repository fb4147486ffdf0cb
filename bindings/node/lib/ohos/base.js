'use strict';
// @ohos.base, as far as it is no types. An import that names these without `type` must still find them.

const { BusinessError } = require('../errors.js');

module.exports = { BusinessError, AsyncCallback: undefined, Callback: undefined, ErrorCallback: undefined };
