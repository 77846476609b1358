// A new version on the far side: beside the others, whole and verified and run before it has its name. What is used there
// is not touched; the link "next" says that it is ready to be switched to.
import { beginning } from './script-parts.ts';

/**
 * Words: the directory, the version's name, the length of the manifest in bytes, its SHA-256, the program that
 * decompresses with its options. Standard input: the manifest, and, once it has said "send", a tar archive of the files
 * that it has said it needs.
 */
export const installScript = String.raw`${beginning}
base=$2 length=$3 id=$4 decompress=$5
there=$directory
while [ ! -d "$there" ] && [ -n "$there" ]; do there=${'$'}{there%/*}; done
mkdir -p -- "$versions" || fail directory
lock
manifest=$(dd bs=1 count="$length" 2>/dev/null)
[ "$(printf '%s\n' "$manifest" | sha256sum)" = "$id  -" ] || fail cut

# What an earlier call has brought and verified; the name says what it was, not what has become of it.
ours() { [ -f "$1/MANIFEST" ] && [ "$(sha256sum <"$1/MANIFEST")" = "$id  -" ]; }
place= taken=0
for each in "$versions/$base" "$versions/$base".*; do
  [ -e "$each" ] || continue
  taken=$((taken + 1))
  if ours "$each" && whole "$each"; then
    place=$each
    break
  fi
  say broken "${'$'}{each##*/}"
done

stage=$place
if [ -z "$place" ]; then
  name=$base
  while [ -e "$versions/$name" ]; do
    taken=$((taken + 1))
    name=$base.$taken
  done
  stage=$versions/.incoming.$base.$$
  mkdir -- "$stage" && printf '%s\n' "$manifest" >"$stage/MANIFEST" || fail directory

  # What is here already, also from a call that was cut off, need not travel again; it counts by its content.
  for donor in "$versions"/.incoming.* "$directory/current" "$directory/next" "$directory/previous"; do
    [ "$donor" != "$stage" ] && [ -f "$donor/MANIFEST" ] || continue
    shared=$(grep -xFf "$donor/MANIFEST" "$stage/MANIFEST" | while read -r hash path; do
      [ -f "$donor/$path" ] && [ ! -e "$stage/$path" ] && printf '%s\n' "$path"
    done)
    [ -n "$shared" ] || continue
    printf '%s\n' "$shared" | tar -c -h -f - -C "$donor" -T - | tar -x -o -f - -C "$stage"
    (cd -- "$stage" && sha256sum -c MANIFEST 2>/dev/null | while read -r line; do
      case $line in *': FAILED') rm -f -- "${'$'}{line%: FAILED}" ;; esac
    done)
  done
fi
for each in "$versions"/.incoming.* "$versions"/.removing.* \
  "$directory"/.current.new "$directory"/.previous.new "$directory"/.next.new; do
  [ "$each" = "$stage" ] || rm -rf -- "$each"
done

if [ -z "$place" ]; then
  while read -r hash path; do
    [ -e "$stage/$path" ] || say need "$path"
  done <"$stage/MANIFEST"
  say send
  said=$($decompress | { tar -x -o -f - -C "$stage" 2>&1; echo " $?"; })
  code=${'$'}{said##* } said=$(printf '%s' "${'$'}{said% *}" | one_line)
  if [ "$code" -ne 0 ]; then
    # A disk that is full must not stay so; what else was cut off is of use to the next call.
    case $said in *'No space left'* | *quota*) rm -rf -- "$stage" && fail full "$said" ;; esac
    fail unpack "$said"
  fi
  find "$stage" -type d -exec chmod 755 {} + &&
    find "$stage" -type f -exec chmod 644 {} + &&
    chmod 755 "$stage"/bin/* "$stage"/node_modules/*/bin/* || fail unpack
  find "$stage" -exec sync {} + || fail sync
  if ! whole "$stage"; then
    damaged=$(cd -- "$stage" && sha256sum -c MANIFEST 2>/dev/null | grep -v ': OK$' | one_line)
    rm -rf -- "$stage"
    fail damaged "$damaged"
  fi
  say verified
else
  say present "${'$'}{place##*/}"
fi

report=$(cd / && env -i "$stage/bin/distrib2warm" --self-check --json 2>&1)
code=$?
report=$(printf '%s' "$report" | one_line)
if [ "$code" -ne 0 ]; then
  [ -n "$place" ] || rm -rf -- "$stage"
  fail run "$code $report"
fi
say runs "$report"

if [ -z "$place" ]; then
  place=$versions/$name
  mv -T -- "$stage" "$place" && sync "$versions" "$directory" || fail publish
  # The directories above it that were made for this.
  each=${'$'}{directory%/*}
  while [ "${'$'}{#each}" -ge "${'$'}{#there}" ] && [ -n "$each" ]; do
    sync "$each" 2>/dev/null || sync
    each=${'$'}{each%/*}
  done
fi
[ "$(readlink "$directory/current")" = "versions/${'$'}{place##*/}" ] || point next "versions/${'$'}{place##*/}" || fail publish
say ready "${'$'}{place##*/}"
`;
