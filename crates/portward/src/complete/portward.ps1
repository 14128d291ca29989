# PowerShell completion for portward: dot-source it from $PROFILE
Register-ArgumentCompleter -Native -CommandName portward -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)
    $line = $commandAst.ToString()
    $length = $cursorPosition - $commandAst.Extent.StartOffset
    $line = if ($length -le $line.Length) { $line.Substring(0, $length) } else { $line.PadRight($length) }
    # What comes is quoted for this shell, and goes into the line as it is.
    & portward complete --shell powershell --line $line 2>$null | ForEach-Object {
        $value, $help = $_ -split "`t", 2
        if (-not $help) { $help = $value }
        [System.Management.Automation.CompletionResult]::new($value, $value, 'ParameterValue', $help)
    }
}
