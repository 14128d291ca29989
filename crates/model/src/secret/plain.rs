//! What is known to be harmless: numbers, addresses, paths, and words that hold nothing but words.

use super::{
    letters,
    names::Grade,
    shapes,
    words::{is_one_of, words},
};

/// True when a value, of which the name that it has says no more than this, is known to be harmless.
pub(super) fn is_harmless(value: &[u8], grade: Grade) -> bool {
    // What begins one list of harmless things also begins a word: `!*.log`, `+x`, `@scope/name`, `^18`.
    let bare = value.strip_prefix(b"!").or(value.strip_prefix(b"^")).or(value.strip_prefix(b"~")).unwrap_or(value);
    if shapes::is_token(value) {
        return false;
    }
    match grade {
        Grade::Secret => is_choice(value) || is_reference(value) || is_place_of_file(value),
        Grade::Doubtful => {
            is_choice(value)
                || is_reference(value)
                || value.len() <= 9 && is_number(value)
                || is_address(value)
                || is_path(value)
                || is_file(value)
                || is_one_of(&WORDS, value)
                || value.len() <= 2 && value.iter().all(u8::is_ascii_alphabetic)
        }
        Grade::Unknown | Grade::Thing => {
            let thing = grade == Grade::Thing;
            is_number(bare)
                || is_address(bare)
                || is_path(bare)
                || is_file(bare)
                || is_reference(value)
                || are_words(bare, thing)
                || thing && is_id(bare)
        }
    }
}

/// What stands for no value of its own, whatever it is the value of.
fn is_choice(value: &[u8]) -> bool {
    value.is_empty() || value == b"***" || value == b"-" || is_one_of(&CHOICES, value)
}

/// `${NAME}`, `{{ name }}`, `<name>`, `$(NAME)`: where the value comes from.
pub(super) fn is_reference(value: &[u8]) -> bool {
    let marks: [(&[u8], &[u8]); 5] = [(b"${", b"}"), (b"{{", b"}}"), (b"$(", b")"), (b"<", b">"), (b"%{", b"}")];
    let inside = marks.iter().find_map(|(start, end)| value.strip_prefix(*start)?.strip_suffix(*end));
    inside.is_some_and(|name| !name.is_empty() && name.iter().all(|b| b.is_ascii_alphabetic() || matches!(b, b'_' | b'.' | b' ')))
}

/// Digits with what belongs to amounts, ranges, sizes, dates, versions and masks: `512m`, `0.5`, `3000-3999`, `10.0.0.0/8`, `2025-11-20T10:00:00Z`.
fn is_number(value: &[u8]) -> bool {
    let hex = value.strip_prefix(b"0x").is_some_and(|digits| digits.len() <= 16 && digits.iter().all(u8::is_ascii_hexdigit));
    let mut digits = false;
    let pieces = value.split(|b| matches!(b, b'.' | b',' | b':' | b'-' | b'_' | b'/' | b'x' | b'+' | b'%' | b'~' | b'*' | b'='));
    let all = pieces.into_iter().all(|piece| {
        let length = piece.iter().take_while(|b| b.is_ascii_digit()).count();
        digits |= length > 0;
        let (number, unit) = piece.split_at(length);
        let exponent = unit.strip_prefix(b"e").is_some_and(|rest| !rest.is_empty() && rest.iter().all(u8::is_ascii_digit));
        let time = unit.strip_prefix(b"T").is_some_and(|rest| rest.iter().all(|b| b.is_ascii_digit() || *b == b'Z'));
        let compound = unit.len() <= 8 && unit.iter().all(|b| b.is_ascii_digit() || matches!(b, b'h' | b'm' | b's' | b'd'));
        number.len() <= MOST_DIGITS
            && (unit.is_empty() || length > 0 && (is_one_of(&UNITS, unit) || exponent || time || compound))
    });
    hex || digits && all
}

/// An address of the network or a link, with what addresses carry: a port, a zone, a prefix; a name with a port.
fn is_address(value: &[u8]) -> bool {
    if value.len() > LONGEST_ADDRESS {
        return false;
    }
    let numeric = value.iter().any(|b| matches!(b, b'.' | b':'))
        && value.iter().all(|b| b.is_ascii_hexdigit() || matches!(b, b'.' | b':' | b'[' | b']' | b'*' | b'/'))
        && value
            .split(|b| !b.is_ascii_hexdigit())
            .all(|group| group.len() <= 4 || group.iter().all(u8::is_ascii_digit) && group.len() <= 5)
        && value.iter().filter(|b| matches!(b, b':' | b'.')).count() <= 12;
    // fe80::1%eth0
    let zoned = value.split(|b| *b == b'%').count() == 2
        && value
            .split(|b| *b == b'%')
            .next()
            .is_some_and(|address| address.starts_with(b"fe80:") || address.starts_with(b"[fe80:"));
    let mut ends = value.rsplitn(2, |b| *b == b':');
    let port = ends.next().is_some_and(|port| !port.is_empty() && port.len() <= 5 && port.iter().all(u8::is_ascii_digit));
    let host = ends.next().is_some_and(is_host);
    // `8080:db.internal:5432`, `127.0.0.1:8080:db:80`
    numeric || zoned || port && host || is_domain(value)
}

