'use strict';
// @ohos.net.connection: the network of this machine, which has one, as Node sees it.

const dns = require('node:dns');
const os = require('node:os');
const { BusinessError } = require('../errors.js');
const { Family } = require('../constants.js');

const NetBearType = Object.freeze({ BEARER_CELLULAR: 0, BEARER_WIFI: 1, BEARER_BLUETOOTH: 2, BEARER_ETHERNET: 3, BEARER_VPN: 4 });
const NetCap = Object.freeze({ NET_CAPABILITY_MMS: 0, NET_CAPABILITY_NOT_METERED: 11, NET_CAPABILITY_INTERNET: 12, NET_CAPABILITY_NOT_VPN: 15, NET_CAPABILITY_VALIDATED: 16 });
const NOT_FOUND = 2100003; // "System internal error": what a device has for a name that is not found

const address = (text, port = 0) => ({ address: text, family: text.includes(':') ? Family.IPV6 : Family.IPV4, port });

async function getAddressesByName(host) {
  try {
    return (await dns.promises.lookup(host, { all: true })).map((each) => address(each.address));
  } catch (error) {
    throw new BusinessError(NOT_FOUND, `${host}: ${error.message}`, { cause: error });
  }
}

class NetHandle {
  netId = 100;

  getAddressesByName(host, callback) {
    return answer(getAddressesByName(host), callback);
  }

  getAddressByName(host, callback) {
    return answer(getAddressesByName(host).then(([first]) => first), callback);
  }

  /** There is one network: a socket uses it anyway. */
  bindSocket(_socket, callback) {
    return answer(Promise.resolve(), callback);
  }
}

const handle = new NetHandle();

/** The interfaces that have an address; the loopback's when no other has one. */
function links() {
  const all = Object.entries(os.networkInterfaces()).flatMap(([name, list]) => list.map((each) => ({ name, ...each })));
  const external = all.filter(({ internal }) => !internal);
  return external.length > 0 ? external : all;
}

function properties() {
  const found = links().sort((a, b) => Number(a.family === 'IPv6') - Number(b.family === 'IPv6'));
  return {
    interfaceName: found[0]?.name ?? '',
    domains: '',
    linkAddresses: found.map((each) => ({ address: address(each.address), prefixLength: Number(each.cidr?.split('/')[1] ?? 0) })),
    routes: [],
    dnses: dns.getServers().map((server) => address(server.replace(/^\[?([^\]]*?)\]?(:\d+)?$/, (_, host) => host))),
    mtu: 1500,
  };
}

const capabilities = () => ({
  bearerTypes: [NetBearType.BEARER_ETHERNET],
  networkCap: [NetCap.NET_CAPABILITY_INTERNET, NetCap.NET_CAPABILITY_NOT_VPN, NetCap.NET_CAPABILITY_VALIDATED],
  linkUpBandwidthKbps: 0,
  linkDownBandwidthKbps: 0,
});

/** A promise, or a call of the callback. */
function answer(promise, callback) {
  if (typeof callback !== 'function') return promise;
  promise.then((value) => setImmediate(callback, undefined, value), (error) => setImmediate(callback, error));
  return undefined;
}

const both = (sync) => (...args) => {
  const callback = args.find((each) => typeof each === 'function');
  return answer(new Promise((resolve) => {
    resolve(sync(...args));
  }), callback);
};

/** Says once that the network is there, when it is registered; this network does not change. */
class NetConnection {
  #listeners = new Map();

  on(type, listener) {
    this.#listeners.set(type, listener);
  }

  register(callback) {
    setImmediate(() => {
      callback?.(undefined);
      this.#listeners.get('netAvailable')?.(handle);
      this.#listeners.get('netCapabilitiesChange')?.({ netHandle: handle, netCap: capabilities() });
      this.#listeners.get('netConnectionPropertiesChange')?.({ netHandle: handle, connectionProperties: properties() });
    });
  }

  unregister(callback) {
    this.#listeners.clear();
    setImmediate(() => callback?.(undefined));
  }
}

module.exports = {
  NetBearType,
  NetCap,
  createNetConnection: () => new NetConnection(),
  getDefaultNet: both(() => handle),
  getDefaultNetSync: () => handle,
  getAllNets: both(() => [handle]),
  getAllNetsSync: () => [handle],
  getConnectionProperties: both(properties),
  getConnectionPropertiesSync: properties,
  getNetCapabilities: both(capabilities),
  getNetCapabilitiesSync: capabilities,
  hasDefaultNet: both(() => true),
  hasDefaultNetSync: () => true,
  isDefaultNetMetered: both(() => false),
  isDefaultNetMeteredSync: () => false,
  getAddressesByName: (host, callback) => answer(getAddressesByName(host), callback),
};
