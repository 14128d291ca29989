# nushell completion for portward: source it from config.nu
def "nu-complete portward" [context: string] {
    let typed = ($context | split row --regex '\s+' | skip 1)
    ^portward complete -- ...$typed
    | lines
    | each {|line| let parts = ($line | split column -n 2 "\t" value description | first); $parts }
}
export extern portward [...words: string@"nu-complete portward"]
