//! Texts: lines of files, messages, shell lines and code within an argument.

use super::{
    names::{Grade, grade, is_proof},
    reader::Reader,
    value::{self, breaks, breaks_url},
};

impl Reader {
    /// Shows a text word by word, with all that stands between.
    pub(super) fn text(mut self, out: &mut Vec<u8>, text: &[u8]) {
        let mut rest = text;
        let mut line_begins = true;
        // Quotes that nothing closes; of each kind the first one tells for all.
        let mut unclosed: Vec<(u8, bool)> = Vec::new();
        // `ALTER USER ana PASSWORD 'x'`: of a statement that sets a password every literal may be it.
        let (mut statement, mut sets_password) = (false, false);
        // `name="API_TOKEN" value="x"`: the name is a value itself, and the secret is the next one.
        let (mut names, mut named_one) = (false, false);
        // Of a call that proves who asks, every literal is a secret: `login('ana', 'x')`.
        let mut call: Option<u32> = None;
        // Over the comma between a name and its value.
        let (mut carried, mut offered) = (false, false);
        let mut before = b' ';
        while let Some((&sign, tail)) = rest.split_first() {
            if let Some(header) = Some(rest).filter(|_| line_begins).and_then(header) {
                let end = rest.iter().position(|b| *b == b'\n').unwrap_or(rest.len()).max(header);
                let (line, following) = rest.split_at(end);
                out.extend_from_slice(line.split_at(header).0);
                value::push(out, line.get(header..).unwrap_or_default(), Grade::Secret, &self);
                (line_begins, rest) = (false, following);
                continue;
            }
            line_begins = sign == b'\n' || line_begins && sign.is_ascii_whitespace();
            if matches!(sign, b'"' | b'\'' | b'`')
                && !(sign == b'\'' && before.is_ascii_alphanumeric())
                && !unclosed.contains(&(sign, before == b'\\'))
                && let Some(end) = closing(tail, sign, before == b'\\').or_else(|| {
                    unclosed.push((sign, before == b'\\'));
                    None
                })
            {
                let (literal, after) = tail.split_at(end);
                out.push(sign);
                let key = is_key(after.get(1..).unwrap_or_default());
                let expected = self.take_next().filter(|_| !(std::mem::take(&mut offered) && key));
                let naming = names && grade(literal) == Grade::Secret;
                if key && expected.is_none() {
                    // What a service calls a token may be the name of a field.
                    value::push(out, literal, Grade::Thing, &self);
                    names = is_naming(literal);
                    let value_named = named_one && literal.strip_suffix(b"\\").unwrap_or(literal).ends_with(b"value");
                    let own = if value_named { Grade::Secret } else { grade(literal) };
                    self.expect(own);
                } else {
                    let own =
                        if call.is_some() || sets_password { Grade::Secret } else { expected.unwrap_or_else(|| self.own()) };
                    value::push(out, literal, own.max(self.own()), &self);
                    named_one = naming;
                    // `("password", "x")`, `["db"]["password"] "x"`: what follows the name of a secret is one.
                    if own != Grade::Secret
                        && grade(literal) == Grade::Secret
                        && leads_to_literal(after.get(1..).unwrap_or_default())
                    {
                        (carried, offered) = (true, true);
                        self.expect(Grade::Secret);
                    }
                    names = false;
                }
                out.push(sign);
                before = sign;
                rest = after.get(1..).unwrap_or_default();
                continue;
            }
            if breaks(sign) || matches!(sign, b',' | b'&' | b'\\' | b'!' | b'?') {
                out.push(sign);
                // `tokens: ["a", "b"]`
                if sign == b'[' && self.is_secret_next() && call.is_none() {
                    call = Some(0);
                }
                match sign {
                    b'(' | b'[' => call = call.map(|depth| depth + 1),
                    b')' | b']' => call = call.and_then(|depth| depth.checked_sub(1)).filter(|depth| *depth > 0),
                    b'\n' | b';' | b'|' | b'&' => {
                        self.begin();
                        (statement, sets_password) = (false, false);
                    }
                    _ => {}
                }
                if matches!(sign, b',' | b'{' | b'}' | b')') && !std::mem::take(&mut carried) {
                    self.take_next();
                }
                before = sign;
                rest = tail;
                continue;
            }
            let length = word_length(rest);
            let (word, following) = rest.split_at(length.max(1));
            let opens = following.first() == Some(&b'(');
            if opens && is_proof(word) && call.is_none() {
                call = Some(0);
            }
            statement |= [&b"set"[..], b"alter", b"create", b"grant"].iter().any(|known| word.eq_ignore_ascii_case(known));
            sets_password |= statement && matches!(&word.to_ascii_lowercase()[..], b"password" | b"identified");
            // `<password>x</password>`
            let element = before == b'<' && following.starts_with(b">") && grade(word) == Grade::Secret;
            self.text_word(out, word, following, named_one, &mut names);
            if element {
                self.expect(Grade::Secret);
            }
            before = word.last().copied().unwrap_or(b' ');
            rest = following;
        }
    }

