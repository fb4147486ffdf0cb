// TLSSocket, TLSSocketServer and TLSSocketConnection, with node:tls on the other side.

import { X509Certificate, createHash, createPrivateKey, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'node:test';
import assert from 'node:assert/strict';
import tls from 'node:tls';
import socket from 'ohsocket';
import { certificates } from './certificates.mjs';
import { run } from './child.mjs';
import { HOST, all, called, checkLeaks, closedPort, netServer, next, rejected, soon } from './helper.mjs';

checkLeaks();

const { ca, server: identity, client: own, stranger } = certificates();

async function tlsServer(options, onSecure = (peer) => peer.on('data', (data) => peer.write(data))) {
  const server = tls.createServer({ ...identity, ...options }, (peer) => {
    peer.on('error', () => {});
    onSecure(peer);
  });
  server.on('tlsClientError', () => {});
  server.listen(0, HOST);
  await once(server, 'listening');
  return { server, address: { address: HOST, port: server.address().port } };
}

async function listening(options) {
  const server = socket.constructTLSSocketServerInstance();
  await server.listen({ address: { address: HOST }, secureOptions: identity, ...options });
  return { server, address: await server.getLocalAddress() };
}

async function tlsClient({ port }, options) {
  const peer = tls.connect({ host: HOST, port, ca, servername: 'localhost', ...options });
  peer.on('error', () => {});
  await soon(once(peer, 'secureConnect'));
  return peer;
}

const der = (pem) => new Uint8Array(new X509Certificate(pem).raw);

test('several certificates, no resumption, and the secrets of a connection for Wireshark', async () => {
  const secureOptions = { ...stranger, moreIdentities: [identity], noSessionResumption: true };
  const { server, address } = await listening({ secureOptions });
  const echo = (client) => client.on('message', ({ message }) => client.send(message).catch(() => {}));
  server.on('connect', echo);
  const ask = async (servername, { port } = address) => {
    let tickets = 0;
    const peer = await tlsClient({ port }, { servername, rejectUnauthorized: false });
    peer.on('session', () => { tickets++; });
    const { CN } = peer.getPeerCertificate().subject;
    peer.write('x');
    await soon(once(peer, 'data'));
    peer.destroy();
    return [CN, tickets];
  };
  assert.deepEqual(await ask('localhost'), ['server', 0]);
  assert.deepEqual(await ask('elsewhere.example'), ['stranger', 0]);

  const folder = mkdtempSync(path.join(tmpdir(), 'ohsocket-keylog-'));
  try {
    const file = path.join(folder, 'keys.log');
    socket.setTLSKeylog(file);
    const { server: logged, address: of } = await listening();
    logged.on('connect', echo);
    await ask('localhost', of);
    await logged.close();
    socket.setTLSKeylog(undefined);
    assert.match(readFileSync(file, 'utf8'), /^CLIENT_TRAFFIC_SECRET_0 /m);
    assert.throws(() => socket.setTLSKeylog(path.join(folder, 'no', 'keys.log')), { code: 2301002 });
    for (const wrong of ['', 7, null, 'a\0b']) assert.throws(() => socket.setTLSKeylog(wrong), { code: 401 });
  } finally {
    rmSync(folder, { recursive: true });
  }
  for (const wrong of [7, [7], [{ cert: 7 }]]) {
    assert.throws(() => server.listen({ address: { address: HOST }, secureOptions: { ...identity, moreIdentities: wrong } }), { code: 401 });
  }
  assert.throws(() => server.listen({ address: { address: HOST }, secureOptions: { ...identity, noSessionResumption: 1 } }), { code: 401 });
  await server.close();
});

for (const form of ['promise', 'callback']) {
  const invoke = (target, method, ...args) => form === 'promise'
    ? soon(target[method](...args), method) : called(target, method, ...args);

  test(`a TLS client's life, two-way, ${form} form`, async () => {
    const { server, address } = await tlsServer({ ca, requestCert: true, rejectUnauthorized: true, ALPNProtocols: ['http/1.1'] });
    const client = socket.constructTLSSocketInstance();
    assert.deepEqual(await invoke(client, 'getState'), { isBound: false, isClose: false, isConnected: false });
    await rejected(invoke(client, 'close'), 2303600);
    await rejected(invoke(client, 'send', 'x'), 2303600);
    await rejected(invoke(client, 'getRemoteAddress'), 2303600);
    await invoke(client, 'bind', { address: HOST });
    await rejected(invoke(client, 'send', 'x'), 2303501);
    await rejected(invoke(client, 'getProtocol'), 2303501);
    const order = [];
    client.on('connect', () => order.push('connect'));
    await invoke(client, 'connect', {
      address, timeout: 6000, ALPNProtocols: ['spdy/1', 'http/1.1'],
      secureOptions: { ...own, ca: [ca], protocols: [socket.Protocol.TLSv12], cipherSuite: 'ECDHE-RSA-AES256-GCM-SHA384',
        signatureAlgorithms: 'rsa_pss_rsae_sha256:RSA+SHA256', useRemoteCipherPrefer: true },
    }).then(() => order.push('done'));
    assert.deepEqual(order, ['connect', 'done']);
    assert.equal(await invoke(client, 'getProtocol'), 'TLSv1.2');
    assert.deepEqual(await invoke(client, 'getCipherSuite'), ['ECDHE-RSA-AES256-GCM-SHA384']);
    assert.equal(await invoke(client, 'getALPNProtocol'), 'http/1.1');
    assert.deepEqual(await invoke(client, 'getCertificate'), { data: der(own.cert), encodingFormat: 0 });
    assert.deepEqual(await invoke(client, 'getRemoteCertificate'), { data: der(identity.cert), encodingFormat: 0 });
    assert.ok((await invoke(client, 'getSignatureAlgorithms')).length > 0);
    assert.deepEqual(await invoke(client, 'getRemoteAddress'), { ...address, family: 1 });
    assert.equal((await invoke(client, 'getState')).isConnected, true);
    assert.equal(client.isSessionReused(), false);
    await invoke(client, 'setExtraOptions', { TCPNoDelay: true });
    for (const data of ['text', Buffer.from('text'), new TextEncoder().encode('text').buffer]) {
      const echo = next(client, 'message');
      await invoke(client, 'send', data);
      const { message, remoteInfo } = await echo;
      assert.ok(message instanceof ArrayBuffer);
      assert.equal(Buffer.from(message).toString(), 'text');
      assert.deepEqual(remoteInfo, { address: HOST, family: 'IPv4', port: address.port, size: 4 });
    }
    await rejected(invoke(client, 'send', ''), 401);
    await invoke(client, 'close');
    assert.equal((await invoke(client, 'getState')).isClose, true);
    server.close();
  });

  test(`a TLS server's life, two-way, ${form} form`, async () => {
    const server = socket.constructTLSSocketServerInstance();
    await rejected(invoke(server, 'close'), 2303600);
    await invoke(server, 'listen', { address: { address: HOST }, ALPNProtocols: ['h2', 'http/1.1'],
      secureOptions: { ...identity, ca, isBidirectionalAuthentication: true } });
    const address = await invoke(server, 'getLocalAddress');
    assert.deepEqual(await invoke(server, 'getCertificate'), { data: der(identity.cert), encodingFormat: 0 });
    const arrived = next(server, 'connect');
    const peer = await tlsClient(address, { cert: own.cert, key: own.key, passphrase: own.password, ALPNProtocols: ['http/1.1'] });
    const client = await arrived;
    assert.ok(client instanceof socket.TLSSocketConnection);
    assert.equal(client.clientId, 1);
    assert.deepEqual(await invoke(client, 'getRemoteCertificate'), { data: der(own.cert), encodingFormat: 0 });
    assert.deepEqual(await invoke(client, 'getCipherSuite'), [peer.getCipher().name]);
    assert.equal(await invoke(client, 'getServerName'), 'localhost');
    assert.equal(peer.alpnProtocol, 'http/1.1');
    const message = next(client, 'message');
    peer.write('question');
    assert.equal(Buffer.from((await message).message).toString(), 'question');
    const answer = once(peer, 'data');
    await invoke(client, 'send', 'answer');
    assert.equal((await soon(answer))[0].toString(), 'answer');
    peer.end();
    await invoke(client, 'close');
    await rejected(invoke(client, 'close'), 2303600);
    await invoke(server, 'close');
  });
}

test('groups, pins, and a client certificate that may be missing', async () => {
  const { server, address } = await listening({ secureOptions: { ...identity, ca, optionalClientCertificate: true } });
  const pinOf = (pem) => createHash('sha256').update(new X509Certificate(pem).publicKey.export({ type: 'spki', format: 'der' })).digest('base64');
  for (const [groups, group, shown] of [['P-384', 'secp384r1', {}], ['P-521', 'secp521r1', own]]) {
    const client = socket.constructTLSSocketInstance();
    const arrived = next(server, 'connect');
    await client.connect({ address, secureOptions: { ca, groups, pins: [`sha256//${pinOf(identity.cert)}`], ...shown } });
    const connection = await arrived;
    assert.equal(await client.getGroup(), group);
    assert.equal(await called(connection, 'getGroup'), group);
    assert.deepEqual(await client.getRemoteCertificateChain(), [{ data: der(identity.cert), encodingFormat: 0 }]);
    const theirs = shown === own ? [{ data: der(own.cert), encodingFormat: 0 }] : [];
    assert.deepEqual(await called(connection, 'getRemoteCertificateChain'), theirs);
    await client.close();
  }
  server.on('connect', () => {});
  const peer = await tlsClient(address, { ecdhCurve: 'P-521' });
  assert.equal(peer.getEphemeralKeyInfo().name, 'secp521r1');
  peer.destroy();
  const client = socket.constructTLSSocketInstance();
  const failed = await rejected(client.connect({ address, secureOptions: { ca, pins: pinOf(own.cert) } }), 2303504);
  assert.match(failed.message, /no key of the chain is one of pins/);
  await rejected(client.connect({ address, secureOptions: { ca, groups: 'X25519:NONE' } }), 2303505);
  await rejected(client.connect({ address, secureOptions: { ca, pins: ['x'] } }), 2303505);
  await server.close();
});

test('certificates that are not to be trusted: 2303504, with the reason', async () => {
  const { server, address } = await tlsServer();
  const client = socket.constructTLSSocketInstance();
  const untrusted = await rejected(client.connect({ address, secureOptions: { ca: stranger.cert } }), 2303504);
  assert.match(untrusted.message, /certificate/);
  await rejected(client.connect({ address, serverName: 'example.org', secureOptions: { ca } }), 2303504);
  assert.equal(untrusted.category, socket.ErrorCategory.TLS);
  await client.connect({ address, skipRemoteValidation: true, secureOptions: {} });
  await client.close();
  server.close();
});

test('credentials and options that are wrong, told by connect and listen at once', async () => {
  const client = socket.constructTLSSocketInstance();
  const server = socket.constructTLSSocketServerInstance();
  const address = { address: HOST, port: 9 };
  const mistakes = [
    [{ ...own, password: 'wrong' }, /: key: the password/],
    [{ cert: own.cert, key: stranger.key }, /: cert, key: the key does not belong/],
    [{ ...own, key: 'none' }, /: key: no private key/],
    [{ cipherSuite: 'NO-SUCH-SUITE' }, /: cipherSuite: "NO-SUCH-SUITE"/],
    [{ signatureAlgorithms: 'NO-SUCH-ALGORITHM' }, /: signatureAlgorithms: "NO-SUCH-ALGORITHM"/],
    [{ ca: 'not PEM' }, /ca:/],
  ];
  for (const [secureOptions, reason] of mistakes) {
    for (const wrong of [client.connect({ address, secureOptions }),
      server.listen({ address: { address: HOST }, secureOptions: { ...identity, ...secureOptions } })]) {
      const error = await soon(wrong.then(() => undefined, (e) => e));
      assert.equal(error?.category, socket.ErrorCategory.TLS, String(error));
      assert.match(error.message, reason);
    }
  }
  assert.match((await rejected(server.listen({ address: { address: HOST }, secureOptions: {} }), 2303505)).message, /: cert, key: a server needs/);
  const moreIdentities = [{ cert: 'none', key: 'none' }];
  assert.match((await rejected(server.listen({ address: { address: HOST }, secureOptions: { ...identity, moreIdentities } }), 2303505)).message,
    /: moreIdentities\[0\]\.key: /);
  const long = 'x'.repeat(1100000);
  for (const [options, reason] of [
    [{ serverName: 'two words' }, /^Parameter error: serverName: "two words" is not a host name/],
    [{ serverName: 'a\0b' }, /serverName must have no NUL/],
    [{ ALPNProtocols: ['h2', ''] }, /ALPNProtocols\[1\] is empty/],
    [{ ALPNProtocols: new Array(101).fill('h2') }, /ALPNProtocols must have up to 100/],
    [{ secureOptions: { ca: new Array(1001).fill('x') } }, /ca must have up to 1000/],
    [{ secureOptions: { ca: ['x', long] } }, /ca\[1\] is longer/],
    [{ secureOptions: { cert: long, key: 'x' } }, /^Parameter error: cert is longer/],
    [{ secureOptions: { cipherSuite: long } }, /cipherSuite is longer/],
    [{ secureOptions: { moreIdentities: [{ cert: 'a\0b', key: 'x' }] } }, /moreIdentities\[0\]\.cert must have no NUL/],
  ]) {
    // What JavaScript can tell is thrown, what only the library can is delivered.
    const error = await Promise.resolve().then(() => client.connect({ address, secureOptions: {}, ...options })).then(() => undefined, (e) => e);
    assert.equal(error?.code, 401, String(error));
    assert.match(error.message, reason);
  }
  for (const secureOptions of [7, 'text', { ca: 7 }, { ca: [7] }, { key: 7 }, { cert: {} }, { protocols: 'SSLv3' },
    { useRemoteCipherPrefer: 1 }, { cipherSuite: [] }]) {
    assert.throws(() => client.connect({ address, secureOptions }), { code: 401 });
  }
  assert.throws(() => client.connect({ address, secureOptions: {}, ALPNProtocols: [1] }), { code: 401 });
  assert.throws(() => client.connect(null), { code: 401 });
  assert.throws(() => client.send(undefined), { code: 401 });
  assert.throws(() => client.send({ data: 'x' }), { code: 401 });
  assert.throws(() => server.listen(undefined), { code: 401 });
  await rejected(client.connect({ address: await closedPort(), secureOptions: { ca } }), 2303211);
});

test('a client that the server does not know is an error event, and the server goes on', async () => {
  const { server, address } = await listening({ secureOptions: { ...identity, ca, isBidirectionalAuthentication: true } });
  server.on('connect', (client) => client.close().catch(() => {}));
  const refused = next(server, 'error');
  tls.connect({ host: HOST, port: address.port, ca, cert: stranger.cert, key: stranger.key, servername: 'localhost' }).on('error', () => {});
  assert.equal((await refused).code, 2303504);
  const peer = await tlsClient(address, { cert: own.cert, key: own.key, passphrase: own.password });
  await soon(all(peer));
  await server.close();
});

test('a running server takes other certificates', async () => {
  const { server, address } = await listening({ secureOptions: stranger });
  server.on('connect', (client) => client.on('message', () => {}));
  const shown = async () => {
    const peer = await tlsClient(address, { rejectUnauthorized: false, ALPNProtocols: ['x'] });
    const { CN } = peer.getPeerCertificate().subject;
    peer.destroy();
    return [CN, peer.alpnProtocol];
  };
  assert.deepEqual(await shown(), ['stranger', false]);
  assert.equal(server.setSecureOptions({ secureOptions: identity, ALPNProtocols: ['x'] }), server);
  assert.deepEqual(await shown(), ['server', 'x']);
  assert.throws(() => server.setSecureOptions({ secureOptions: { ...identity, key: 'none' } }), { code: 2303505 });
  assert.throws(() => server.setSecureOptions(undefined), { code: 401 });
  assert.throws(() => server.setSecureOptions({}), { code: 401 });
  assert.deepEqual(await shown(), ['server', 'x']);
  await server.close();
});

test('an optional argument may be undefined', () => {
  assert.ok(socket.constructTLSSocketInstance(undefined) instanceof socket.TLSSocket);
  assert.throws(() => socket.constructTLSSocketInstance(undefined, 1), { code: 401 });
  assert.throws(() => socket.constructTLSSocketInstance(null), { code: 401 });
});

test('a TCPSocket whose connection was taken over connects and closes again', async () => {
  const { server, address } = await netServer((peer) => peer.on('error', () => {}).resume());
  const tcp = socket.constructTCPSocketInstance();
  await tcp.connect({ address });
  await socket.constructTLSSocketInstance(tcp).close();
  for (const what of ['first', 'second']) {
    await tcp.connect({ address });
    await soon(tcp.close(), `${what} close`); // a listener would renew the subscription
  }
  server.close();
});

test('an upgrade of a TCP connection', async () => {
  const { server, address } = await netServer((peer) => {
    peer.on('error', () => {});
    peer.write('go ahead');
    const secure = new tls.TLSSocket(peer, { isServer: true, ...identity });
    secure.on('error', () => {});
    secure.on('data', (data) => secure.end(data));
  });
  assert.throws(() => socket.constructTLSSocketInstance({}), { code: 401 });
  const tcp = socket.constructTCPSocketInstance();
  assert.throws(() => socket.constructTLSSocketInstance(tcp), { code: 2303601 });
  await tcp.bind({ address: HOST });
  assert.throws(() => socket.constructTLSSocketInstance(tcp), { code: 2303602 });
  const ready = next(tcp, 'message');
  await tcp.connect({ address });
  assert.equal(Buffer.from((await ready).message).toString(), 'go ahead');
  const client = socket.constructTLSSocketInstance(tcp);
  await client.connect({ address: { address: 'localhost', port: address.port }, secureOptions: { ca } });
  const echo = next(client, 'message');
  const closed = next(client, 'close');
  await client.send('secret');
  assert.equal(Buffer.from((await echo).message).toString(), 'secret');
  await closed;
  assert.equal((await tcp.getState()).isConnected, false);
  server.close();
});

test('megabytes over the stream view, both ways', async () => {
  const { server, address } = await listening();
  server.on('connect', (client) => {
    const stream = client.duplex();
    stream.pipe(stream);
  });
  const client = socket.constructTLSSocketInstance();
  await client.connect({ address, secureOptions: { ca } });
  const stream = client.duplex();
  const data = Buffer.alloc(4 << 20);
  for (let i = 0; i < data.length; i += 4) data.writeUInt32LE(i, i);
  const received = all(stream);
  stream.end(data);
  assert.ok((await soon(received)).equals(data));
  await server.close();
});

// The child makes its texts of numbers, as strings of 16-bit units: V8 has them in another form than C. So every
// copy in UTF-8 that there is in its memory was made on the way to the library.
const SECRETS = `
  import { readFileSync } from 'node:fs';
  const { codes, address } = JSON.parse(readFileSync(process.env.SECRETS, 'latin1'));
  const wide = (numbers) => String.fromCharCode(0x4e2d, 10, ...numbers.map((n) => n ^ 1));
  const tls = socket.constructTLSSocketInstance();
  const secureOptions = { cert: wide(codes.cert), ca: wide(codes.ca), key: wide(codes.key), password: wide(codes.password) };
  globalThis.control = Buffer.from(codes.control.map((n) => n ^ 1));
  const error = await tls.connect({ address, secureOptions }).catch((e) => e);
  console.log('connect:', error.code);
  setInterval(() => {}, 1000);`;

/** Which of some texts the writable memory of a process has. */
function inMemory(pid, texts) {
  const found = new Set();
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  const chunk = Buffer.alloc(1 << 20);
  const overlap = 4096;
  for (const line of readFileSync(`/proc/${pid}/maps`, 'latin1').split('\n')) {
    const [range, access] = line.split(' ');
    if (!access?.startsWith('rw')) continue;
    const [from, to] = range.split('-').map((text) => Number.parseInt(text, 16));
    for (let at = from; at < to; at += chunk.length - overlap) {
      const n = readSync(memory, chunk, 0, Math.min(chunk.length, to - at), at);
      for (const [name, text] of Object.entries(texts)) if (chunk.subarray(0, n).includes(text)) found.add(name);
      if (to - at <= chunk.length) break;
    }
  }
  closeSync(memory);
  return [...found];
}

/** What a child has in its memory of a key, its pass phrase and a control after a connect with them. */
async function secretsLeft(environment) {
  const password = randomBytes(400).toString('hex');
  const control = randomBytes(24).toString('hex');
  const passphrase = `\u4e2d\n${password}`;
  const key = createPrivateKey({ key: own.key, passphrase: own.password })
    .export({ type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase });
  const folder = mkdtempSync(path.join(tmpdir(), 'ohsocket-secrets-'));
  let child;
  let seen;
  let done;
  try {
    const codes = { cert: own.cert, ca, key, password, control };
    for (const [name, text] of Object.entries(codes)) codes[name] = [...Buffer.from(text)].map((n) => n ^ 1);
    writeFileSync(path.join(folder, 'codes'), JSON.stringify({ codes, address: await closedPort() }));
    const env = { ...process.env, SECRETS: path.join(folder, 'codes'), ...environment };
    ({ child, seen, done } = run(SECRETS, { env }));
    // Refused by the system: so the library has taken the key, and decrypted it with the pass phrase.
    assert.equal((await seen(/connect: (\S+)/))[1], '2303211');
    // Parts, because some of what was freed may have been overwritten by chance.
    const texts = { control };
    for (let at = 0; at < password.length; at += 50) texts[`password at ${at}`] = password.slice(at, at + 40);
    for (const [number, line] of key.split('\n').slice(1, -2).entries()) texts[`line ${number} of the key`] = line.slice(0, 40);
    return inMemory(child.pid, texts);
  } finally {
    child?.kill();
    await done;
    rmSync(folder, { recursive: true });
  }
}

test('private keys and pass phrases are wiped from what C has allocated', async () => {
  assert.deepEqual(await secretsLeft({}), ['control']);
});

// The test above would fail if the addon did not wipe. (The memory of the key, which is wiped in the same loop, is
// used again at once.)
test('a pass phrase that is not wiped is found', async () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'ohsocket-unwiped-'));
  try {
    const library = path.join(folder, 'unwiped.so');
    const source = 'void explicit_bzero(void *p, unsigned long n) { (void) p, (void) n; }';
    const compiler = process.env.CC ?? 'cc';
    execFileSync(compiler, ['-shared', '-fPIC', '-fno-builtin', '-xc', '-', '-o', library], { input: source });
    assert.match((await secretsLeft({ LD_PRELOAD: library })).join(), /password at/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
