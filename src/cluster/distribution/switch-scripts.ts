// The moments at which the far side begins to use another version: to the new one, and back. Killed anywhere, the link
// "current" names a version that was whole and has run there.
import { beginning, removal } from './script-parts.ts';

/** Words: the directory, the version's name there, the SHA-256 of its manifest. */
export const switchScript = String.raw`${beginning}${removal}
name=$2 id=$3
lock
[ "$(sha256sum 2>/dev/null <"$versions/$name/MANIFEST")" = "$id  -" ] || fail gone
before=$(readlink "$directory/current")
if [ "$before" != "versions/$name" ]; then
  # To what is damaged nobody goes back.
  if [ -n "$before" ] && whole "$directory/$before"; then point previous "$before" || fail switch; fi
  point current "versions/$name" || fail switch
fi
rm -f -- "$directory/next"
sync "$directory" || fail switch
say switched "${'$'}{before#versions/}"
remove_old
say end
`;

/** Words: the directory. */
export const backScript = String.raw`${beginning}${removal}
[ -d "$versions" ] || fail previous
lock
before=$(readlink "$directory/current")
back=$(readlink "$directory/previous")
[ -n "$back" ] && [ -d "$directory/$back" ] && [ "$back" != "$before" ] || fail previous
whole "$directory/$back" || fail rotten "${'$'}{back#versions/}"
report=$(cd / && env -i "$directory/$back/bin/twowarm" --version 2>&1)
code=$?
report=$(printf '%s' "$report" | one_line)
[ "$code" -eq 0 ] || fail run "$code $report"
say runs "$report"
# Killed between the two, the version that is left is still named.
if [ -n "$before" ]; then point next "$before" || fail switch; fi
point current "$back" || fail switch
if [ -n "$before" ]; then point previous "$before" || fail switch; fi
rm -f -- "$directory/next"
sync "$directory" || fail switch
say switched "${'$'}{before#versions/} ${'$'}{back#versions/}"
say end
`;
