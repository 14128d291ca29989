//! What a role is told, with its types.

use super::super::service::Settings;
use crate::LabError;

/// The settings of a service.
pub(in crate::linux) struct Stage<'a> {
    settings: &'a Settings,
}

impl<'a> Stage<'a> {
    pub(in crate::linux) fn new(settings: &'a Settings) -> Self {
        Self { settings }
    }

    /// A text, if it was given.
    pub(in crate::linux) fn text(&self, key: &str) -> Result<Option<&'a str>, LabError> {
        self.one(key, "text", toml::Value::as_str)
    }

    /// A text that must be given.
    pub(in crate::linux) fn needed(&self, key: &str) -> Result<&'a str, LabError> {
        self.text(key)?.ok_or_else(|| LabError::new(format!("{key} is missing")))
    }

    /// A number, if it was given.
    pub(in crate::linux) fn number(&self, key: &str) -> Result<Option<u64>, LabError> {
        self.one(key, "a number", |value| value.as_integer().and_then(|number| u64::try_from(number).ok()))
    }

    /// A yes or no.
    pub(in crate::linux) fn flag(&self, key: &str, otherwise: bool) -> Result<bool, LabError> {
        Ok(self.one(key, "true or false", toml::Value::as_bool)?.unwrap_or(otherwise))
    }

    /// A text in which `\r`, `\n`, `\\` and `\xNN` stand for bytes.
    pub(in crate::linux) fn bytes(&self, key: &str) -> Result<Option<Vec<u8>>, LabError> {
        let Some(text) = self.text(key)? else { return Ok(None) };
        unescaped(text).map(Some).ok_or_else(|| LabError::new(format!("{key} has an escape that is none: {text}")))
    }

    fn one<T>(&self, key: &str, kind: &str, read: impl Fn(&'a toml::Value) -> Option<T>) -> Result<Option<T>, LabError> {
        let Some(value) = self.settings.get(key) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| LabError::new(format!("{key} is {kind}, and not {value:?}")))
    }
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        bytes.push(match rest.next()? {
            b'r' => b'\r',
            b'n' => b'\n',
            b'\\' => b'\\',
            b'x' => {
                let digits = [rest.next()?, rest.next()?];
                u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
            }
            _ => return None,
        });
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::unescaped;

    #[test]
    fn bytes_are_written_as_text() {
        assert_eq!(unescaped(r"-ERR\r\n\x16\x03\\").unwrap(), b"-ERR\r\n\x16\x03\\");
        for bad in [r"\", r"\q", r"\x1", r"\xzz"] {
            assert!(unescaped(bad).is_none(), "{bad}");
        }
    }
}
