// The look at the far side: what it is, whether a copy can be kept and run there, which versions are there, and what of
// it is in use already. It changes nothing.
import { beginning } from './script-parts.ts';

/** Words: the directory, then the archives of that node. What it says, far-state.ts reads. */
export const lookScript = String.raw`${beginning}
shift
say user "$(id -un)"
say system "$(uname -s)"
say machine "$(uname -m)"
say directory "$directory"
for tool in tar sha256sum sync flock find grep dd tr ln mv cp rm ls mkdir chmod touch head date sleep readlink df env; do
  command -v "$tool" >/dev/null 2>&1 || say lacks "$tool"
done
for tool in zstd gzip; do
  command -v "$tool" >/dev/null 2>&1 && say has "$tool"
done

# What is there of the path; no copy belongs into a data directory or a home of twowarm.
there=$directory
while [ ! -d "$there" ] && [ -n "$there" ]; do there=${'$'}{there%/*}; done
there=${'$'}{there:-/}
[ -w "$there" ] && [ -x "$there" ] || say unwritable "$there"
say free "$(df -Pk -- "$there" | tail -n 1 | one_line)"
each=$there
while [ -n "$each" ]; do
  [ -e "$each/PG_VERSION" ] && say inside "$each"
  each=${'$'}{each%/*}
done
[ -e "$directory/twowarm.toml" ] && say inside "$directory"

for link in current previous next; do
  if [ -L "$directory/$link" ]; then
    say link "$link $(readlink "$directory/$link")"
  elif [ -e "$directory/$link" ]; then
    say foreign "$directory/$link"
  fi
done
for each in "$versions"/*; do
  [ -f "$each/MANIFEST" ] && say version "${'$'}{each##*/} $(du -sk -- "$each" | head -n 1 | one_line)"
done

# What names the link already, as far as this user can see it.
for archive; do
  grep -qsF -- "$directory/current/bin/twowarm receive --directory $archive" "$HOME/.ssh/authorized_keys" &&
    say locks "$archive"
done
# Who else has a server here, and what of the path is closed to others.
server=
files=$(ls -d /etc/postgresql/*/*/*.conf /etc/postgresql/*/*/conf.d/*.conf 2>/dev/null)
for process in /proc/[0-9]*; do
  name=
  read -r name 2>/dev/null <"$process/comm" || continue
  case $name in
    postgres | postmaster)
      [ -r "$process/cwd/PG_VERSION" ] && files="$files $process/cwd/*.conf" && break
      owner=$(ls -ld "$process" 2>/dev/null | { read -r _ _ owner _; printf '%s' "$owner"; })
      [ "${'$'}{owner:-$server}" = "$server" ] || say server "$owner"
      server=${'$'}{owner:-$server}
      ;;
  esac
done
for program in restoreWALFile archiveWALFile; do
  grep -qsF -- "$directory/current/bin/$program" $files /dev/null && say names "$program"
done
grep -qsF -- "$directory/current/bin/" /etc/systemd/system/*.service /etc/cron.d/* && say names relay
each=$directory
while [ -n "$each" ]; do
  [ -d "$each" ] && [ -z "$(find -H "$each" -prune -perm -001)" ] && say closed "$each"
  each=${'$'}{each%/*}
done
say end
`;
