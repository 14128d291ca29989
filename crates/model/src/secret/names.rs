//! What the name of an option, a variable, a header or a field says of its value.

use super::words::{is_one_of, words};

/// How much may be shown of a value, by the name that it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Grade {
    /// It names a thing that has a name of its own, be it one with numbers in it: a host, a device, an id.
    Thing,
    /// It says nothing.
    Unknown,
    /// It may be a secret, or the name of one, or a choice: `key`, `auth`, `-p`.
    Doubtful,
    /// It is a secret.
    Secret,
}

/// What a name says of its value. Its words are parted by signs and changes of case.
pub(super) fn grade(name: &[u8]) -> Grade {
    // `PWD=/home/ana` is a folder, and in a connection string it is what it seems to be.
    if matches!(name, b"PWD" | b"OLDPWD") {
        return Grade::Doubtful;
    }
    let small = name.to_ascii_lowercase();
    let words = words_of(name, &small);
    let (Some(&first), Some(&last)) = (words.first(), words.last()) else { return Grade::Unknown };
    let is = is_one_of;
    // `--no-auth` and `--max-tokens` speak of a choice and an amount, whatever follows.
    // `proxy_pass http://app` of nginx and its kin passes on.
    let passes = last == b"pass" && words.len() == 2 && is(&PASSING, first) && name.contains(&b'_');
    if passes || is(&DENYING, first) && words.len() > 1 {
        return Grade::Unknown;
    }
    let secret = is_secret(&words);
    let is_key = last.ends_with(b"key") || last == b"keys";
    let doubtful = words.iter().any(|word| is(&DOUBTFUL, word) || word.ends_with(b"key") && !is(&NO_KEYS, word));
    // `--password-file`, `--auth-method`, `--token-url`: what they name is judged for itself.
    if is(&HARMLESS, last) {
        return if words.len() > 1 && (secret || doubtful) { Grade::Unknown } else { Grade::Thing };
    }
    if secret {
        // `--secret-id` and `--key-id` are half of one.
        return if is(&HALVES, last) && words.len() > 1 { Grade::Doubtful } else { Grade::Secret };
    }
    let of_order = words.len() > 1 && is_key && words.iter().any(|word| is(&KEYS_OF_ORDER, word));
    match doubtful && !of_order {
        true => Grade::Doubtful,
        false if is(&THINGS, last) => Grade::Thing,
        false => Grade::Unknown,
    }
}

fn is_secret(words: &[&[u8]]) -> bool {
    let last = words.last().copied().unwrap_or_default();
    let whole = words.iter().any(|word| is_one_of(&SECRET, word) || holds_secret(word));
    let pair = |first: &[u8], second: &[u8]| {
        let key = matches!(second, b"key" | b"keys") && is_one_of(&KEY_KINDS, first);
        let spoken =
            matches!((first, second), (b"pass", b"word" | b"phrase" | b"code") | (b"seed", b"phrase") | (b"pre", b"shared"));
        key || spoken || matches!((first, second), (b"account" | b"shared", b"access")) && last == b"key"
    };
    whole || words.iter().zip(words.iter().skip(1)).any(|(first, second)| pair(first, second))
}

/// True for names that were written without signs: `PGPASSWORD`, `DBPASS`, `authtoken`, `storepass`.
fn holds_secret(word: &[u8]) -> bool {
    let ends = |part: &[u8]| word.len() > part.len() && word.ends_with(part);
    let begins = |part: &[u8]| word.starts_with(part);
    let spoken = |rest: &[u8]| {
        let parts: &[&[u8]] = match rest.first() {
            Some(b'p') => &[b"passw", b"passphrase", b"passcode"],
            Some(b's') => &[b"secret"],
            Some(b'c') => &[b"credential"],
            Some(b'a') => &[b"apikey"],
            Some(b'b') => &[b"bearer"],
            Some(b'm') => &[b"mnemonic"],
            _ => &[],
        };
        parts.iter().any(|part| rest.starts_with(part))
    };
    let key = word.strip_suffix(b"keys").or(word.strip_suffix(b"key"));
    (0..word.len()).any(|at| word.get(at..).is_some_and(spoken))
        || ends(b"pass") && !is_one_of(&NO_PASS, word)
        || ends(b"pwd")
        || (begins(b"token") || ends(b"token") || ends(b"tokens")) && !begins(b"tokeni")
        || ends(b"cookie")
        || ends(b"sessid")
        || ends(b"sessionid")
        || ends(b"webhook")
        || key.is_some_and(|kind| KEY_KINDS.iter().any(|known| kind.ends_with(known.as_bytes())))
}

/// Words of a name, parted at signs and where small letters are followed by a capital. `small` is the name in small letters.
fn words_of<'a>(name: &[u8], small: &'a [u8]) -> Vec<&'a [u8]> {
    let mut words = Vec::with_capacity(8);
    let (mut start, mut previous_lower) = (None, false);
    for (at, b) in name.iter().enumerate() {
        let parts = !b.is_ascii_alphanumeric();
        if let Some(begun) = start.filter(|_| parts || b.is_ascii_uppercase() && previous_lower) {
            words.extend(small.get(begun..at));
            start = None;
        }
        previous_lower = b.is_ascii_lowercase();
        start = if parts { None } else { start.or(Some(at)) };
    }
    words.extend(start.and_then(|begun| small.get(begun..)));
    words
}

