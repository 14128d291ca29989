//! A port behind an address, in all forms in which programs write one.

/// A port after a colon, and how many bytes both take. Not the line of a file that has a column too.
pub(super) fn colon_port(text: &str) -> Option<(u32, usize)> {
    // wget writes |127.0.0.1|:80, and Prisma `localhost`:`5432`.
    let lead = text.len() - text.trim_start_matches(['|', '`']).len();
    let rest = text.get(lead..)?.strip_prefix(':')?;
    let quote = usize::from(lead > 0 && rest.starts_with('`'));
    let rest = rest.get(quote..)?;
    let (port, digits) = number(rest)?;
    let follows = rest.as_bytes().get(digits..).unwrap_or_default();
    let ends = match follows {
        [b':' | b'.', next, ..] => !next.is_ascii_digit(),
        [byte, ..] => !byte.is_ascii_alphanumeric() && *byte != b'_',
        [] => true,
    };
    ends.then_some((port, lead + 1 + quote + digits))
}

/// A port after an IPv4 address: no file has such a name, so that another address may follow.
pub(super) fn address_port(text: &str) -> Option<(u32, usize)> {
    colon_port(text).or_else(|| hash_port(text)).or_else(|| argument_port(text)).or_else(|| {
        let (port, digits) = number(text.strip_prefix(':')?)?;
        text.get(1 + digits..)?.starts_with(':').then_some((port, 1 + digits))
    })
}

/// `127.0.0.1#53`, as the programs of DNS write it.
pub(super) fn hash_port(text: &str) -> Option<(u32, usize)> {
    let (port, digits) = number(text.strip_prefix('#')?)?;
    let follows = text.get(1 + digits..)?;
    (!goes_on(follows) && !follows.starts_with(|c: char| c.is_alphanumeric())).then_some((port, 1 + digits))
}

/// `bind(127.0.0.1, 143)`: the second argument of a call.
pub(super) fn argument_port(text: &str) -> Option<(u32, usize)> {
    let (port, digits) = number(text.strip_prefix(", ")?)?;
    text.get(2 + digits..)?.starts_with(')').then_some((port, 2 + digits))
}

/// Whether a number goes on after a dot, as in a version or an address.
pub(super) fn goes_on(follows: &str) -> bool {
    matches!(follows.as_bytes(), [b'.', next, ..] if next.is_ascii_digit())
}

/// A number of at most six digits, and how many there are.
pub(super) fn number(text: &str) -> Option<(u32, usize)> {
    let digits = text.bytes().take(7).take_while(u8::is_ascii_digit).count();
    (1..=6).contains(&digits).then(|| text.get(..digits)?.parse().ok()).flatten().map(|port| (port, digits))
}
