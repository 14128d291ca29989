//! The text of a file, whatever it is encoded in.

/// How a file's text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// UTF-8.
    Plain,
    /// UTF-8 behind a mark of order.
    Marked,
    /// UTF-16 behind a mark of order.
    Wide,
}

/// The text of a file and how it is encoded, without its mark of order.
///
/// # Errors
/// What it is instead, as the end of a sentence.
pub fn decoded(bytes: &[u8]) -> Result<(String, Encoding), &'static str> {
    let wide = |bytes: &[u8], pair: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().map(|unit| pair(*unit)).collect();
        let text = String::from_utf16(&units).map_err(|_| "it begins as UTF-16 and is none further on")?;
        Ok((text, Encoding::Wide))
    };
    if let Some(rest) = bytes.strip_prefix(b"\xff\xfe") {
        return wide(rest, u16::from_le_bytes);
    }
    if let Some(rest) = bytes.strip_prefix(b"\xfe\xff") {
        return wide(rest, u16::from_be_bytes);
    }
    let (rest, encoding) = match bytes.strip_prefix(b"\xef\xbb\xbf") {
        Some(rest) => (rest, Encoding::Marked),
        None => (bytes, Encoding::Plain),
    };
    if rest.contains(&0) {
        return Err("it holds zeros, as no text does");
    }
    let text = std::str::from_utf8(rest).map_err(|_| "it is neither UTF-8 nor UTF-16")?;
    Ok((text.to_owned(), encoding))
}

#[cfg(test)]
mod tests {
    use super::{Encoding, decoded};

    #[test]
    fn marks_of_order_are_read_and_left_away() {
        let wide: Vec<u8> = [0xfeff].into_iter().chain("PORT=3000\r\n".encode_utf16()).flat_map(u16::to_le_bytes).collect();
        assert_eq!(decoded(&wide), Ok(("PORT=3000\r\n".to_owned(), Encoding::Wide)));
        let big: Vec<u8> = [0xfeff].into_iter().chain("ä".encode_utf16()).flat_map(u16::to_be_bytes).collect();
        assert_eq!(decoded(&big), Ok(("ä".to_owned(), Encoding::Wide)));
        assert_eq!(decoded(b"\xef\xbb\xbf{}"), Ok(("{}".to_owned(), Encoding::Marked)));
        assert_eq!(decoded(b"x"), Ok(("x".to_owned(), Encoding::Plain)));
        for bytes in [&b"\xff"[..], b"a\0b", b"\xff\xfe\0\xd8"] {
            assert!(decoded(bytes).is_err());
        }
    }
}
