//! Secrets that are known by their look, wherever they stand.

use super::letters;

/// True for a word that has the look of a token that some service hands out, or that was drawn at random.
pub(super) fn is_token(word: &[u8]) -> bool {
    if word.len() <= SHORTEST {
        return false;
    }
    let behind = |shape: &&[u8]| word.strip_prefix(*shape).filter(|rest| rest.len() >= SHORTEST);
    let no_word =
        |rest: &[u8]| rest.split(|b| !b.is_ascii_alphanumeric()).any(|piece| !letters::is_word(piece) && piece.len() >= SHORTEST);
    let known = TOKENS.iter().any(|shape| behind(shape).is_some()) || BEGINNINGS.iter().filter_map(behind).any(no_word);
    known && !word.contains(&b'/') || is_jwt(word) || is_drawn(word)
}

/// Three parts of base64 with points between, the first of which is an object (`{"`).
fn is_jwt(word: &[u8]) -> bool {
    let parts = word.split(|b| *b == b'.');
    let base64 = |part: &[u8]| part.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'+' | b'/' | b'='));
    word.starts_with(b"ey") && word.len() > 12 && parts.clone().count() >= 2 && parts.take(5).all(base64)
}

/// True for a long word in which letters and digits, or small letters and capitals, take turns as they do in nothing that people
/// write: `q7Zm2xK9vB4t`. Identifiers in hexadecimal digits are not meant.
fn is_drawn(word: &[u8]) -> bool {
    let mut pieces = word.split(|b| !b.is_ascii_alphanumeric());
    pieces.any(|piece| {
        let kind = |b: &u8| (b.is_ascii_digit(), b.is_ascii_uppercase());
        let turns = piece.iter().zip(piece.iter().skip(1)).filter(|(one, next)| kind(one) != kind(next)).count();
        let hex = piece.iter().all(u8::is_ascii_hexdigit) && !piece.iter().any(u8::is_ascii_uppercase);
        piece.len() >= 16 && turns * 4 >= piece.len() && piece.iter().any(u8::is_ascii_digit) && !hex
    })
}

/// Where a private key in the armour of PEM, PGP or SSH begins.
pub(super) fn armour(text: &[u8]) -> Option<usize> {
    let at = find(text, b"-----BEGIN")?;
    let kind = text.get(at..).map(|rest| rest.get(..60).unwrap_or(rest)).unwrap_or_default();
    (find(kind, b"PRIVATE").is_some() || find(kind, b"CERTIFICATE").is_none() && find(kind, b"PUBLIC").is_none()).then_some(at)
}

pub(super) fn find(text: &[u8], part: &[u8]) -> Option<usize> {
    text.windows(part.len()).position(|window| window == part)
}

/// Letters that must follow.
const SHORTEST: usize = 10;

/// Beginnings of tokens that services hand out.
#[rustfmt::skip]
const TOKENS: &[&[u8]] = &[
    b"ghp_", b"gho_", b"ghs_", b"ghu_", b"ghr_", b"github_pat_",
    b"glpat-", b"glrt-", b"gldt-", b"glcbt-", b"glptt-", b"glft-", b"glsoat-", b"glagent-", b"GR1348941",
    b"xoxb-", b"xoxp-", b"xoxa-", b"xoxe-", b"xoxe.", b"xoxr-", b"xoxs-", b"xapp-",
    b"sk_live_", b"sk_test_", b"rk_live_", b"rk_test_", b"pk_live_", b"whsec_", b"sk-ant-", b"sk-proj-",
    b"AKIA", b"ASIA", b"AIza", b"ya29.", b"GOCSPX-", b"npm_", b"pypi-", b"dckr_pat_", b"dckr_oat_", b"rubygems_",
    b"dop_v1_", b"doo_v1_", b"dor_v1_", b"api_org_", b"SG.", b"hvs.", b"hvb.", b"hvr.",
    b"shpat_", b"shpca_", b"shppa_", b"shpss_", b"AGE-SECRET-KEY-", b"AGE-PLUGIN-", b"tskey-", b"lin_api_", b"sntrys_", b"sntryu_",
    b"PMAK-", b"ATATT", b"ATCTT", b"NRAK-", b"NRII-", b"glsa_", b"gsk_", b"dp.st.", b"dp.pt.", b"CFPAT-", b"EZAK", b"EZTK",
    b"pscale_tkn_", b"pscale_pw_", b"FlyV1", b"nvapi-", b"tvly-", b"lsv2_", b"bkua_", b"ccipat_", b"LTAI", b"ntn_",
];

/// The same, of which other names begin so, too: something must follow that is no word.
#[rustfmt::skip]
const BEGINNINGS: &[&[u8]] = &[
    b"sk-", b"sk_", b"hf_", b"s.", b"SK", b"cio", b"oy2", b"key-", b"EAA", b"sbp_", b"figd_", b"dapi", b"phc_", b"phx_", b"r8_", b"xai-",
    b"pplx-", b"secret_", b"rnd_", b"fo1_", b"sq0", b"shippo_", b"pat_", b"pat-", b"nfp_", b"vercel_", b"vck_", b"ops_", b"CLOJARS_",
    b"rpa_", b"e2b_", b"bws.", b"t1.", b"y0_", b"glc_", b"duffel_", b"amzn.", b"atlasv1.", b"token_", b"tok_", b"api-", b"api_",
];