    fn text_word(&mut self, out: &mut Vec<u8>, word: &[u8], following: &[u8], named_one: bool, names: &mut bool) {
        // Between a name and its value: `=>`, `:=`, `BY`.
        if matches!(word, b"=" | b":" | b"=>" | b":=" | b"==" | b"->") || self.is_secret_next() && is_connective(word) {
            out.extend_from_slice(word);
            return;
        }
        if is_scheme(word) && !following.trim_ascii_start().is_empty() {
            out.extend_from_slice(word);
            self.expect(Grade::Secret);
            return;
        }
        let quoted = matches!(following.trim_ascii_start().first(), Some(b'"' | b'\'' | b'\\'));
        let sign = word.last().copied().filter(|last| matches!(last, b'=' | b':'));
        let spaced = is_key(following);
        let name = if sign.is_some() { word.split_at(word.len() - 1).0 } else { word };
        let bare = name.rsplit(|b| matches!(b, b'=' | b'?' | b'$')).next().unwrap_or(name);
        if (sign.is_some() || spaced) && !name.contains(&b'=') && !self.is_secret_next() {
            let own = if named_one && bare == b"value" { Grade::Secret } else { grade(bare) };
            *names = is_naming(bare);
            value::push(out, name, Grade::Thing, self);
            out.extend(sign);
            if own == Grade::Secret || sign == Some(b'=') && quoted || sign == Some(b':') || spaced {
                self.expect(own);
            }
            return;
        }
        let literal = quoted && self.is_loose() && grade(word) == Grade::Secret;
        self.argument(out, word);
        if literal {
            self.expect(Grade::Secret);
        }
    }
}

/// A header at the beginning of a text, `Authorization: Bearer x`: whatever stands behind it is its value. Where it begins.
fn header(text: &[u8]) -> Option<usize> {
    let start = text.get(..64).unwrap_or(text);
    let colon = start.windows(2).position(|window| window == b": ")?;
    let name = text.get(..colon)?;
    let plain = !name.is_empty() && name.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'));
    (plain && grade(name) == Grade::Secret).then_some(colon + 2)
}

/// The length of a word: to the next space, quote or bracket; of a URL to the next space or quote.
fn word_length(rest: &[u8]) -> usize {
    let end = |b: &u8| breaks(*b) || matches!(b, b',' | b'&' | b'\\' | b'!' | b'?');
    let length = rest.iter().position(end).unwrap_or(rest.len());
    let is_url = rest.get(..length).is_some_and(|word| word.windows(3).any(|part| part == b"://"));
    if is_url { rest.iter().position(|b| breaks_url(*b)).unwrap_or(rest.len()) } else { length }
}

/// Where the quote that opened before this ends.
fn closing(tail: &[u8], quote: u8, escaped: bool) -> Option<usize> {
    let mut skip = false;
    tail.iter().position(|b| {
        let ends = *b == quote && skip == escaped;
        skip = *b == b'\\' && !skip;
        ends
    })
}

/// True where another literal follows, with no more than a bracket and a comma between.
fn leads_to_literal(after: &[u8]) -> bool {
    let after = after.strip_prefix(b"]").unwrap_or(after).trim_ascii_start();
    let after = after.strip_prefix(b",").unwrap_or(after).trim_ascii_start();
    matches!(after.first(), Some(b'"' | b'\'' | b'`'))
}

/// True where a sign follows that makes what stood before it a name.
fn is_key(after: &[u8]) -> bool {
    let after = after.strip_prefix(b"]").unwrap_or(after).trim_ascii_start();
    let sign = after.strip_prefix(b"=>").or(after.strip_prefix(b":")).or(after.strip_prefix(b"="));
    sign.is_some_and(|rest| !rest.starts_with(b"=") && !rest.starts_with(b"/"))
}

fn is_naming(name: &[u8]) -> bool {
    let name = name.strip_suffix(b"\\").unwrap_or(name);
    name.eq_ignore_ascii_case(b"name") || name.eq_ignore_ascii_case(b"key")
}

fn is_connective(word: &[u8]) -> bool {
    [&b"by"[..], b"with", b"as", b"is", b"to", b"set", b"encrypted", b"using", b"for"]
        .iter()
        .any(|known| word.eq_ignore_ascii_case(known))
}

fn is_scheme(word: &[u8]) -> bool {
    let last = word.rsplit(|b| matches!(b, b'=' | b':')).next().unwrap_or(word);
    [&b"bearer"[..], b"basic"].iter().any(|known| last.eq_ignore_ascii_case(known))
}
