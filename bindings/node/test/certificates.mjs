// Certificates for one run, made by openssl: an authority, a server, a client with an encrypted key, a stranger.

import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const SCRIPT = `set -e
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj '/CN=Test CA' -keyout ca.key -out ca.pem
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1' >names
for name in server client; do
  openssl req -newkey rsa:2048 -nodes -subj /CN=$name -keyout $name.key -out $name.csr
  openssl x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -out $name.pem -extfile names
done
openssl pkcs8 -topk8 -in client.key -out client.encrypted.key -passout pass:secret
openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=stranger -keyout stranger.key -out stranger.pem`;

export function certificates() {
  const folder = mkdtempSync(path.join(tmpdir(), 'ohsocket-certificates-'));
  try {
    execFileSync('sh', ['-c', SCRIPT], { cwd: folder, stdio: 'pipe' });
    const read = (name) => readFileSync(path.join(folder, name), 'utf8');
    return {
      ca: read('ca.pem'),
      server: { cert: read('server.pem'), key: read('server.key') },
      client: { cert: read('client.pem'), key: read('client.encrypted.key'), password: 'secret' },
      stranger: { cert: read('stranger.pem'), key: read('stranger.key') },
    };
  } finally {
    rmSync(folder, { recursive: true });
  }
}
