//! The body of a request, as it comes.

use std::io::{self, ErrorKind, Read};

use portward_wire::http::{Chunks, Framing, Piece};

use super::Line;

/// The body of a request; what was read of it with its head comes first.
pub(super) struct Incoming<'t> {
    line: &'t mut Line,
    buffer: &'t mut Vec<u8>,
    left: Left,
}

enum Left {
    Bytes(u64),
    Chunks(Chunks),
    Over,
}

impl<'t> Incoming<'t> {
    pub(super) fn new(line: &'t mut Line, buffer: &'t mut Vec<u8>, framing: Framing) -> Self {
        let left = match framing {
            Framing::None => Left::Over,
            Framing::Length(length) => Left::Bytes(length),
            Framing::Chunked => Left::Chunks(Chunks::default()),
        };
        Self { line, buffer, left }
    }

    /// True once all of it was read.
    pub(super) fn is_over(&self) -> bool {
        matches!(self.left, Left::Over | Left::Bytes(0))
    }

    /// Waits for more.
    fn fill(&mut self) -> io::Result<()> {
        let mut piece = [0; 16 * 1024];
        let read = self.line.read(&mut piece)?;
        if read == 0 {
            return Err(ErrorKind::UnexpectedEof.into());
        }
        self.buffer.extend_from_slice(piece.get(..read).unwrap_or_default());
        Ok(())
    }

    /// Hands over what is there, at most so many bytes.
    fn hand(&mut self, bytes: &mut [u8], most: u64) -> usize {
        let count = bytes.len().min(self.buffer.len()).min(usize::try_from(most).unwrap_or(usize::MAX));
        for (slot, byte) in bytes.iter_mut().zip(self.buffer.drain(..count)) {
            *slot = byte;
        }
        count
    }
}

impl Read for Incoming<'_> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        loop {
            match &mut self.left {
                Left::Over | Left::Bytes(0) => return Ok(0),
                Left::Bytes(left) => {
                    let left = *left;
                    if self.buffer.is_empty() {
                        // Straight to where it is wanted.
                        let most = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
                        let read = self.line.read(bytes.get_mut(..most).unwrap_or_default())?;
                        if read == 0 && most > 0 {
                            return Err(ErrorKind::UnexpectedEof.into());
                        }
                        self.left = Left::Bytes(left - read as u64);
                        return Ok(read);
                    }
                    let read = self.hand(bytes, left);
                    self.left = Left::Bytes(left - read as u64);
                    return Ok(read);
                }
                Left::Chunks(chunks) => {
                    let before = *chunks;
                    match chunks.next(self.buffer).ok_or(ErrorKind::InvalidData)? {
                        Piece::Frame(length) => drop(self.buffer.drain(..length)),
                        Piece::Data(length) if length > bytes.len() => {
                            // Less is taken than was offered: asked again with as much as there is room for.
                            *chunks = before;
                            let room = bytes.len();
                            match chunks.next(self.buffer.get(..room).unwrap_or_default()) {
                                Some(Piece::Data(length)) => return Ok(self.hand(bytes, length as u64)),
                                _ => return Err(ErrorKind::InvalidData.into()),
                            }
                        }
                        Piece::Data(length) => return Ok(self.hand(bytes, length as u64)),
                        Piece::More => self.fill()?,
                        Piece::Over => self.left = Left::Over,
                    }
                }
            }
        }
    }
}
