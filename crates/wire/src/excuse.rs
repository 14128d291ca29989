//! What a server says for itself when it is not ready, in its own words.

use portward_model::Text;

/// The words of a refusal or an error: a field of `PostgreSQL`'s or `MySQL`'s message, or the first line of a protocol of lines.
/// `None` where there are none for people. Safe on any bytes.
pub fn excuse(heard: &[u8]) -> Option<Text> {
    let words = postgres(heard).or_else(|| mysql(heard)).or_else(|| line(heard))?;
    let words = words.trim_ascii();
    (!words.is_empty()).then(|| Text::new(words.get(..LONGEST).unwrap_or(words)))
}

/// `ErrorResponse`: a length, then fields of one letter and a text each, of which `M` is for people and `C` is the code.
fn postgres(heard: &[u8]) -> Option<Vec<u8>> {
    let fields = heard.strip_prefix(b"E")?.get(4..)?;
    let field = |name: u8| fields.split(|byte| *byte == 0).find_map(|field| field.strip_prefix(&[name]));
    let (severity, code, message) = (field(b'S')?, field(b'C')?, field(b'M')?);
    Some([severity, b": ", message, b" (", code, b")"].concat())
}

/// `ERR_Packet` in place of a handshake: its length in three bytes, a number of its own, 0xff, the error and its words.
fn mysql(heard: &[u8]) -> Option<Vec<u8>> {
    let ([length, 0, 0, _, 0xff, low, high], words) = heard.split_first_chunk::<7>()? else { return None };
    let words = words.get(..usize::from(*length).checked_sub(3)?)?;
    // A state of five letters may stand before them.
    let words = words.strip_prefix(b"#").and_then(|rest| rest.get(5..)).unwrap_or(words);
    Some([words, b" (", u16::from_le_bytes([*low, *high]).to_string().as_bytes(), b")"].concat())
}

/// `-LOADING Redis is loading the dataset in memory`, `421 Service not available`.
fn line(heard: &[u8]) -> Option<Vec<u8>> {
    let line = heard.split(|byte| *byte == b'\n').next()?;
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let line = line.strip_prefix(b"-").unwrap_or(line);
    let is_plain = std::str::from_utf8(line).is_ok_and(|line| !line.chars().any(char::is_control));
    is_plain.then(|| line.to_vec())
}

/// Bytes that are repeated of them.
const LONGEST: usize = 200;

#[cfg(test)]
mod tests {
    use portward_model::Text;

    use super::excuse;

    #[test]
    fn words_of_servers() {
        for (heard, expected) in [
            (
                &b"E\0\0\0\x5cSFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0Fpostmaster.c\0\0"[..],
                Some("FATAL: the database system is starting up (57P03)"),
            ),
            (b"-LOADING Redis is loading the dataset in memory\r\n", Some("LOADING Redis is loading the dataset in memory")),
            (b"\x17\0\0\0\xff\x10\x04Too many connections", Some("Too many connections (1040)")),
            (b"\x18\0\0\0\xff\x69\x04#HY000Host is blocked", Some("Host is blocked (1129)")),
            (b"421 Service not available\r\nmore", Some("421 Service not available")),
            (b"", None),
            (b"\r\n", None),
            (b"R\0\0\0\x08\0\0\0\0", None),
        ] {
            assert_eq!(excuse(heard), expected.map(Text::from), "{}", heard.escape_ascii());
        }
        assert_eq!(excuse(&[b'x'; 1000]).unwrap().raw().len(), 200);
    }
}
