//! One value: shown whole, in parts, or not at all.

use super::{
    MASK,
    names::{Grade, grade},
    plain::{are_words, is_harmless, is_reference},
    reader::Reader,
    shapes::{self, find},
    url,
};

/// Shows of a value what may be shown.
pub(super) fn push(out: &mut Vec<u8>, value: &[u8], known: Grade, reader: &Reader) {
    let reader = reader.deeper();
    if value.is_empty() {
        return;
    }
    if known == Grade::Secret || reader.is_deep() {
        out.extend_from_slice(if is_harmless(value, Grade::Secret) { value } else { MASK });
    } else if let Some(at) = shapes::armour(value) {
        let (before, _) = value.split_at(at);
        push(out, before, known, &reader);
        out.extend_from_slice(MASK);
    } else if let Some(at) = secret_of_one(value) {
        out.extend_from_slice(value.split_at(at).0);
        out.extend_from_slice(MASK);
    } else if is_connection(value) {
        push_items(out, value, b';', known, &reader);
    } else if find(value, b"://").is_some() && !value.iter().any(|b| breaks_url(*b)) {
        url::push_value(out, value, known, &reader);
    } else if value.iter().any(|b| breaks(*b)) && !is_harmless(value, known) {
        reader.of_text(known).text(out, value);
    } else if value.contains(&b'=') {
        let separator = if find(value, b"=").is_some() && value.contains(&b'&') { b'&' } else { b',' };
        push_items(out, value, separator, known, &reader);
    } else {
        push_atom(out, value, known, &reader);
    }
}

/// Where the value begins of an argument that is one secret with its name before it, `DB_PASSWORD=a (b`: all that follows is its value,
/// whatever signs are in it.
fn secret_of_one(value: &[u8]) -> Option<usize> {
    let at = value.iter().position(|b| breaks(*b) || matches!(b, b'=' | b','))?;
    let name = value.get(..at)?;
    let of_variable = name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'.'));
    let is_one = value.get(at) == Some(&b'=') && of_variable && is_name(name) && grade(name) == Grade::Secret;
    let holds_more = value.iter().any(|b| breaks(*b)) || find(value, b"://").is_some();
    (is_one && holds_more && !is_connection(value)).then_some(at + 1)
}

/// True for what parts a value into words of a text: it is one, or code.
pub(super) fn breaks(b: u8) -> bool {
    b.is_ascii_whitespace()
        || matches!(b, b'"' | b'\'' | b'`' | b'(' | b')' | b'{' | b'}' | b'[' | b']' | b'<' | b'>' | b'|' | b';')
}

/// True for what ends a URL wherever it stands.
pub(super) fn breaks_url(b: u8) -> bool {
    b.is_ascii_whitespace() || matches!(b, b'"' | b'\'' | b'`' | b'<' | b'>' | b'|' | b'\\')
}

/// `Server=tcp:db,1433;User Id=ana;Password=a b;`: pairs with semicolons between, in which spaces are no ends.
fn is_connection(value: &[u8]) -> bool {
    let mut items = value.split(|b| *b == b';').filter(|item| !item.trim_ascii().is_empty());
    let is_name = |name: &[u8]| {
        !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b' ' | b'_' | b'-' | b'.'))
    };
    let is_pair = |item: &[u8]| item.iter().position(|b| *b == b'=').is_some_and(|at| is_name(item.split_at(at).0));
    let quoted = matches!(value.first(), Some(b'"' | b'\''));
    !quoted && value.contains(&b';') && !value.contains(&b'\n') && items.next().is_some_and(is_pair) && items.all(is_pair)
}

/// Items of a list, each a pair of a name and its value, or a value. What follows a secret without a name belongs to it: who knows
/// whether it holds the sign that parts items.
fn push_items(out: &mut Vec<u8>, value: &[u8], separator: u8, known: Grade, reader: &Reader) {
    let mut hidden = false;
    for (index, item) in value.split(|b| *b == separator).enumerate() {
        let at = item.iter().position(|b| *b == b'=').filter(|at| is_name(item.split_at(*at).0));
        if hidden && at.is_none() {
            continue;
        }
        if index > 0 {
            out.push(separator);
        }
        let Some(at) = at else {
            push_atom(out, item, known, reader);
            continue;
        };
        let (name, rest) = item.split_at(at);
        let value = rest.get(1..).unwrap_or_default();
        // `X-Token:abc=`, `pass:x=y`: the colon came first.
        let headed = name.iter().position(|b| *b == b':').filter(|at| grade(name.split_at(*at).0) == Grade::Secret);
        if let Some(at) = headed {
            out.extend_from_slice(name.split_at(at + 1).0);
            out.extend_from_slice(MASK);
            hidden = true;
            continue;
        }
        out.extend_from_slice(name);
        out.push(b'=');
        let own = grade(name).max(if known == Grade::Thing { Grade::Unknown } else { known });
        // Of an option's name more is known than of the pair's: `-var key=x`.
        push(out, value, own, reader);
        // An environment is one variable for each argument; all that follows is its value.
        let variable = index == 0 && name.iter().all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || *b == b'_');
        hidden = own == Grade::Secret && !is_reference(value);
        if hidden && variable {
            return;
        }
    }
}

