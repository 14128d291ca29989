#compdef portward
# zsh completion for portward: put it as _portward into a directory of $fpath.
_portward() {
    local -a values shown
    local line
    while IFS= read -r line; do
        values+=("${line%%$'\t'*}")
        shown+=("${line/$'\t'/  -- }")
    done < <(portward complete --shell zsh -- "${(@Q)words[2,CURRENT]}" 2>/dev/null)
    # compadd quotes what it inserts.
    if (( $#values )); then
        compadd -l -V portward -d shown -a -- values
    else
        _files
    fi
}
if [ "$funcstack[1]" = "_portward" ]; then
    _portward "$@"
else
    compdef _portward portward
fi
