use super::{GRAMMARS, Grammar, Item, Runs, Sign, Style};

/// Numbers that look like chance, the same in every run.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % most
    }
}

/// Each way in which an option may stand before the program, as the documentation of its program has it.
fn ways(grammar: &Grammar) -> Vec<Vec<String>> {
    let mut ways = Vec::new();
    for (name, sign) in grammar.signs.split_ascii_whitespace().map(Sign::of).filter(|(name, _)| name.starts_with('-')) {
        let is_long = name.len() > 2;
        match sign {
            Sign::Value => {
                ways.push(vec![name.to_owned(), "value.js".to_owned()]);
                ways.push(vec![format!("{name}=value.js")]);
                if !is_long && grammar.style.bundles() {
                    ways.push(vec![format!("{name}value")]);
                }
            }
            Sign::Glued => {
                ways.push(vec![name.to_owned()]);
                ways.push(vec![format!("{name}{}value", if is_long { "=" } else { "" })]);
            }
            Sign::Code | Sign::Program | Sign::Itself | Sign::Path | Sign::Plain => {}
        }
    }
    ways.push(vec!["--an-option-that-nobody-knows".to_owned()]);
    ways
}

fn runs(line: &[String]) -> Option<(usize, String)> {
    let words: Vec<&[u8]> = line.iter().map(String::as_bytes).collect();
    match Grammar::of(words[0])?.runs(&words) {
        Runs::Program { at, name } => Some((at, String::from_utf8_lossy(name).into_owned())),
        Runs::Code | Runs::Itself | Runs::Nothing => None,
    }
}

#[test]
fn what_is_run_survives_every_option_and_any_row_of_them() {
    let mut chance = Chance(7);
    for grammar in GRAMMARS.iter().filter(|grammar| !matches!(grammar.style, Style::Tunnel | Style::Flags)) {
        let name = grammar.names.split(' ').next().unwrap();
        let main = if grammar.has("~.dll") { "/w/shop.dll" } else { "/w/shop.js" };
        let verb = grammar.signs.split(' ').find(|sign| sign.bytes().all(|byte| byte.is_ascii_lowercase()));
        let before: Vec<String> = match (grammar.passed(), verb) {
            (0, Some(verb)) if grammar.has("^") => vec![verb.to_owned()],
            (0, None) if grammar.has("^") => continue,
            (passed, _) => vec!["5".to_owned(); passed],
        };
        let ways = ways(grammar);
        let rows = ways.iter().cloned().map(|way| vec![way]);
        let mixed = (0..400).map(|_| (0..chance.below(6)).map(|_| ways[chance.below(ways.len())].clone()).collect());
        for row in rows.chain(mixed.collect::<Vec<Vec<_>>>()) {
            let mut line = vec![name.to_owned()];
            line.extend(row.into_iter().flatten());
            line.extend(before.iter().cloned());
            let at = line.len();
            line.extend([main.to_owned(), "-m".to_owned(), "other.js".to_owned()]);
            assert_eq!(runs(&line), Some((at, main.to_owned())), "{}", line.join(" "));
        }
    }
}

#[test]
fn what_gives_code_a_module_or_a_server_says_so_behind_every_option() {
    for grammar in GRAMMARS {
        let name = grammar.names.split(' ').next().unwrap();
        let signs = grammar.signs.split_ascii_whitespace().map(Sign::of).filter(|(name, _)| name.starts_with('-'));
        for (option, sign) in signs {
            let way = ways(grammar).into_iter().next().unwrap();
            let line: Vec<String> = std::iter::once(name.to_owned())
                .chain(way)
                .chain([option.to_owned(), "shop".to_owned(), "x.js".to_owned()])
                .collect();
            let words: Vec<&[u8]> = line.iter().map(String::as_bytes).collect();
            let at = words.len() - 2;
            let runs = grammar.runs(&words);
            match sign {
                Sign::Code => assert_eq!(runs, Runs::Code, "{line:?}"),
                Sign::Itself => assert_eq!(runs, Runs::Itself, "{line:?}"),
                Sign::Program => assert_eq!(runs, Runs::Program { at, name: b"shop" }, "{line:?}"),
                Sign::Value | Sign::Glued | Sign::Path | Sign::Plain => {}
            }
        }
    }
}

#[test]
fn no_line_is_too_odd() {
    let parts =
        ["", "-", "--", "-c", "-e", "-m", "=", "--=", "-=", "@", "+", "run", "exec", "x.js", "-\u{e9}", "A=b", "-Wx", "--a=b"];
    let mut chance = Chance(11);
    for grammar in GRAMMARS {
        for _ in 0..300 {
            let row: Vec<&[u8]> = (0..chance.below(7)).map(|_| parts[chance.below(parts.len())].as_bytes()).collect();
            if let Runs::Program { at, name } = grammar.runs(&row) {
                assert!(at < row.len() && row[at].ends_with(name), "{row:?}");
            }
            assert!(grammar.items(&row).count() <= row.iter().map(|word| word.len() + 1).sum());
        }
    }
}

#[test]
fn a_name_is_in_one_row_and_a_sign_once_in_a_row() {
    let mut names: Vec<&str> = GRAMMARS.iter().flat_map(|grammar| grammar.names.split(' ')).collect();
    names.sort_unstable();
    assert!(names.is_sorted_by(|a, b| a < b), "{:?}", names.windows(2).find(|pair| pair[0] == pair[1]));
    for grammar in GRAMMARS {
        let mut signs: Vec<&str> = grammar.signs.split_ascii_whitespace().map(|sign| Sign::of(sign).0).collect();
        signs.sort_unstable();
        assert!(signs.is_sorted_by(|a, b| a < b), "{}: {:?}", grammar.names, signs.windows(2).find(|pair| pair[0] == pair[1]));
    }
}

#[test]
fn versions_and_folders_belong_to_no_name() {
    for (program, known) in [
        ("/usr/bin/python3.13t", true),
        ("ruby-3.2.1", true),
        ("-zsh", true),
        ("php8.2", true),
        ("pythonx", false),
        ("node.py", false),
        ("nodemon", false),
        ("javac", false),
        ("", false),
    ] {
        assert_eq!(Grammar::of(program.as_bytes()).is_some(), known, "{program}");
    }
}

#[test]
fn options_are_read_with_their_values() {
    let line: Vec<&[u8]> = "ssh -NfL 8080:db:5432 -p2222 -o X=y box uptime".split(' ').map(str::as_bytes).collect();
    let items: Vec<Item<'_>> = Grammar::of(b"ssh").unwrap().items(&line).collect();
    let option = |name: &'static str, value| Item::Option { name: name.as_bytes(), value };
    assert_eq!(
        items,
        [
            option("-N", None),
            option("-f", None),
            option("-L", Some((2, &b"8080:db:5432"[..]))),
            option("-p", Some((3, &b"2222"[..]))),
            option("-o", Some((5, &b"X=y"[..]))),
            Item::Word(6, b"box"),
            Item::Word(7, b"uptime"),
        ]
    );
}
