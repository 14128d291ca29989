#compdef portward
# zsh completion for portward: put it as _portward into a directory of $fpath.
_portward() {
    local -a candidates
    local line
    while IFS= read -r line; do
        local value="${line%%$'\t'*}" help="${line#*$'\t'}"
        candidates+=("${value//:/\\:}${help:+:$help}")
    done < <(portward complete -- "${words[@]:1:$((CURRENT - 1))}" 2>/dev/null)
    _describe -V portward candidates || _files
}
if [ "$funcstack[1]" = "_portward" ]; then
    _portward "$@"
else
    compdef _portward portward
fi
