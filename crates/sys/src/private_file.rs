//! Files that a person names, elsewhere than on Linux.

use std::{
    fs::{self, File},
    io::{self, BufWriter, Read, Write},
    path::Path,
};

/// Writes a file.
pub fn write_private(path: &Path, document: &dyn Fn(&mut dyn Write) -> io::Result<()>) -> io::Result<()> {
    let mut buffered = BufWriter::new(fs::File::create(path)?);
    document(&mut buffered)?;
    buffered.flush()
}

/// A file of a project, whole; `None` where nothing stands there.
pub fn read_of_project(path: &Path, limit: u64) -> io::Result<Option<Vec<u8>>> {
    match read_given(path, limit) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        read => read.map(Some),
    }
}

/// Reads a file, at most so many bytes.
pub fn read_given(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}
