# Loads and unloads the variables of a project: portward hook powershell | Out-String | Invoke-Expression in $PROFILE.

function global:__portward_set($name, $value) {
    if (Test-Path "Env:$name") {
        Set-Item "Env:PORTWARD_WAS_$name" (Get-Item "Env:$name").Value
    }
    Set-Item "Env:$name" $value
    $env:PORTWARD_NAMES = "$env:PORTWARD_NAMES $name".Trim()
}

function global:__portward_unload {
    foreach ($name in "$env:PORTWARD_NAMES".Split(' ', [StringSplitOptions]::RemoveEmptyEntries)) {
        Remove-Item "Env:$name" -ErrorAction SilentlyContinue
        if (Test-Path "Env:PORTWARD_WAS_$name") {
            Set-Item "Env:$name" (Get-Item "Env:PORTWARD_WAS_$name").Value
            Remove-Item "Env:PORTWARD_WAS_$name"
        }
    }
    Remove-Item Env:PORTWARD_NAMES -ErrorAction SilentlyContinue
}

function global:__portward_stamp($stamp) {
    if ($stamp) { $env:PORTWARD_STAMP = $stamp } else { Remove-Item Env:PORTWARD_STAMP -ErrorAction SilentlyContinue }
}

function global:__portward_hook {
    # An argument that is empty is none to Windows PowerShell.
    $told = portward hook powershell "--now=$env:PORTWARD_STAMP" | Out-String
    if ($told.Trim()) { Invoke-Expression $told }
}

if (-not $global:__portward_prompt) {
    $global:__portward_prompt = $function:prompt
    function global:prompt {
        $code = $global:LASTEXITCODE
        __portward_hook
        $global:LASTEXITCODE = $code
        & $global:__portward_prompt
    }
}