fn is_host(host: &[u8]) -> bool {
    let tail = host.rsplit(|b| *b == b':').next().unwrap_or(host);
    let before = host.strip_suffix(tail).unwrap_or_default();
    (tail == b"*" || tail.is_empty() || are_words(tail, true) || is_address(tail))
        && (before.is_empty() || is_number(before) || is_address(before))
}

/// A name below a domain that is known: `registry.example.com`.
fn is_domain(value: &[u8]) -> bool {
    let mut labels = value.rsplit(|b| *b == b'.');
    let top = labels.next().is_some_and(|top| is_one_of(&TOPS, top));
    top && value.contains(&b'.') && are_words(value, true)
}

/// A path from the root or from here, or one that ends in the name of a file.
fn is_path(value: &[u8]) -> bool {
    // `/usr/bin/mysql -px` is a line.
    if value.iter().any(u8::is_ascii_whitespace) {
        return false;
    }
    let drive = matches!(value, [letter, b':', b'\\' | b'/', ..] if letter.is_ascii_alphabetic());
    let rooted = drive || [&b"/"[..], b"./", b"../", b"~/", b"@/"].iter().any(|start| value.starts_with(start));
    let whole = matches!(value, b"." | b".." | b"~" | b"/");
    // Base64 has a slash, too; and a plus, and signs at its end.
    let encoded = value.iter().any(|b| matches!(b, b'+' | b'=' | b'#' | b'&' | b'?' | b'!' | b'$' | b'*' | b'|' | b'<' | b'>'));
    let pieces = value.split(|b| matches!(b, b'/' | b':' | b',' | b'\\'));
    let readable = || pieces.clone().all(|piece| !shapes::is_token(piece) || is_id(piece));
    let deep = value.iter().filter(|b| matches!(b, b'/' | b'\\')).count() > 1;
    let plain = || pieces.clone().all(|piece| piece.is_empty() || is_file(piece) || is_number(piece) || are_words(piece, true));
    whole || rooted && (!encoded && (deep || value.len() < 24 || is_file(value)) && readable() || plain())
}

/// A path from the root, of words: what is meant to be kept in a file is named by its path.
fn is_place_of_file(value: &[u8]) -> bool {
    let deep = value.iter().skip(1).any(|b| *b == b'/');
    value.starts_with(b"/") && !value.starts_with(b"//") && deep && are_words(value, false)
}

/// The name of a file of a usual kind.
fn is_file(value: &[u8]) -> bool {
    let mut parts = value.rsplitn(2, |b| *b == b'.');
    let ending = parts.next().is_some_and(|ending| is_one_of(&ENDINGS, ending));
    let signs = |b: &u8| {
        b.is_ascii_alphanumeric() || !b.is_ascii() || matches!(b, b'/' | b'.' | b'-' | b'_' | b'@' | b'~' | b'*' | b'%' | b'+')
    };
    let stem = parts
        .next()
        .is_some_and(|stem| stem.len() <= 200 && stem.iter().all(signs) && !stem.split(|b| *b == b'/').any(shapes::is_token));
    ending && stem
}

/// An identifier in hexadecimal digits, grouped or not.
fn is_id(value: &[u8]) -> bool {
    let digits = value.iter().filter(|b| b.is_ascii_hexdigit()).count();
    let value = value.strip_prefix(b"sha256:").unwrap_or(value);
    digits >= 7 && value.iter().all(|b| b.is_ascii_hexdigit() || *b == b'-')
}

