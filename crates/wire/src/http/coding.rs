//! `Accept-Encoding` (RFC 9110 section 12.5.3).

/// A content coding that is known here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Coding {
    /// `br`, RFC 7932.
    Brotli,
    /// `zstd`, RFC 8878.
    Zstd,
    /// `gzip`, RFC 1952.
    Gzip,
}

impl Coding {
    /// All of them; of two that a client likes equally, the earlier one is given.
    pub const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Its name in a field.
    pub fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// What the name of a file ends with that was packed before.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Brotli => ".br",
            Self::Zstd => ".zst",
            Self::Gzip => ".gz",
        }
    }
}

/// The codings that a client takes, best first. None where it prefers what is not packed, or says nothing.
pub fn accepted<'a>(fields: impl Iterator<Item = &'a [u8]>) -> Vec<Coding> {
    let (mut named, mut any, mut plain) = ([None; 3], None, None);
    for word in fields.flat_map(|field| field.split(|byte| *byte == b',')) {
        let mut parts = word.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let name = parts.next().unwrap_or_default();
        let Some(weight) = weight(parts) else { continue };
        if name == b"*" {
            any = Some(weight);
        } else if name.eq_ignore_ascii_case(b"identity") {
            plain = Some(weight);
        } else {
            let is = |coding: &Coding| {
                name.eq_ignore_ascii_case(coding.name().as_bytes())
                    || (*coding == Coding::Gzip && name.eq_ignore_ascii_case(b"x-gzip"))
            };
            for (coding, slot) in Coding::ALL.iter().zip(&mut named) {
                if is(coding) {
                    *slot = Some(weight);
                }
            }
        }
    }
    let floor = plain.unwrap_or(0);
    let weighed = Coding::ALL.into_iter().zip(named).map(|(coding, own)| (coding, own.or(any).unwrap_or(0)));
    let mut liked: Vec<(Coding, u16)> = weighed.filter(|(_, weight)| *weight > 0 && *weight >= floor).collect();
    liked.sort_by_key(|(_, weight)| std::cmp::Reverse(*weight));
    liked.into_iter().map(|(coding, _)| coding).collect()
}

/// The weight in thousandths; `None` for one that is none.
fn weight<'a>(mut parts: impl Iterator<Item = &'a [u8]>) -> Option<u16> {
    let Some(part) = parts.next() else { return Some(1000) };
    let text = std::str::from_utf8(part).ok()?;
    let text = text.strip_prefix("q=").or_else(|| text.strip_prefix("Q="))?;
    let (whole, rest) = text.split_once('.').unwrap_or((text, ""));
    if !matches!(whole, "0" | "1") || rest.len() > 3 || !rest.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let thousandths: u16 = format!("{rest:0<3}").parse().ok()?;
    let weight = if whole == "1" { 1000 + thousandths } else { thousandths };
    (weight <= 1000).then_some(weight)
}

#[cfg(test)]
mod tests {
    use super::{Coding, accepted};

    #[test]
    fn what_a_client_likes_best_comes_first() {
        use Coding::{Brotli, Gzip, Zstd};
        let of = |field: &str| accepted([field.as_bytes()].into_iter());
        assert_eq!(of("gzip, deflate, br, zstd"), [Brotli, Zstd, Gzip]);
        assert_eq!(of("gzip;q=1.0, br;q=0.5"), [Gzip, Brotli]);
        assert_eq!(of("gzip;q=0, *"), [Brotli, Zstd]);
        assert_eq!(of("*;q=0"), []);
        assert_eq!(of("identity, gzip;q=0.5"), [], "what is not packed is preferred");
        assert_eq!(of("identity;q=0.5, gzip;q=0.5"), [Gzip]);
        assert_eq!(of("identity;q=0, GZIP"), [Gzip]);
        assert_eq!(of("x-gzip"), [Gzip]);
        for none in ["", "deflate", "gzip;q=", "gzip;q=2", "gzip;q=0.0001", "gzip;q=1.001", "gzip;x=1", "gzip;q=0.000"] {
            assert_eq!(of(none), [], "{none}");
        }
        assert_eq!(accepted([&b"br;q=0.1"[..], b"gzip"].into_iter()), [Gzip, Brotli]);
    }
}
