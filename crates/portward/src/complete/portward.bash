# bash completion for portward: source it, or put it into a bash-completion directory.
_portward() {
    local line
    COMPREPLY=()
    # What comes is quoted for this shell, and goes into the line as it is.
    while IFS= read -r line; do
        COMPREPLY+=("${line%%$'\t'*}")
    done < <(
        # bash splits at colons; an endpoint is one word.
        if [[ -n ${COMP_LINE-} ]]; then
            portward complete --shell bash --breaks "$COMP_WORDBREAKS" --line "${COMP_LINE:0:COMP_POINT}" 2>/dev/null
        else
            portward complete --shell bash -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null
        fi
    )
}
complete -o default -F _portward portward
