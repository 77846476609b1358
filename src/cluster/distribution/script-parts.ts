// What the scripts have in common that distrib2warm runs on the far side. POSIX sh with coreutils, find, tar, grep and
// flock. What is said begins with a mark, because a login shell may print what it likes before.

/** Begins each line of a script's own. */
export const mark = '@twowarm ';

/** $1 is the directory. Sets $directory and $versions. */
export const beginning = String.raw`
LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export LC_ALL PATH
umask 022
say() { printf '%s\n' "${mark}$*"; }
fail() { say "failed $*"; exit 1; }
one_line() { tr -s '\n\r\t' '   '; }
say begin
directory=$1
case $directory in /*) ;; *) directory=$HOME/$directory ;; esac
versions=$directory/versions

# Every file of its MANIFEST is there with its content.
whole() { (cd -- "$1" && sha256sum -c MANIFEST) >/dev/null 2>&1; }

# One at a time: the lock goes with this shell and what it has started.
lock() {
  touch -- "$directory/.lock" || fail directory
  exec 9<>"$directory/.lock"
  tries=0
  until flock -n 9; do
    tries=$((tries + 1))
    [ "$tries" -le 3 ] || fail "busy $(head -n 1 "$directory/.lock" | one_line)"
    sleep 1
  done
  printf '%s\n' "process $$, from $SSH_CLIENT, since $(date)" >"$directory/.lock"
}

# point NAME TARGET: the link gets its new target in one step: rename(2).
point() {
  rm -f -- "$directory/.$1.new" &&
    ln -s -- "$2" "$directory/.$1.new" &&
    mv -T -- "$directory/.$1.new" "$directory/$1" &&
    sync "$directory"
}
`;

/** Removes versions that no link names, unless a process runs from them. Says which, and which have to stay. */
export const removal = String.raw`
# Both the program of a process and its command line tell: one of another user shows only the latter.
in_use() {
  ls -l /proc/[0-9]*/exe 2>/dev/null | grep -qF -- "-> $1/" && return
  printf '%s\n' "$1/" | grep -qsF -f - /proc/[0-9]*/cmdline
}

remove_old() {
  real=$(cd -P -- "$versions" && pwd -P) || return 0
  for each in "$versions"/*; do
    name=${'$'}{each##*/}
    [ -f "$each/MANIFEST" ] || continue
    for link in current previous next; do
      [ "$(readlink "$directory/$link")" = "versions/$name" ] && continue 2
    done
    if in_use "$real/$name"; then
      say kept "$name"
    elif mv -T -- "$each" "$versions/.removing.$name"; then
      rm -rf -- "$versions/.removing.$name"
      say removed "$name"
    fi
  done
}
`;