/// Words and numbers with signs between them, no more than one of which is an abbreviation with digits in it. Things may be numbered.
pub(super) fn are_words(value: &[u8], thing: bool) -> bool {
    let between =
        |b: &u8| matches!(b, b'-' | b'_' | b'.' | b':' | b'/' | b',' | b'@' | b'+' | b'*' | b'%' | b'=' | b'[' | b']' | b'~');
    let mut mixed = 0;
    let mut letters = 0;
    let all = value.split(between).all(|piece| {
        if piece.is_empty() {
            return true;
        }
        if !piece.iter().any(u8::is_ascii_digit) {
            letters += piece.len();
            return is_spoken(piece);
        }
        if piece.iter().all(u8::is_ascii_digit) {
            return piece.len() <= 8;
        }
        mixed += usize::from(!is_numbered(piece, false) || piece.len() > 3);
        is_numbered(piece, thing)
    });
    let digest = value.windows(7).any(|part| part == b"sha256:") && value.rsplit(|b| *b == b':').next().is_some_and(is_id);
    let digest = digest && value.split(|b| *b == b'@').next().is_some_and(|name| name == value || are_words(name, true));
    // `p@ssword` is no user at a host.
    let at = value.iter().position(|b| *b == b'@').is_none_or(|at| at == 0 || at > 1 && value.len() > at + 1);
    digest || at && all && (mixed <= 1 || thing) && !is_padded(value)
}

/// Base64 ends so.
fn is_padded(value: &[u8]) -> bool {
    value.ends_with(b"=") && value.len() > 8
}

/// Letters that are words, or too few to hold a secret.
fn is_spoken(piece: &[u8]) -> bool {
    if !piece.iter().all(|b| b.is_ascii_alphabetic() || !b.is_ascii()) {
        return false;
    }
    if !piece.is_ascii() {
        return std::str::from_utf8(piece).is_ok_and(|text| text.chars().all(char::is_alphanumeric)) && piece.len() <= 40;
    }
    let (mut words, mut start) = (0, 0);
    for at in 1..=piece.len() {
        let upper = |at: usize| piece.get(at).is_some_and(u8::is_ascii_uppercase);
        // `HTTPServer` is two words, as `httpServer` is.
        let turns = upper(at) && (!upper(at - 1) || piece.get(at + 1).is_some_and(u8::is_ascii_lowercase));
        if at == piece.len() || turns {
            let word = piece.get(start..at).unwrap_or_default();
            if word.len() > 4 && !letters::is_word(word) && !is_one_of(&WORDS, word) {
                return false;
            }
            (words, start) = (words + 1, at);
        }
    }
    piece.len() <= 5 || piece.len() >= words * 3
}

/// Letters with digits among them that are usual: `s3`, `k8s`, `x86`, `sha256`, `python3`, `worker12`; of a thing, any word with a number.
fn is_numbered(piece: &[u8], thing: bool) -> bool {
    let start = piece.iter().take_while(|b| b.is_ascii_alphabetic()).count();
    let (word, rest) = piece.split_at(start);
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let (_, end) = rest.split_at(digits);
    if word.is_empty() {
        return digits <= 4 && (end.len() <= 2 && end.iter().all(u8::is_ascii_alphabetic) || is_one_of(&UNITS, end));
    }
    let known = is_one_of(&STEMS, word) || is_one_of(&WORDS, word);
    let short = piece.len() <= 4 && end.iter().all(u8::is_ascii_alphabetic);
    let numbered = end.is_empty() && digits <= 4;
    short
        || numbered && (known || start == 1 || thing && is_spoken(word))
        || thing && piece.len() <= 12 && (is_one_of(&STEMS, word) || start <= 4 && is_interface(rest))
        || known && digits <= 2 && is_one_of(&WORDS, end)
}

/// What follows `enp` in `enp0s31f6`, and `nvme` in `nvme0n1p2`.
fn is_interface(rest: &[u8]) -> bool {
    let mut letters = 0;
    rest.iter().all(|b| {
        letters = if b.is_ascii_digit() { 0 } else { letters + 1 };
        letters <= 1 && (b.is_ascii_digit() || matches!(b, b's' | b'f' | b'n' | b'p' | b'd' | b'x'))
    })
}

const MOST_DIGITS: usize = 20;
/// No address is longer, with the ports on both sides of a tunnel.
const LONGEST_ADDRESS: usize = 300;

