'use strict';

const { ClientSocket } = require('./client.js');
const { Kind } = require('./constants.js');

class TCPSocket extends ClientSocket {
  constructor() {
    super(Kind.TCP);
  }
}

module.exports = { TCPSocket };
