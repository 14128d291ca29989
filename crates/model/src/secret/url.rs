//! URLs: what of them is a place, and what is a secret.

use super::{
    MASK,
    names::{Grade, grade},
    plain::is_harmless,
    reader::Reader,
    shapes::{self, find},
    value,
    words::is_one_of,
};

/// Shows a value that holds URLs: one, one behind a name, or a list of them.
pub(super) fn push_value(out: &mut Vec<u8>, text: &[u8], known: Grade, reader: &Reader) {
    let Some(sign) = find(text, b"://") else { return value::push(out, text, known, reader) };
    // A comma may belong to a URL; where each part is one, they are a list.
    let mut parts = text.split(|b| *b == b',');
    if text.contains(&b',') && parts.all(|part| find(part, b"://").is_some()) {
        for (index, part) in text.split(|b| *b == b',').enumerate() {
            if index > 0 {
                out.push(b',');
            }
            push_value(out, part, known, reader);
        }
        return;
    }
    let in_scheme = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.');
    let start = text.get(..sign).and_then(|before| before.iter().rposition(|b| !in_scheme(b))).map_or(0, |at| at + 1);
    let (before, rest) = text.split_at(start);
    // `--url=x://`, `a=1,proxy=x://`: a name of the value, or values before it.
    if let Some(name) = before.strip_suffix(b"=") {
        let named = name.rsplit(|b| matches!(b, b',' | b';' | b'&' | b'=')).next().unwrap_or(name);
        let own = grade(named).max(if known == Grade::Thing { Grade::Unknown } else { known });
        let earlier = name.strip_suffix(named).unwrap_or_default();
        if !earlier.is_empty() {
            value::push(out, earlier.get(..earlier.len() - 1).unwrap_or_default(), known, reader);
            out.extend(earlier.last());
        }
        out.extend_from_slice(named);
        out.push(b'=');
        return value::push(out, rest, own, reader);
    }
    if !before.is_empty() {
        // `jdbc:postgresql://`, `[http://x]`, `unix=/x,http://y`
        value::push(out, before.get(..before.len() - 1).unwrap_or_default(), known, reader);
        out.extend(before.last());
    }
    let end = next_of_list(rest).unwrap_or(rest.len());
    let (url, following) = rest.split_at(end);
    push(out, url, reader);
    if let Some((comma, next)) = following.split_first() {
        out.push(*comma);
        value::push(out, next, known, reader);
    }
}

/// The comma before the next URL; other commas belong to this one.
fn next_of_list(text: &[u8]) -> Option<usize> {
    let second =
        text.get(3..).and_then(|rest| Some(3 + find(rest.get(find(text, b"://")?..)?, b"://")? + find(text, b"://")?))?;
    text.get(..second)?.iter().rposition(|b| *b == b',')
}

/// Shows a URL from its scheme to its end.
pub(super) fn push(out: &mut Vec<u8>, url: &[u8], reader: &Reader) {
    let Some(sign) = find(url, b"://") else { return };
    let (scheme, rest) = url.split_at(sign);
    let rest = rest.get(3..).unwrap_or_default();
    out.extend_from_slice(scheme);
    out.extend_from_slice(b"://");
    let (user, rest) = userinfo(rest);
    if let Some(user) = user {
        push_user(out, user, scheme);
    }
    let end = rest.iter().position(|b| matches!(b, b'/' | b'?' | b'#' | b';')).unwrap_or(rest.len());
    let (authority, rest) = rest.split_at(end);
    value::push(out, authority, Grade::Thing, reader);
    let end = rest.iter().position(|b| matches!(b, b'?' | b'#' | b';')).unwrap_or(rest.len());
    let (path, rest) = rest.split_at(end);
    push_path(out, path, scheme, authority);
    push_parameters(out, rest, reader);
}

/// The part before the sign `@`, and the rest with it. A password may hold a slash, and what else people did not escape: the last sign
/// before a query ends the part, or the last of all where the query would begin inside of it.
fn userinfo(rest: &[u8]) -> (Option<&[u8]>, &[u8]) {
    let query = rest.iter().position(|b| *b == b'?').unwrap_or(rest.len());
    let before = rest.iter().take(query).rposition(|b| *b == b'@');
    // `/@vite/client` is a path.
    let first = rest.split(|b| matches!(b, b'/' | b'?' | b'#')).next().unwrap_or_default();
    let has_password = first.contains(&b':') && !first.starts_with(b"[") && !is_host_and_port(first);
    let before = before.filter(|at| has_password || *at <= first.len());
    let late = || rest.iter().rposition(|b| *b == b'@').filter(|_| has_password);
    match before.or_else(late) {
        Some(at) => (rest.get(..at), rest.get(at..).unwrap_or_default()),
        None => (None, rest),
    }
}

