//! The library netstat2 as a program: every TCP listener with its processes.
#![forbid(unsafe_code)]

use std::{
    io::{self, BufWriter, Write as _},
    process::ExitCode,
};

use netstat2::{AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, TcpState, get_sockets_info};

fn main() -> ExitCode {
    let Ok(sockets) = get_sockets_info(AddressFamilyFlags::IPV4 | AddressFamilyFlags::IPV6, ProtocolFlags::TCP) else {
        eprintln!("netstat2 could not read the sockets.");
        return ExitCode::from(2);
    };
    let mut out = BufWriter::new(io::stdout().lock());
    for socket in sockets {
        if let ProtocolSocketInfo::Tcp(tcp) = socket.protocol_socket_info
            && tcp.state == TcpState::Listen
            && writeln!(out, "{}:{} {:?}", tcp.local_addr, tcp.local_port, socket.associated_pids).is_err()
        {
            return ExitCode::from(2);
        }
    }
    ExitCode::SUCCESS
}
