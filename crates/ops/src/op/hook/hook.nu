# Loads and unloads the variables of a project. Nushell sources files alone:
#   portward hook nu | save -f ~/.config/nushell/portward.nu    and    source ~/.config/nushell/portward.nu    in config.nu.

$env.config = ($env.config | upsert hooks.pre_prompt (
  ($env.config.hooks?.pre_prompt? | default []) | append {||
    let answer = (^portward hook nu --now ($env.PORTWARD_STAMP? | default "") | str trim)
    if ($answer | is-not-empty) {
      let told = ($answer | from json)
      let was = ($env.PORTWARD_WAS? | default "{}" | from json)
      for name in ($env.PORTWARD_NAMES? | default "" | split row " " | where {|name| $name != "" }) {
        hide-env -i $name
      }
      load-env $was
      let names = ($told.set | columns)
      let before = ($names | where {|name| $name in $env } | reduce -f {} {|name, all| $all | insert $name ($env | get $name) })
      load-env $told.set
      load-env { PORTWARD_STAMP: $told.stamp, PORTWARD_NAMES: ($names | str join " "), PORTWARD_WAS: ($before | to json -r) }
    }
  }
))
