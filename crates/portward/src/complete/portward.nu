# nushell completion for portward: source it from config.nu
def "nu-complete portward" [context: string] {
    # What comes is quoted for this shell, so a word may stand inside of it.
    let found = (
        ^portward complete --shell nushell --line $context
        | lines
        | each {|line| let parts = ($line | split row -n 2 "\t"); { value: $parts.0, description: ($parts.1? | default "") } }
    )
    { options: { completion_algorithm: "substring", sort: false }, completions: $found }
}
export extern portward [...words: string@"nu-complete portward"]
