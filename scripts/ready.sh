#!/bin/sh
# Makes a checkout ready, then runs the command given: installs what package-lock.json names, puts the carried Node
# first on the PATH, builds dist/ when a source is newer, and replaces itself with the command. Safe to run twice at once.
set -eu
root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
cd "$root"

stamp=node_modules/.ready-lock
built=dist/.built

installed() { cmp -s package-lock.json "$stamp"; }
is_built() {
  [ -f "$built" ] && [ -z "$(find src scripts/build.ts scripts/code-cache.ts scripts/left-out.ts scripts/own-files.ts scripts/loopback-sshd.ts scripts/hot-loader.cjs scripts/packaging scripts/configuration-keys.ts package.json -newer "$built" -print -quit 2>/dev/null)" ]
}

install_packages() {
  installed && return
  echo 'installing packages (npm ci)' >&2
  # npm finds its own configuration beside the Node it came with, and must not run on the one it is about to replace:
  # `npm run` has put node_modules/.bin first on the PATH.
  others=$(printf '%s\n' "$PATH" | tr ':' '\n' | grep -v '/node_modules/\.bin/*$' | paste -s -d : -)
  PATH=$others npm ci --loglevel=error --no-audit --no-fund >&2
  cp package-lock.json "$stamp"
}

build() {
  major=$(node -p 'process.versions.node.split(".")[0]')
  if [ "$major" -lt 24 ]; then
    echo "scripts/ready.sh: twowarm needs Node.js 24 or newer, found $(node --version) at $(command -v node)" >&2
    echo 'HINT:  Install the optional dependencies (npm ci without --omit=optional): they carry it.' >&2
    exit 1
  fi
  is_built || node scripts/build.ts >&2
}

if installed && is_built; then ready=yes; else ready=no; fi
# flock(1) is part of util-linux, which every Debian has; the lock goes with the process that holds it.
if [ $ready = no ] && command -v flock >/dev/null 2>&1; then
  exec 9>.ready.lock
  flock 9
fi
[ $ready = yes ] || install_packages
unset NODE_OPTIONS NODE_PATH
PATH=$root/node_modules/.bin:$PATH
export PATH
[ $ready = yes ] || build
exec 9>&-
exec "$@"
