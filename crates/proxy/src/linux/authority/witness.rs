//! A server that shows its certificate and says one line: for programs that are asked whether they believe it.

use std::{
    io::{self, Read, Write},
    net::{Ipv4Addr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::Duration,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A server on the loopback that ends when it is dropped.
pub struct Witness {
    port: u16,
    over: Arc<AtomicBool>,
    accepting: Option<JoinHandle<()>>,
}

impl Witness {
    /// Begins to listen, at a port that nobody has.
    ///
    /// # Errors
    /// Where the system gives none.
    pub fn start(config: Arc<ServerConfig>) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = listener.local_addr()?.port();
        let over = Arc::new(AtomicBool::new(false));
        let ended = Arc::clone(&over);
        let accepting = thread::Builder::new().name("witness".to_owned()).spawn(move || accept(&listener, &config, &ended))?;
        Ok(Self { port, over, accepting: Some(accepting) })
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// What it says to whoever asks.
    pub const ANSWER: &str = "the local authority of Portward is believed here";
}

impl Drop for Witness {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        // A connection ends its wait for the next one.
        let _ = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port));
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

fn accept(listener: &TcpListener, config: &Arc<ServerConfig>, over: &AtomicBool) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming() {
        if over.load(Ordering::Relaxed) {
            return;
        }
        let Ok(stream) = stream else { continue };
        // Whoever else finds the port has nothing of it.
        if open.load(Ordering::Relaxed) >= MOST {
            continue;
        }
        open.fetch_add(1, Ordering::Relaxed);
        let (config, counted) = (Arc::clone(config), Arc::clone(&open));
        let answering = thread::Builder::new().spawn(move || {
            let _ = answer(stream, config);
            counted.fetch_sub(1, Ordering::Relaxed);
        });
        if answering.is_err() {
            open.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

fn answer(stream: TcpStream, config: Arc<ServerConfig>) -> io::Result<()> {
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    let mut line = StreamOwned::new(ServerConnection::new(config).map_err(io::Error::other)?, stream);
    let mut asked = [0; 4096];
    if line.read(&mut asked)? == 0 {
        return Ok(());
    }
    let body = Witness::ANSWER;
    let head =
        format!("HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    line.write_all(head.as_bytes())?;
    line.write_all(body.as_bytes())?;
    line.conn.send_close_notify();
    line.flush()
}

/// Connections at once.
const MOST: usize = 16;
/// How long a client may be silent.
const PATIENCE: Duration = Duration::from_secs(10);
