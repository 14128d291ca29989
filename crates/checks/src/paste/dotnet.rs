//! Wordings of .NET and its web server, and of programs on Windows.

use super::rule::rules;

rules! {
    "dotnet" ["SocketException", "connection refused"] Refused Connect 111;
    "dotnet" ["SocketException (111)"] Refused Connect 111;
    "dotnet" ["SocketException (10061)"] Refused Connect 111;
    "dotnet" ["SocketException", "actively refused it"] Refused Connect 111;
    "dotnet" ["HttpRequestException: Connection refused"] Refused Connect 111;
    "dotnet" ["HttpRequestException", "actively refused it"] Refused Connect 111;
    "dotnet" ["SocketException (98)"] InUse Bind 98;
    "dotnet" ["SocketException (48)"] InUse Bind 98;
    "dotnet" ["SocketException (10048)"] InUse Bind 98;
    "dotnet" ["SocketException (10013)"] PermissionDenied Bind 13, says "windows-excluded-range";
    "dotnet" ["SocketException (13)"] PermissionDenied Bind 13;
    "dotnet" ["SocketException (104)"] Reset Read 104;
    "dotnet" ["SocketException (110)"] NoHandshake Connect 110;
    "dotnet" ["SocketException (99)"] AddressNotAvailable 99;
    "dotnet" ["SocketException (11001)"] NameUnknown Resolve;
    "dotnet" ["SocketException (00000001, 11)"] NameUnknown Resolve;
    "dotnet" ["Failed to bind to address", "address already in use"] InUse Bind 98;
    "dotnet" ["Failed to bind to address", "permission denied"] PermissionDenied Bind 13;
    "dotnet" ["Microsoft.AspNetCore.Connections.AddressInUseException"] InUse Bind 98;
    "dotnet" ["Unable to bind to", "loopback interface", "already in use"] InUse Bind;
    "dotnet" ["Unable to bind to", "Cannot assign requested address"] AddressNotAvailable Bind 99;
    "dotnet" ["The SSL connection could not be established"] TlsUnexpected Handshake, echo;
    "dotnet" ["Cannot determine the frame size or a corrupted frame was received"] TlsUnexpected Handshake;
    "dotnet" ["The remote certificate is invalid"] CertificateUntrusted Handshake;
    "dotnet" ["HttpClient.Timeout of", "elapsing"] NoAnswer Request;
    "dotnet" ["The response ended prematurely"] EmptyReply Read;
    "dotnet" ["A network-related or instance-specific error occurred while establishing a connection to SQL Server"] Refused Connect;
    "dotnet" ["NpgsqlException", "Failed to connect to"] Refused Connect;
    "powershell" ["Invoke-WebRequest", "Unable to connect to the remote server"] Refused Connect;
    "powershell" ["Unable to connect to the remote server"] Refused Connect;
    "powershell" ["WARNING: TCP connect to (", "failed"] Refused Connect;
    "telnet" ["Could not open connection to the host, on port"] Refused Connect;
    "wsl" ["wsl: ", "localhost proxy configuration was detected"] ProxyFailed, echo;
    "iis" ["The process cannot access the file because it is being used by another process", "bind"] InUse Bind;
    "dotnet" ["HttpListenerException", "conflicts with an existing registration"] InUse Bind;
    "dotnet" ["HttpListenerException", "Access is denied"] PermissionDenied Bind 13;
    "python" ["WinError 10053"] Reset Write 103;
    "wsl" ["WSL", "relay", "address already in use"] InUse Bind 98, says "wsl-host-holds";
    "wsl" ["wslrelay.exe"] InUse Bind, says "wsl-host-holds", echo;
}
