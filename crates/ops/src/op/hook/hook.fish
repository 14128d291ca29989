# Loads and unloads the variables of a project: portward hook fish | source in ~/.config/fish/config.fish.

function __portward_set
    set -l name $argv[1]
    if set -q $name
        set -gx PORTWARD_WAS_$name "$$name"
        if not set -qx $name
            set -gx PORTWARD_PLAIN (string join ' ' $PORTWARD_PLAIN $name)
        end
    end
    set -gx $name $argv[2]
    set -gx PORTWARD_NAMES (string join ' ' $PORTWARD_NAMES $name)
end

function __portward_unload
    for name in (string split -n ' ' -- "$PORTWARD_NAMES")
        set -l was PORTWARD_WAS_$name
        set -eg $name
        if set -q $was
            if contains -- $name (string split -n ' ' -- "$PORTWARD_PLAIN")
                set -gu $name $$was
            else
                set -gx $name $$was
            end
            set -eg $was
        end
    end
    set -eg PORTWARD_NAMES
    set -eg PORTWARD_PLAIN
end

function __portward_stamp
    if test -n "$argv[1]"
        set -gx PORTWARD_STAMP $argv[1]
    else
        set -eg PORTWARD_STAMP
    end
end

function __portward_hook --on-event fish_prompt --on-variable PWD
    command portward hook fish --now "$PORTWARD_STAMP" | source
end
