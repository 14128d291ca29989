# bash completion for portward: source it, or put it into a bash-completion directory.
_portward() {
    local IFS=$'\n' words=("${COMP_WORDS[@]:1:COMP_CWORD}") line
    # bash splits at colons; an endpoint is one word.
    if declare -F _get_comp_words_by_ref >/dev/null; then
        local cur all cword
        _get_comp_words_by_ref -n : -c cur -w all -i cword
        words=("${all[@]:1:cword}")
    fi
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("${line%%$'\t'*}")
    done < <(portward complete -- "${words[@]}" 2>/dev/null)
    if declare -F __ltrim_colon_completions >/dev/null; then
        __ltrim_colon_completions "${cur-}"
    fi
}
complete -o default -F _portward portward
