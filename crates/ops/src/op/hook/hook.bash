# Loads and unloads the variables of a project: eval "$(portward hook bash)" in ~/.bashrc.

__portward_set() {
  local name=$1 was=PORTWARD_WAS_$1 kept flags
  if [[ -n ${!name+x} ]]; then
    kept=$(declare -p "$name" 2>/dev/null)
    kept=${kept#declare -}
    flags=${kept%% *}
    export "$was=${!name}"
    if [[ $flags != *x* ]]; then
      export PORTWARD_PLAIN="${PORTWARD_PLAIN-} $name"
    fi
  fi
  export "$name=$2" PORTWARD_NAMES="${PORTWARD_NAMES-} $name"
}

__portward_unload() {
  local IFS=' ' name was
  for name in ${PORTWARD_NAMES-}; do
    was=PORTWARD_WAS_$name
    unset "$name"
    if [[ -n ${!was+x} ]]; then
      if [[ " ${PORTWARD_PLAIN-} " == *" $name "* ]]; then
        printf -v "$name" %s "${!was}"
      else
        export "$name=${!was}"
      fi
      unset "$was"
    fi
  done
  unset PORTWARD_NAMES PORTWARD_PLAIN
}

__portward_stamp() {
  if [[ -n $1 ]]; then
    export PORTWARD_STAMP=$1
  else
    unset PORTWARD_STAMP
  fi
}

__portward_hook() {
  local code=$? told
  told=$(command portward hook bash --now "${PORTWARD_STAMP-}") && eval "$told"
  return $code
}

if [[ " ${PROMPT_COMMAND[*]-} " != *__portward_hook* ]]; then
  if [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == "declare -a"* ]]; then
    PROMPT_COMMAND=(__portward_hook "${PROMPT_COMMAND[@]}")
  else
    PROMPT_COMMAND="__portward_hook${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
  fi
fi