/// True for the name of a call that proves who asks: `login(`, `client.authenticate(`.
pub(super) fn is_proof(name: &[u8]) -> bool {
    let small = name.to_ascii_lowercase();
    words_of(name, &small).last().is_some_and(|last| is_one_of(&PROOFS, last))
}

words! {
    /// Words that make a name a secret's. They match whole words, so that `--max-tokens`, `--keyboard` and `--author` are left alone.
    SECRET = "pass passwd pwd pw passwds secret secrets token tokens apikey cred creds credential credentials authorization bearer \
     cookie cookies requirepass masterauth jwt sas signature sig authkey psk otp totp pin hmac csrf xsrf sessionid sid macaroon webhook \
     sshkey privkey privatekey accesskey secretkey mnemonic userpwd userpass passkey wpa wep extraheader rpcauth pincode otpauth captcha";
    /// What a key must be of to be a secret by its name.
    KEY_KINDS = "api access secret private encryption signing master account app application auth license licence host recovery \
     unseal shared storage service deploy ssh rpc encrypt crypt hmac session decryption cipher write read admin function client consumer \
     instrumentation ingest preshared stream wallet base signer";
    /// Words that may speak of a secret.
    DOUBTFUL = "key keys auth authentication seed salt hash nonce cert certificate pem session dsn login license licence hex \
     community unlock unseal storekey code basic userinfo";
    /// Words that end so and are no keys.
    NO_KEYS = "monkey hockey turkey donkey whiskey hotkey turnkey jockey hostkey pubkey publickey sortkey";
    /// Keys of data, not of doors.
    KEYS_OF_ORDER = "sort partition primary foreign routing group order public shard row range cache index map pub metric label grouping";
    /// Last words of calls that prove who asks.
    PROOFS = "login auth authenticate password signin identify passwd token secret credentials";
    /// What nginx passes requests on by.
    PASSING = "proxy fastcgi grpc uwsgi scgi memcached";
    /// Words that end in `pass` and speak of none.
    NO_PASS = "bypass compass trespass encompass overpass underpass surpass lowpass highpass bandpass multipass twopass";
    /// First words after which a name speaks of a choice or an amount.
    DENYING = "no max min num count without skip disable total";
    /// Last words of names of places, choices and amounts.
    HARMLESS = "file files path paths dir directory folder method methods mode type url uri host port name policy length len ttl local \
     plugin size count limit limits timeout expiry expiration expires age lifetime interval format alg algorithm algorithms provider \
     backend issuer audience scheme realm prefix suffix version enabled required domain samesite manager cmd command script location \
     source server endpoint bits cost rounds iterations header var ref cache db database stdin prompt ca roots store keystore \
     truststore helper retries modules module attribute claim column field filter group groups class level checking check verification types exchange management rotation usage";
    /// Last words that make the name of a secret that of its other half.
    HALVES = "id ids user username login names arn thumbprint fingerprint state";
    /// Words for things that have names with numbers in them.
    THINGS = "id ids uuid host hosts hostname node nodes interface iface if dev device devices bridge queue queues topic topics zone \
     zones region label labels tag tags image images version branch index table service services release profile env environment \
     project app kernel arch machine cpu cpus model codec user username address addr ip listen bind port ports name names title lang \
     locale class group gid uid cluster shard replica slot bus mac netdev drive chardev serial display vendor product platform namespace \
     ns container pod job task worker workers target targets triple sha digest revision rev commit socket domain handle handles \
     version encoding charset protocol cipher ciphers suites suite curve schema role family preset theme instance network subnet \
     vlan disk volume partition mount build channel edition locales font theme backend server servers features tz from to at";
}

#[cfg(test)]
mod tests {
    use super::{Grade, grade};

    #[test]
    fn names_say_what_their_values_are() {
        for (names, wanted) in [
            (
                "PGPASSWORD DBPASS SSH_KEY --passcode awsSecretAccessKey api-key X-Api-Key MYSQL_PWD AccountKey --auth-token -storepass \
                 _authToken requirepass --privateKey SECRET_KEY_BASE x-amz-signature wifi_psk PHPSESSID registrationToken userPwd",
                Grade::Secret,
            ),
            ("--key --auth --seed ssl_cert session license-x secret-id --pkey DSN", Grade::Doubtful),
            (
                "--max-tokens --no-auth --password-file --auth-method --token-url --tokenizer --compass --bypass --author --keyboard \
                 --monkey --sort-key --public-key",
                Grade::Unknown,
            ),
            ("--host --node-name id --device hostname", Grade::Thing),
        ] {
            for name in names.split_ascii_whitespace() {
                let found = grade(name.as_bytes());
                let found = if wanted == Grade::Unknown && found == Grade::Thing { Grade::Unknown } else { found };
                assert_eq!(found, wanted, "{name}");
            }
        }
    }
}
