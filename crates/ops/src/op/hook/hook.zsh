# Loads and unloads the variables of a project: eval "$(portward hook zsh)" in ~/.zshrc.

__portward_set() {
  emulate -L zsh
  local name=$1 was=PORTWARD_WAS_$1
  if (( ${(P)+name} )); then
    export "$was=${(P)name}"
    if [[ ${(Pt)name} != *export* ]]; then
      export PORTWARD_PLAIN="${PORTWARD_PLAIN-} $name"
    fi
  fi
  export "$name=$2" PORTWARD_NAMES="${PORTWARD_NAMES-} $name"
}

__portward_unload() {
  emulate -L zsh
  local name was
  for name in ${(s: :)PORTWARD_NAMES-}; do
    was=PORTWARD_WAS_$name
    unset "$name"
    if (( ${(P)+was} )); then
      if [[ " ${PORTWARD_PLAIN-} " == *" $name "* ]]; then
        typeset -g "$name=${(P)was}"
      else
        export "$name=${(P)was}"
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
  local told
  told=$(command portward hook zsh --now "${PORTWARD_STAMP-}") && eval "$told"
}

typeset -ga precmd_functions chpwd_functions
if (( ! ${precmd_functions[(I)__portward_hook]} )); then
  precmd_functions=(__portward_hook $precmd_functions)
fi
if (( ! ${chpwd_functions[(I)__portward_hook]} )); then
  chpwd_functions=(__portward_hook $chpwd_functions)
fi
