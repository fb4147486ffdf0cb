#!/usr/bin/env bash
# Makes the certificates of the TLS tests: certificates.sh DIRECTORY. An authority (ca), two servers for localhost
# (server, second) and a client signed by it, the client's key encrypted too (pass phrase: secret), and a server
# signed by an authority that nobody knows (stranger).
set -euo pipefail
directory=${1:?usage: certificates.sh DIRECTORY}
mkdir -p "$directory"
cd "$directory"

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null; }

authority() {
    key "$1"
    openssl req -x509 -new -key "$1.key" -days 3650 -subj "/CN=$1" -out "$1.pem" \
        -addext basicConstraints=critical,CA:TRUE -addext keyUsage=critical,keyCertSign,cRLSign
}

signed() { # name authority
    key "$1"
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -set_serial "0x$(openssl rand -hex 8)" -days 3650 \
        -extfile <(echo subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1) -out "$1.pem" 2>/dev/null
    rm "$1.csr"
}

authority ca
authority unknown
signed server ca
signed second ca
signed client ca
signed stranger unknown
openssl pkcs8 -topk8 -in client.key -out client_encrypted.key -passout pass:secret
touch made