/// True for what may stand before an equals sign as a name: words, be they numbered.
fn is_name(name: &[u8]) -> bool {
    let inner = |b: &u8| {
        b.is_ascii_alphanumeric()
            || matches!(b, b'_' | b'-' | b'.' | b':' | b'/' | b'@' | b' ' | b'$' | b'+' | b'?')
            || !b.is_ascii()
    };
    let readable =
        name.len() <= 3 || name.split(|b| !b.is_ascii_alphanumeric()).all(|part| part.len() <= 16 || are_words(part, true));
    !name.is_empty() && name.iter().all(inner) && readable && !shapes::is_token(name)
}

/// A value without inner pairs.
fn push_atom(out: &mut Vec<u8>, value: &[u8], known: Grade, reader: &Reader) {
    if let Some((before, after)) = userinfo(value) {
        let name = value.get(..before).unwrap_or_default();
        push_judged(out, name, Grade::Thing.max(known), reader);
        out.push(b':');
        out.extend_from_slice(MASK);
        return push_judged(out, value.get(after..).unwrap_or_default(), Grade::Thing, reader);
    }
    let colon = value.iter().position(|b| *b == b':');
    if let Some(at) = colon.filter(|at| *at > 1) {
        let (name, rest) = value.split_at(at);
        let named = grade(name);
        let rest = rest.get(1..).unwrap_or_default();
        // `X-Api-Key:x`, `pass:x`; `key:` may be the name of anything, `cookie.js:12` a place.
        if named == Grade::Secret
            && !rest.is_empty()
            && name.first().is_some_and(u8::is_ascii_alphabetic)
            && !is_harmless(rest, Grade::Secret)
        {
            out.extend_from_slice(name);
            out.push(b':');
            out.extend_from_slice(MASK);
            return;
        }
        // What is a list of places, one of which is hidden, is shown in parts; base64 and a number with a key behind it is none.
        let parts = !value.ends_with(b"=") && !name.iter().all(u8::is_ascii_digit);
        if parts && !is_judged_harmless(value, known, reader) && is_judged_harmless(name, known, reader) {
            out.extend_from_slice(name);
            out.push(b':');
            return push_judged(out, rest, known, reader);
        }
    }
    push_judged(out, value, known, reader);
}

/// `ana:SECRET@db`, where the name ends and where the sign after the secret stands. `git@host:path` and `image:1@sha256:x` are none.
pub(super) fn userinfo(value: &[u8]) -> Option<(usize, usize)> {
    let colon = value.iter().position(|b| *b == b':')?;
    let at = value.iter().rposition(|b| *b == b'@')?;
    let tail = value.get(at + 1..)?;
    let user = value.get(..colon)?;
    let plain = user.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'/' | b'\\'));
    (colon + 1 < at && !tail.is_empty() && plain && !tail.starts_with(b"sha256:")).then_some((colon, at))
}

fn is_judged_harmless(value: &[u8], known: Grade, reader: &Reader) -> bool {
    match known {
        _ if !reader.is_loose() => is_harmless(value, known),
        Grade::Secret => is_harmless(value, Grade::Secret),
        // In a file that is read for what it says, `key` and `auth` name all sorts of things.
        Grade::Doubtful => is_harmless(value, Grade::Thing) && !is_long_id(value),
        Grade::Thing | Grade::Unknown => !shapes::is_token(value),
    }
}

/// Hexadecimal digits in such number are a key as often as a name.
fn is_long_id(value: &[u8]) -> bool {
    value.len() >= 32 && value.iter().all(u8::is_ascii_hexdigit)
}

fn push_judged(out: &mut Vec<u8>, value: &[u8], known: Grade, reader: &Reader) {
    if value.is_empty() {
        return;
    }
    if is_judged_harmless(value, known, reader) {
        out.extend_from_slice(value);
        return;
    }
    // Of a list, the harmless part is shown.
    if !reader.is_loose() && value.contains(&b',') && known != Grade::Secret {
        let parts = || value.split(|b| *b == b',');
        if parts().any(|part| !part.is_empty() && is_harmless(part, known)) {
            for (index, part) in parts().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                out.extend_from_slice(if is_harmless(part, known) || part.is_empty() { part } else { MASK });
            }
            return;
        }
    }
    out.extend_from_slice(MASK);
}
