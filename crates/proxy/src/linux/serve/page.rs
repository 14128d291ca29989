//! Pages of our own: what is said where there is no file, and what all of them have in common.

use std::fmt::Write;

use portward_wire::http::Head;

use super::{
    guard::takes_html,
    reply::{Body, Reply, reason},
};

/// A refusal: a page for people, a sentence for programs.
pub(super) fn refusal(status: u16, head: Option<&Head<'_>>, sentence: &str) -> Reply {
    let reply = if head.is_some_and(takes_html) {
        let text = format!(
            "<main class=\"refusal\"><h1>{status} <span>{}</span></h1><p>{}</p></main>",
            reason(status),
            escaped(sentence.as_bytes())
        );
        page(status, reason(status), &text)
    } else {
        let text = format!("{sentence}\n").into_bytes();
        Reply::new(status, Body::Bytes(text)).with("Content-Type", "text/plain; charset=utf-8")
    };
    let reply = reply.with("X-Content-Type-Options", "nosniff");
    if head.is_some_and(|head| head.method == "HEAD") { Reply { bodiless: true, ..reply } } else { reply }
}

/// A page around its content. Nothing in it is loaded from anywhere, and no script of it runs but ours.
pub(super) fn page(status: u16, title: &str, content: &str) -> Reply {
    let text = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{}</title><style>{STYLE}</style></head>\n<body>{content}</body></html>\n",
        escaped(title.as_bytes())
    );
    Reply::new(status, Body::Bytes(text.into_bytes()))
        .with("Content-Type", "text/html; charset=utf-8")
        .with("Content-Security-Policy", POLICY)
        .with("X-Content-Type-Options", "nosniff")
        .with("Referrer-Policy", "no-referrer")
}

/// Bytes as text of a page, in which they are inert: markup is escaped, and so is what a reader could not see, or that would turn the line
/// around. What is no UTF-8 stands as `\xff`.
pub(super) fn escaped(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '&' => text.push_str("&amp;"),
                '<' => text.push_str("&lt;"),
                '>' => text.push_str("&gt;"),
                '"' => text.push_str("&quot;"),
                '\'' => text.push_str("&#39;"),
                _ if c.is_control() || is_turning(c) => {
                    let _ = write!(text, "<i>\\u{{{:x}}}</i>", u32::from(c));
                }
                _ => text.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(text, "<i>\\x{byte:02x}</i>");
        }
    }
    text
}

/// Characters that change how others stand in a line (UAX 9), or that are not seen at all.
fn is_turning(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}')
}

/// What our own pages may do: nothing but look as they do, send a form to where they came from, and load anew.
pub(super) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; form-action 'self'; script-src 'self'; \
                                 connect-src 'self'; base-uri 'none'; frame-ancestors 'none'";

/// One look for all of them.
const STYLE: &str = "\
:root{--ink:#1d2430;--quiet:#667085;--ground:#fff;--line:#e6e9ef;--hover:#f5f7fa;--accent:#0b63ce}\
@media(prefers-color-scheme:dark){:root{--ink:#e6e9ef;--quiet:#98a2b3;--ground:#14171d;--line:#272c36;--hover:#1c212a;--accent:#7ab7ff}}\
*{box-sizing:border-box}\
body{margin:0;color:var(--ink);background:var(--ground);font:15px/1.5 system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',sans-serif}\
main{max-width:60rem;margin:0 auto;padding:2rem 1rem 4rem}\
h1{font-size:1.15rem;font-weight:600;margin:0 0 1.25rem;overflow-wrap:anywhere}\
h1 a{color:var(--quiet)}h1 a:hover{color:var(--accent)}h1 b{font-weight:600}h1 span{color:var(--quiet);font-weight:400}\
a{color:inherit;text-decoration:none}\
table{width:100%;border-collapse:collapse}\
th{text-align:left;font-size:.8rem;font-weight:500;color:var(--quiet);padding:.4rem .6rem;border-bottom:1px solid var(--line);white-space:nowrap}\
th a:hover{color:var(--accent)}\
td{padding:0;border-bottom:1px solid var(--line)}\
td a{display:block;padding:.45rem .6rem;overflow-wrap:anywhere}\
td+td,th+th{text-align:right;white-space:nowrap;color:var(--quiet);font-variant-numeric:tabular-nums;padding:.45rem .6rem}\
tr:hover td{background:var(--hover)}tr:hover a{color:var(--accent)}a:focus-visible{outline:2px solid var(--accent);outline-offset:-2px}\
td i{font-style:normal;opacity:.55}.folder{font-weight:600}\
p{color:var(--quiet)}form{display:flex;gap:.6rem;flex-wrap:wrap;align-items:center;margin:1.5rem 0 0;padding:.8rem;border:1px dashed var(--line);border-radius:8px}\
button{font:inherit;color:var(--ground);background:var(--accent);border:0;border-radius:6px;padding:.35rem .9rem;cursor:pointer}\
.refusal{padding-top:18vh;text-align:center}.refusal h1{font-size:1.6rem}\
@media(max-width:36rem){td+td+td,th+th+th{display:none}}";

#[cfg(test)]
mod tests {
    use super::escaped;

    #[test]
    fn names_are_inert() {
        assert_eq!(escaped(b"<script>\"'&"), "&lt;script&gt;&quot;&#39;&amp;");
        assert_eq!(escaped(b"a\nb\x1b"), "a<i>\\u{a}</i>b<i>\\u{1b}</i>");
        assert_eq!(escaped("a\u{202e}b".as_bytes()), "a<i>\\u{202e}</i>b");
        assert_eq!(escaped(b"\xffx\xc3"), "<i>\\xff</i>x<i>\\xc3</i>");
        assert_eq!(escaped("grüße".as_bytes()), "grüße");
    }
}
