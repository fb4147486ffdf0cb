#!/usr/bin/env bash
# Makes the certificates of the TLS tests: certificates.sh FOLDER. It does nothing if they are there and good for a day
# more. Nothing of it is a secret, and nothing trusts it but the tests.
#
#   root-T.pem             T: rsa ec ed; roots.pem has the three
#   server-T.pem .key      the leaf and its intermediate, for localhost, server.test, 127.0.0.1 and ::1
#   client-T.pem .key      the same for a client
#   expired future weak other-host leaf-only self-signed untrusted (.pem .key)   servers that nobody should accept,
#   client-expired ...     and clients
set -euo pipefail
folder=${1:?usage: certificates.sh FOLDER}
script=$(realpath "$0")

if [ -e "$folder/made" ] && [ ! "$script" -nt "$folder/made" ] &&
    openssl x509 -in "$folder/root-rsa.pem" -noout -checkend 86400 >/dev/null; then
    exit 0
fi

rm -rf "$folder"
mkdir -p "$folder"
cd "$folder"
exec 2>log

# Dates of their own can be given to `openssl ca` only. It starts long ago: a clock may be behind.
from=20200101000000Z
until=$(date -u -d '+2 years' +%Y%m%d%H%M%SZ)
: >index
cat >config <<'END'
[ca]
default_ca = tests
[tests]
database = index
new_certs_dir = .
rand_serial = yes
policy = any
default_md = default
email_in_dn = no
unique_subject = no
copy_extensions = none
[any]
commonName = supplied
[req]
distinguished_name = name
[name]
[root]
basicConstraints = critical, CA:TRUE
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
[authority]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
[server]
basicConstraints = CA:FALSE
extendedKeyUsage = serverAuth
subjectAltName = ${ENV::NAMES}
authorityKeyIdentifier = keyid
[client]
basicConstraints = CA:FALSE
extendedKeyUsage = clientAuth
authorityKeyIdentifier = keyid
END
export OPENSSL_CONF=$PWD/config
export NAMES=DNS:localhost,DNS:server.test,IP:127.0.0.1,IP:::1

key() { # FILE TYPE
    case $2 in
        rsa) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out "$1" ;;
        weak) openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:1024 -out "$1" ;;
        ec) openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" ;;
        ed) openssl genpkey -algorithm ED25519 -out "$1" ;;
    esac
}

# sign NAME ISSUER EXTENSIONS [FROM UNTIL]: NAME.leaf of NAME.key. ISSUER "self": by the key itself.
sign() {
    local how=(-cert "$2.leaf" -keyfile "$2.key")
    [ "$2" != self ] || how=(-selfsign -keyfile "$1.key")
    openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
    openssl ca -batch -notext -config config -in "$1.csr" -out "$1.leaf" "${how[@]}" -extensions "$3" \
        -startdate "${4:-$from}" -enddate "${5:-$until}"
}

# leaf NAME TYPE EXTENSIONS [FROM UNTIL]: with the intermediate that a peer needs.
leaf() {
    local issuer=$2
    [ "$2" != weak ] || issuer=rsa
    key "$1.key" "$2"
    sign "$1" "authority-$issuer" "${@:3}"
    cat "$1.leaf" "authority-$issuer.leaf" >"$1.pem"
}

for type in rsa ec ed; do
    key "root-$type.key" "$type"
    sign "root-$type" self root
    cp "root-$type.leaf" "root-$type.pem"
    key "authority-$type.key" "$type"
    sign "authority-$type" "root-$type" authority
    leaf "server-$type" "$type" server
    leaf "client-$type" "$type" client
done
cat root-rsa.pem root-ec.pem root-ed.pem >roots.pem

for role in server client; do
    prefix=
    [ "$role" = server ] || prefix=client-
    leaf "${prefix}expired" ec "$role" 20200101000000Z 20210101000000Z
    leaf "${prefix}future" ec "$role" "$(date -u -d '+1 year' +%Y%m%d%H%M%SZ)" "$until"
    leaf "${prefix}weak" weak "$role"
    leaf "${prefix}leaf-only" ec "$role"
    cp "${prefix}leaf-only.leaf" "${prefix}leaf-only.pem"
    key "${prefix}self-signed.key" ec
    sign "${prefix}self-signed" self "$role"
    cp "${prefix}self-signed.leaf" "${prefix}self-signed.pem"
    key "${prefix}untrusted-root.key" ec
    sign "${prefix}untrusted-root" self root
    key "${prefix}untrusted.key" ec
    sign "${prefix}untrusted" "${prefix}untrusted-root" "$role"
    cat "${prefix}untrusted.leaf" "${prefix}untrusted-root.leaf" >"${prefix}untrusted.pem"
done

# Good certificates for other names.
NAMES=DNS:other.test,IP:192.0.2.1 leaf other-host ec server
NAMES=DNS:alpha.test leaf alpha ec server
NAMES=DNS:beta.test leaf beta rsa server
NAMES=DNS:*.wild.test leaf wild ec server

# The same keys in the other forms that there are; the pass phrase is "open sesame".
phrase=pass:'open sesame'
openssl rsa -in client-rsa.key -traditional -out client-rsa.pkcs1
openssl rsa -in client-rsa.key -traditional -aes256 -passout "$phrase" -out client-rsa.pkcs1-encrypted
openssl pkcs8 -topk8 -in client-rsa.key -v2 aes-256-cbc -passout "$phrase" -out client-rsa.pkcs8-encrypted
openssl ec -in client-ec.key -out client-ec.sec1
openssl ec -in client-ec.key -aes256 -passout "$phrase" -out client-ec.sec1-encrypted
openssl pkcs8 -topk8 -in client-ed.key -v2 aes-256-cbc -passout "$phrase" -out client-ed.pkcs8-encrypted
openssl pkcs8 -topk8 -in server-rsa.key -v2 aes-256-cbc -passout "$phrase" -out server-rsa.pkcs8-encrypted

printf -- '-----BEGIN CERTIFICATE-----\nbm90IGEgY2VydGlmaWNhdGU=\n-----END CERTIFICATE-----\n' >garbage.pem
printf -- '-----BEGIN PRIVATE KEY-----\nbm90IGEga2V5\n-----END PRIVATE KEY-----\n' >garbage.key
printf 'not PEM at all\n' >not.pem

touch made