words! {
    /// What measures.
    UNITS = "b k m g t p kb mb gb tb ki mi gi ti kib mib gib kbit mbit gbit ms us ns s sec secs h hr d w y min mins hz khz mhz ghz px em \
     rem vh vw pct bps kbps mbps fps dpi mm cm db th st nd rd x c v z";
    /// Settings that are no secret, whatever they are the setting of.
    CHOICES = "true false yes no on off none null nil auto always never required optional enabled disabled enable disable allow deny \
     prompt ask stdin basic digest bearer oauth oauth2 ntlm negotiate kerberos gssapi ldap saml oidc md5 trust peer reject scram-sha-256 \
     ident cert pam radius anonymous guest default any all scram-sha-512 plain login list ls get create delete add show status generic help";
    /// Words that stand beside names and choices of every kind, and before numbers.
    WORDS = "all any app apps api arch arm auth auto backend base basic beta board bridge broker build bundle cache celery channel chrome \
     class cli client clients cluster code compose config console consumer container core cpu create daemon data database db debug default delete dev device \
     disk django dist docker edge engine env envoy error eth eventlet events exec export file files flask follow frontend fs gateway get gevent gin git \
     gpu grafana group help host hot http https icmp id image index info ingress init inner input install internal ip ipc java jdk job json kernel \
     kube kubelet lan lib libs linux list listen live local localhost log logs machine main manager master max mem memory mesh message metrics min mode model \
     module monitor mount mysql net network nginx node none notebook npm null off on online open oracle out output page peer php pipe pod pool port postgres primary \
     prod production producer profile project prometheus proxy python queue rails read ready redis registry release remote render replica replicas report \
     restart root route router ruby run runner scheduler script sidekiq javaagent mojom jdwp tsconfig kwargs stdlib subcommand search secondary self serve server servers service session shard shared shell show sidecar \
     site slave socket solo spark sql src ssl stack stage staging standard start static status stderr stdin stdout stop storage store stream sync sys system table tag \
     target task tcp test testing thread threads tls topic trace udp ui unix up update upstream user users utf v version view vite volume warn warning watch wan web webpack \
     worker workers write zone prefork process processes forward accept drop reject nat filter mangle raw prerouting postrouting esm cjs umd iife browser \
     bash zsh fish sh dash perl deno bun yarn pnpm make cargo rust go gcc clang cmake ninja maven gradle spring tomcat jetty kafka zookeeper elastic \
     generic opaque rw ro rslave rshared bind tmpfs overlay nofile crit emerg notice verbose quiet silent human text plain html xml yaml csv markdown";
    /// Beginnings of names that go on with a number.
    STEMS = "pkcs seat vt amd arm armv aarch avx base bfloat blake br cam cap cgroup cpu cpython crc cuda debian dhcp dm docker ds eb ec eno ens enp enx es eth ext fd fedora float fp \
     gcc gen glibc gpu gtk h hd host hostnet http i int ip ipv iso java jdk jre jpeg k level libc llama llvm log lua lvm md mod mp mpeg mysql nfs node nvme oauth openjdk pcie phi pg php pip pod \
     postgresql python py qt qwen ruby rv s sata sd sda sdb sha smb sql sqlite ssd ssh ssl tcp temurin tls ttys tty ubuntu udp ug uint unicode usb utf uuid v \
     vd vda vers veth vhost virbr virtio virtio-disk vlan vm vnet wg win wlan wlp wlx wwan x xe xfs zstd charserial charmonitor charchannel drive disk ide scsi net serial balloon \
     rng video pci ps pty loop ram zram mmcblk nbd tap tun lxc lxcbr cni flannel cali cilium kubenet kube b q f c d e m n p r t u w z l j a g o y debug inspect";
    /// Ends of names of hosts.
    TOPS = "com org net io dev local internal localhost test example app cloud de fr uk eu us cn jp in br nl ch at it es pl se no fi lan home arpa svc \
     ai co me sh gg tv info edu gov mil int cluster intra corp";
    /// Endings of names of files.
    ENDINGS = "js ts mjs cjs jsx tsx mts cts py pyc pyz rb php pl pm sh bash zsh fish ps1 bat cmd jar war ear class java kt scala groovy clj conf cfg cnf ini toml yaml yml \
     json json5 jsonc jsonl xml html htm css scss less md rst txt log out err sock socket pid lock pem crt cer key csr der p12 pfx jks keystore truststore kdb gpg asc pub db sqlite sqlite3 sql so dll dylib exe bin \
     img iso tar gz tgz bz2 xz zst zip 7z rar csv tsv parquet env service target timer slice scope mount device path wasm map vue svelte astro go rs c h cc cpp hpp cs fs vb \
     swift m lua vim el r jl nim zig ex exs erl hs ml hcl tf tfvars nix gguf safetensors onnx pt pth ckpt model dat data qcow2 raw vmdk vdi fd rom pak asar node ipynb proto \
     graphql gql lst list rules cf rc local example sample dist old bak tmp cache index png jpg jpeg gif svg webp ico mp3 mp4 mkv avi wav flac ogg webm m3u8 ts pdf doc docx odt xls xlsx \
     ppt pptx ttf otf woff woff2 desktop deb rpm apk dmg pkg msi nupkg whl egg gem crate cgi fcgi wsgi asgi s o a ko hprof jfr trace pcap pcapng har dump rdb aof sublime-workspace code-workspace";
}
