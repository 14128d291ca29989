//! Wordings of .NET and its web server, and of programs on Windows.

use super::{
    Call, Symptom,
    rule::{Rule, rule},
};

/// Rules of .NET and Windows.
pub(super) const RULES: &[Rule] = &[
    rule(&["SocketException", "connection refused"], Symptom::Refused).of("dotnet").call(Call::Connect).errno(111),
    rule(&["SocketException (111)"], Symptom::Refused).of("dotnet").call(Call::Connect).errno(111),
    rule(&["SocketException (10061)"], Symptom::Refused).of("dotnet").call(Call::Connect).errno(111),
    rule(&["SocketException", "actively refused it"], Symptom::Refused).of("dotnet").call(Call::Connect).errno(111),
    rule(&["HttpRequestException: Connection refused"], Symptom::Refused).of("dotnet").call(Call::Connect).errno(111),
    rule(&["HttpRequestException", "actively refused it"], Symptom::Refused).of("dotnet").call(Call::Connect).errno(111),
    rule(&["SocketException (98)"], Symptom::InUse).of("dotnet").call(Call::Bind).errno(98),
    rule(&["SocketException (48)"], Symptom::InUse).of("dotnet").call(Call::Bind).errno(98),
    rule(&["SocketException (10048)"], Symptom::InUse).of("dotnet").call(Call::Bind).errno(98),
    rule(&["SocketException (10013)"], Symptom::PermissionDenied)
        .of("dotnet")
        .call(Call::Bind)
        .errno(13)
        .says("windows-excluded-range"),
    rule(&["SocketException (13)"], Symptom::PermissionDenied).of("dotnet").call(Call::Bind).errno(13),
    rule(&["SocketException (104)"], Symptom::Reset).of("dotnet").call(Call::Read).errno(104),
    rule(&["SocketException (110)"], Symptom::NoHandshake).of("dotnet").call(Call::Connect).errno(110),
    rule(&["SocketException (99)"], Symptom::AddressNotAvailable).of("dotnet").errno(99),
    rule(&["SocketException (11001)"], Symptom::NameUnknown).of("dotnet").call(Call::Resolve),
    rule(&["SocketException (00000001, 11)"], Symptom::NameUnknown).of("dotnet").call(Call::Resolve),
    rule(&["Failed to bind to address", "address already in use"], Symptom::InUse).of("dotnet").call(Call::Bind).errno(98),
    rule(&["Failed to bind to address", "permission denied"], Symptom::PermissionDenied).of("dotnet").call(Call::Bind).errno(13),
    rule(&["Microsoft.AspNetCore.Connections.AddressInUseException"], Symptom::InUse).of("dotnet").call(Call::Bind).errno(98),
    rule(&["Unable to bind to", "loopback interface", "already in use"], Symptom::InUse).of("dotnet").call(Call::Bind),
    rule(&["Unable to bind to", "Cannot assign requested address"], Symptom::AddressNotAvailable)
        .of("dotnet")
        .call(Call::Bind)
        .errno(99),
    rule(&["The SSL connection could not be established"], Symptom::TlsUnexpected).of("dotnet").call(Call::Handshake).echo(),
    rule(&["Cannot determine the frame size or a corrupted frame was received"], Symptom::TlsUnexpected)
        .of("dotnet")
        .call(Call::Handshake),
    rule(&["The remote certificate is invalid"], Symptom::CertificateUntrusted).of("dotnet").call(Call::Handshake),
    rule(&["HttpClient.Timeout of", "elapsing"], Symptom::NoAnswer).of("dotnet").call(Call::Request),
    rule(&["The response ended prematurely"], Symptom::EmptyReply).of("dotnet").call(Call::Read),
    rule(
        &["A network-related or instance-specific error occurred while establishing a connection to SQL Server"],
        Symptom::Refused,
    )
    .of("dotnet")
    .call(Call::Connect),
    rule(&["NpgsqlException", "Failed to connect to"], Symptom::Refused).of("dotnet").call(Call::Connect),
    rule(&["Invoke-WebRequest", "Unable to connect to the remote server"], Symptom::Refused).of("powershell").call(Call::Connect),
    rule(&["Unable to connect to the remote server"], Symptom::Refused).of("powershell").call(Call::Connect),
    rule(&["WARNING: TCP connect to (", "failed"], Symptom::Refused).of("powershell").call(Call::Connect),
    rule(&["Could not open connection to the host, on port"], Symptom::Refused).of("telnet").call(Call::Connect),
    rule(&["wsl: ", "localhost proxy configuration was detected"], Symptom::ProxyFailed).of("wsl").echo(),
    rule(&["The process cannot access the file because it is being used by another process", "bind"], Symptom::InUse)
        .of("iis")
        .call(Call::Bind),
    rule(&["HttpListenerException", "conflicts with an existing registration"], Symptom::InUse).of("dotnet").call(Call::Bind),
    rule(&["HttpListenerException", "Access is denied"], Symptom::PermissionDenied).of("dotnet").call(Call::Bind).errno(13),
    rule(&["WinError 10053"], Symptom::Reset).of("python").call(Call::Write).errno(103),
    rule(&["WSL", "relay", "address already in use"], Symptom::InUse).of("wsl").call(Call::Bind).errno(98).says("wsl-host-holds"),
    rule(&["wslrelay.exe"], Symptom::InUse).of("wsl").call(Call::Bind).says("wsl-host-holds").echo(),
];
