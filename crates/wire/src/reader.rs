//! A cursor over bytes that cannot read past their end.

use std::fmt;

/// The bytes ended before the value did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated;

impl fmt::Display for Truncated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the message ends before its last field")
    }
}

impl std::error::Error for Truncated {}

/// Reads fixed-size values from the front of a slice. Netlink is in the host's byte order; ports and
/// addresses inside it are big-endian.
#[derive(Clone, Copy, Debug)]
pub struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    /// Starts at the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self(bytes)
    }

    /// What has not been read yet.
    pub fn rest(self) -> &'a [u8] {
        self.0
    }

    /// The next `length` bytes.
    pub fn take(&mut self, length: usize) -> Result<&'a [u8], Truncated> {
        let (taken, rest) = self.0.split_at_checked(length).ok_or(Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    /// The next `N` bytes as an array.
    pub fn array<const N: usize>(&mut self) -> Result<[u8; N], Truncated> {
        let (taken, rest) = self.0.split_first_chunk().ok_or(Truncated)?;
        self.0 = rest;
        Ok(*taken)
    }

    /// One byte.
    pub fn u8(&mut self) -> Result<u8, Truncated> {
        self.array().map(u8::from_ne_bytes)
    }

    /// Two bytes in the host's order.
    pub fn u16(&mut self) -> Result<u16, Truncated> {
        self.array().map(u16::from_ne_bytes)
    }

    /// Two bytes in network order.
    pub fn u16_be(&mut self) -> Result<u16, Truncated> {
        self.array().map(u16::from_be_bytes)
    }

    /// Four bytes in the host's order.
    pub fn u32(&mut self) -> Result<u32, Truncated> {
        self.array().map(u32::from_ne_bytes)
    }

    /// Eight bytes in the host's order.
    pub fn u64(&mut self) -> Result<u64, Truncated> {
        self.array().map(u64::from_ne_bytes)
    }
}
