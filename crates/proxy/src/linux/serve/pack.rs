//! Packing while a body is sent.

use std::io::{self, Read, Write};

use portward_wire::http::Coding;

/// Reads all of `from`, packs it and writes it. Memory stays flat whatever the length.
pub(super) fn pack(coding: Coding, from: impl Read, to: impl Write) -> io::Result<()> {
    match coding {
        Coding::Gzip => {
            let mut packer = flate2::write::GzEncoder::new(to, flate2::Compression::new(5));
            copy(from, &mut packer)?;
            packer.finish().map(drop)
        }
        Coding::Brotli => {
            // Quality 4 and a window of 512 KB: on a localhost the time of packing is the time of loading.
            let mut packer = brotli::CompressorWriter::new(to, PIECE, 4, 19);
            copy(from, &mut packer)?;
            packer.flush()
        }
        Coding::Zstd => {
            let mut packer = ruzstd::encoding::FrameCompressor::new(ruzstd::encoding::CompressionLevel::Fastest);
            let (mut from, mut to) = (Kept { end: from, error: None }, Kept { end: to, error: None });
            packer.set_source(&mut from);
            packer.set_drain(&mut to);
            packer.compress();
            drop(packer);
            from.error.or(to.error).map_or(Ok(()), Err)
        }
    }
}

fn copy(mut from: impl Read, to: &mut impl Write) -> io::Result<()> {
    let mut piece = vec![0; PIECE];
    loop {
        let read = from.read(&mut piece)?;
        if read == 0 {
            return Ok(());
        }
        to.write_all(piece.get(..read).unwrap_or_default())?;
    }
}

/// One end for who does not expect that it fails: what failed is kept, nothing more is read, and the rest is dropped.
struct Kept<E> {
    end: E,
    error: Option<io::Error>,
}

impl<R: Read> Read for Kept<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        match self.end.read(bytes) {
            Err(error) if error.kind() != io::ErrorKind::Interrupted => {
                self.error = Some(error);
                Ok(0)
            }
            read => read,
        }
    }
}

impl<W: Write> Write for Kept<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.error.is_none() {
            self.error = self.end.write_all(bytes).err();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Bytes that are packed at once.
const PIECE: usize = 32 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Read;

    use portward_wire::http::Coding;

    use super::pack;

    #[test]
    fn what_is_packed_is_the_same_again() {
        let text = "a line of some length that comes again and again\n".repeat(5000).into_bytes();
        for coding in Coding::ALL {
            let (mut packed, mut again) = (Vec::new(), Vec::new());
            pack(coding, &text[..], &mut packed).unwrap();
            match coding {
                Coding::Gzip => flate2::read::GzDecoder::new(&packed[..]).read_to_end(&mut again).unwrap(),
                Coding::Brotli => brotli::Decompressor::new(&packed[..], 4096).read_to_end(&mut again).unwrap(),
                Coding::Zstd => ruzstd::decoding::StreamingDecoder::new(&packed[..]).unwrap().read_to_end(&mut again).unwrap(),
            };
            assert!(packed.len() < text.len() / 5 && again == text, "{coding:?} {}", packed.len());
        }
    }
}
