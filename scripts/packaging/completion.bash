# bash completion for twowarm and its programs; works with and without the package bash-completion.
# Below is a table made from the declarations in src/: for a command its options, which of them have a value of what kind,
# and what its arguments are: file, directory, destination, words (=on,hold) or nothing that is known (-).

# The file of the configuration that a call in this directory would use, or fails.
_twowarm_configuration() {
  local file data=$PWD word
  local -i at
  for ((at = 1; at < COMP_CWORD; at++)); do
    # Only the form with a blank: --config=FILE is several words here, and then no destination is offered.
    word=${COMP_WORDS[at + 1]-}
    case ${COMP_WORDS[at]} in
      --config) file=$word ;;
      --pgdata | -D) data=$word ;;
    esac
  done
  file=${file:-${TWOWARM_CONFIG-}}
  if [[ $file ]]; then
    [[ -f $file && -r $file ]] && printf '%s\n' "$file"
    return
  fi
  [[ -f $data/PG_VERSION ]] || data=${PGDATA-}
  data=$(CDPATH='' cd -P -- "${data:-/nonexistent}" 2>/dev/null && printf '%s' "$PWD")
  for file in ${TWOWARM_HOME:+"$TWOWARM_HOME/twowarm.toml"} ${data:+"${data%/*}/twowarm-${data##*/}/twowarm.toml"} \
    ${data:+"${data%/*}/twowarm/twowarm.toml"} /etc/twowarm/twowarm.toml; do
    [[ -f $file && -r $file ]] && printf '%s\n' "$file" && return
  done
  return 1
}

# The names of its destinations, one a line. It is read, never run.
_twowarm_destinations() {
  local file line
  file=$(_twowarm_configuration) || return 0
  while IFS= read -r line || [[ $line ]]; do
    [[ $line =~ ^[[:blank:]]*\[[[:blank:]]*destination[[:blank:]]*\.[[:blank:]]*[\"\']?([A-Za-z0-9_-]+)[\"\']?[[:blank:]]*\] ]] &&
      printf '%s\n' "${BASH_REMATCH[1]}"
  done <"$file"
  return 0
}

# Fills COMPREPLY with what of a kind begins with $2.
_twowarm_offer() {
  local plain=$2
  case $1 in
    file | directory)
      # As it was typed, with a quote or backslashes; readline quotes the answer again.
      plain=${plain#[\"\']}
      plain=${plain//\\/}
      compopt -o filenames 2>/dev/null
      if [[ $1 == file ]]; then
        mapfile -t COMPREPLY < <(compgen -f -- "$plain")
      else
        mapfile -t COMPREPLY < <(compgen -d -- "$plain")
      fi
      ;;
    destination) mapfile -t COMPREPLY < <(compgen -W "$(_twowarm_destinations)" -- "$2") ;;
    =*)
      plain=${1#=}
      mapfile -t COMPREPLY < <(compgen -W "${plain//,/ }" -- "$2")
      ;;
  esac
}

# What the value of an option is, or fails: it is a switch.
_twowarm_value() {
  local each
  for each in $valued; do
    [[ ${each%%:*} == "$1" ]] && printf '%s\n' "${each#*:}" && return
  done
  return 1
}

_twowarm() {
  local command=${COMP_WORDS[0]##*/} current=${COMP_WORDS[COMP_CWORD]} options valued arguments last kind word
  local IFS=$' \t\n'
  local -i at=1 position=0
  COMPREPLY=()
  # bash parts --config=FILE at the sign.
  if [[ $current == '=' ]]; then current=; fi
  if [[ $command == twowarm ]]; then
    if ((COMP_CWORD == 1)); then
      mapfile -t COMPREPLY < <(compgen -W "$_twowarm_commands --help --version" -- "$current")
      return 0
    fi
    command=${COMP_WORDS[1]}
    at=2
  fi
  _twowarm_declared "$command" || return 0
  kind=
  for (( ; at < COMP_CWORD; at++)); do
    word=${COMP_WORDS[at]}
    if [[ $word == '=' ]]; then continue; fi
    if [[ $kind ]]; then
      # This word was the value of the one before it.
      kind=
    elif [[ $word == -- ]]; then
      options=
    elif [[ $options && $word == -?* ]]; then
      kind=$(_twowarm_value "$word")
    else
      position+=1
    fi
  done
  if [[ $kind ]]; then
    _twowarm_offer "$kind" "$current"
  elif [[ $options && $current == -* ]]; then
    mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
  else
    last=
    for word in $arguments; do
      # A last argument that may be given many times ends in dots.
      if ((position == 0)) || [[ $word == *... ]]; then last=${word%...} && break; fi
      position+=-1
    done
    _twowarm_offer "$last" "$current"
  fi
  return 0
}