fn is_host_and_port(text: &[u8]) -> bool {
    let port = text.rsplit(|b| *b == b':').next().unwrap_or_default();
    port.len() <= 5 && port.iter().all(u8::is_ascii_digit)
}

/// A user is shown; a password, and what stands alone where a token does, is not.
fn push_user(out: &mut Vec<u8>, user: &[u8], scheme: &[u8]) {
    let mut parts = user.splitn(2, |b| *b == b':');
    let name = parts.next().unwrap_or_default();
    let has_secret = parts.next().is_some();
    let web = is_one_of(&WEB, scheme);
    let known = name == b"git" || name == b"oauth2" || name == b"__token__" || name == b"x-access-token";
    let shown = known || is_harmless(name, Grade::Unknown) && (has_secret || !web);
    out.extend_from_slice(if shown || name.is_empty() { name } else { MASK });
    if has_secret {
        out.push(b':');
        out.extend_from_slice(MASK);
    }
}

/// The segments of a path. Behind some words each is a key: `/services/T0/B0/x`, `/webhooks/1/x`.
fn push_path(out: &mut Vec<u8>, path: &[u8], scheme: &[u8], authority: &[u8]) {
    let mut keyed = false;
    let stream = is_one_of(&STREAMS, scheme);
    let hooks = authority.windows(4).any(|part| part.eq_ignore_ascii_case(b"hook"));
    for (index, segment) in path.split(|b| *b == b'/').enumerate() {
        if index > 0 {
            out.push(b'/');
        }
        let secret = keyed || stream && index > 1 || hooks && index > 1;
        let word = segment.split(|b| matches!(b, b'=' | b':')).next().unwrap_or(segment);
        let pair = segment.len() > word.len() + 1 && grade(word) == Grade::Secret;
        let shown = segment.is_empty() || !secret && !pair && is_harmless(segment, Grade::Thing);
        // `bot123:x`, `~user`: what is no word is shown where it is short and no key.
        out.extend_from_slice(if shown { segment } else { MASK });
        keyed |= is_one_of(&KEYED, segment) || grade(segment) == Grade::Secret && segment.len() < 12 && index > 1;
    }
}

/// What follows a path: `?a=b&c=d`, `;user=a;password=b`, `#access_token=x`.
fn push_parameters(out: &mut Vec<u8>, mut rest: &[u8], reader: &Reader) {
    while let Some((sign, tail)) = rest.split_first() {
        out.push(*sign);
        let end = tail.iter().position(|b| matches!(b, b'&' | b'#' | b';' | b'?')).unwrap_or(tail.len());
        let (pair, following) = tail.split_at(end);
        rest = following;
        match pair.iter().position(|b| *b == b'=') {
            Some(at) => {
                let (name, value) = pair.split_at(at + 1);
                let name_alone = name.strip_suffix(b"=").unwrap_or(name);
                let secret = is_one_of(&PROOFS, name_alone);
                let own = if secret { Grade::Secret } else { grade(name_alone) };
                out.extend_from_slice(if shapes::is_token(name) { MASK } else { name });
                value::push(out, value, own, reader);
            }
            None => out.extend_from_slice(if is_harmless(pair, Grade::Unknown) || pair.is_empty() { pair } else { MASK }),
        }
    }
}

super::words::words! {
    /// Schemes in which a user alone is a token.
    WEB = "http https git+https ws wss";
    /// Schemes in which a path names a stream by its key.
    STREAMS = "rtmp rtmps srt whip";
    /// Words of a path behind which keys stand.
    KEYED = "webhook webhooks hook hooks services incoming invite reset verify magic confirm unsubscribe token tokens live2 secret workflows apikey \
        auth incoming-webhook webhookb2 join shared-access";
    /// Names of parameters of URLs that prove who asks.
    PROOFS = "sig signature code state nonce k t s sid ticket assertion samlresponse samlrequest hash h hmac key auth access sign st tk pw p u_token \
        x-amz-signature x-amz-credential x-amz-security-token x-goog-signature x-goog-credential awsaccesskeyid sv_sig session otp magic jwt \
        id_token code_verifier client_assertion passwd_token q_sign oobcode se_sig license v_token expires_sig token_hint hub.verify_token";
}
