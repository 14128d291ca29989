# fish completion for portward: put it into ~/.config/fish/completions/portward.fish
function __portward_complete
    set -l words (commandline -opc) (commandline -ct)
    # fish quotes what it inserts.
    portward complete --shell fish -- $words[2..-1] 2>/dev/null
end
complete -c portward -f -a '(__portward_complete)'
