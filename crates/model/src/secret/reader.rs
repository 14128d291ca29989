//! The arguments of a command line one after another, and texts that hold such lines or code.

use super::{
    MASK,
    names::{Grade, grade},
    options::{Known, Rules, is_doubtful, is_of_user},
    plain::{are_words, is_harmless},
    shapes, value,
    words::is_one_of,
};

/// What of a command line was read so far, as far as it says something of what follows.
#[derive(Clone, Default)]
pub(super) struct Reader {
    rules: Rules,
    /// What the next argument is, where the last one said.
    next: Option<Next>,
    /// True behind a word after which everything is a secret.
    rest: Option<Grade>,
    /// Words seen that conditions of rules speak of.
    seen: Vec<&'static str>,
    /// Arguments that are no options, the program included.
    words: usize,
    /// True for a program that runs the command of its arguments.
    wraps: bool,
    /// True where what is unknown is shown: files and messages, which are read for what they say.
    loose: bool,
    /// Texts within texts.
    depth: u8,
    /// What a text's words are unless something says more.
    known: Option<Grade>,
}

/// What the next argument is.
#[derive(Clone, Copy)]
struct Next {
    grade: Grade,
    /// The sign behind which the secret begins.
    after: Option<u8>,
    /// True where the program is known, and a sign can be nothing else.
    sure: bool,
    /// True when an option said so, whose value cannot be another option.
    option: bool,
}

impl Next {
    fn of(known: Known) -> Self {
        let (grade, after) = match known {
            Known::Secret => (Grade::Secret, None),
            Known::After(sign) => (Grade::Thing, Some(sign)),
            Known::Harmless => (Grade::Thing, None),
        };
        Self { grade, after, sure: true, option: true }
    }
}

impl Reader {
    pub(super) fn loose() -> Self {
        Self { loose: true, words: 1, ..Self::default() }
    }

    pub(super) fn deeper(&self) -> Self {
        Self { depth: self.depth + 1, ..Self { loose: self.loose, rules: self.rules, ..Self::default() } }
    }

    /// For the text of a value of this grade.
    pub(super) fn of_text(&self, known: Grade) -> Self {
        Self { known: Some(known), words: 1, wraps: true, ..self.clone() }
    }

    /// True where so many texts are within each other that nobody wrote them.
    pub(super) fn is_deep(&self) -> bool {
        self.depth > 8
    }

    pub(super) fn is_loose(&self) -> bool {
        self.loose
    }

    /// Shows the next argument.
    pub(super) fn argument(&mut self, out: &mut Vec<u8>, argument: &[u8]) {
        if self.words == 0 {
            return self.program(out, argument);
        }
        let next = self.next.take();
        if let Some(next) = next.filter(|next| next.grade >= Grade::Doubtful || next.after.is_some())
            && !(next.option && is_option(argument))
        {
            self.words += 1;
            return self.push_expected(out, argument, next);
        }
        if argument.len() > 1 && argument.starts_with(b"-") && shapes::armour(argument).is_none() {
            return self.option(out, argument);
        }
        if let Some((length, Known::Secret)) = self.rules.glued(argument, &self.seen).filter(|_| argument.starts_with(b"/")) {
            out.extend_from_slice(argument.split_at(length).0);
            out.extend_from_slice(MASK);
            return;
        }
        if let Some(colon) = slash_option(argument) {
            let (name, rest) = argument.split_at(colon);
            out.extend_from_slice(name);
            out.push(b':');
            return value::push(out, rest.get(1..).unwrap_or_default(), grade(name), self);
        }
        self.word(out, argument, next.map(|next| next.grade));
    }

    fn program(&mut self, out: &mut Vec<u8>, argument: &[u8]) {
        self.words = 1;
        // A process that renamed itself has one argument that is a text, or the whole line that it was started by.
        if argument.contains(&b' ') {
            let words = argument.split(|b| *b == b' ').next().unwrap_or_default();
            self.learn(words.strip_suffix(b":").unwrap_or(words));
            return value::push(out, argument, Grade::Thing, self);
        }
        if argument.contains(&b'=') {
            return value::push(out, argument, Grade::Unknown, self);
        }
        self.learn(argument);
        let token = argument.split(|b| *b == b'/').any(shapes::is_token);
        out.extend_from_slice(if token { MASK } else { argument });
    }

    /// True for a program that is known.
    fn learn(&mut self, program: &[u8]) -> bool {
        let base = program.rsplit(|b| *b == b'/').next().unwrap_or(program);
        self.wraps |= is_one_of(&WRAPPERS, base);
        self.rules.learn(program)
    }

    /// An argument that is no option, or the value of one of which nothing is known.
    fn word(&mut self, out: &mut Vec<u8>, argument: &[u8], of_option: Option<Grade>) {
        self.words += 1;
        if let Some(grade) = self.rest {
            return value::push(out, argument, grade, self);
        }
        if self.rules.place().is_some_and(|place| self.words > place) {
            return value::push(out, argument, Grade::Secret, self);
        }
        value::push(out, argument, of_option.or(self.known).unwrap_or(Grade::Unknown), self);
        self.seen.extend(self.rules.condition(argument));
        if let Some((_, all)) = self.rules.of_word(argument, &self.seen) {
            if all {
                self.rest = Some(Grade::Secret);
            } else {
                self.expect(Grade::Secret);
            }
            return;
        }
        let is_program = (self.words <= 2 || self.wraps || argument.contains(&b'/')) && self.learn(argument);
        if !is_program {
            self.named(argument);
        }
    }

    /// A word that names a secret says what follows: `login x`, `config set aws_secret_access_key x`.
    fn named(&mut self, word: &[u8]) {
        let plain = word.len() <= 64
            && word.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'/' | b'@'));
        // `//registry.npmjs.org/:_authToken` names a token of a place; a file and a program name themselves.
        let last = word.rsplit(|b| matches!(b, b'/' | b':')).next().unwrap_or(word);
        let place = word.contains(&b'/') && !word.contains(&b':') || last.contains(&b'.') && is_harmless(last, Grade::Doubtful);
        // In a sentence a word is a word, and no name: only what is put together is.
        let composed = word.contains(&b'_') || word.contains(&b'.') && !word.ends_with(b".");
        let said = self.loose && !composed;
        if said || !plain || place {
            return;
        }
        // `zk addauth digest ana:x`, `users add ana x`: those that people are added or let in by.
        if is_one_of(&VERBS, word) && !self.loose {
            self.rest = Some(Grade::Doubtful);
        } else if grade(last) == Grade::Secret {
            self.next = Some(Next { grade: Grade::Secret, after: None, sure: true, option: true });
        }
    }

    fn option(&mut self, out: &mut Vec<u8>, argument: &[u8]) {
        let equals = argument.iter().position(|b| *b == b'=');
        let dashes = argument.iter().take_while(|b| **b == b'-').count();
        if let Some((length, known)) = self.rules.glued(argument, &self.seen) {
            let (letter, rest) = argument.split_at(length);
            // `-password x` is a name of its own.
            let name = equals.map_or(argument, |at| argument.split_at(at).0);
            let names_more = is_option_name(name) && grade(name) == Grade::Secret;
            if names_more {
                // Either reading may be meant: what is glued is hidden, and so is what follows.
                self.next = equals.is_none().then(|| self.expected(argument, false));
            }
            if !names_more || matches!(known, Known::Secret) {
                out.extend_from_slice(letter);
                return self.push_expected(out, rest, Next::of(known));
            }
        }
        if let Some(at) = equals.filter(|at| is_option_name(argument.split_at(*at).0)) {
            let (name, rest) = argument.split_at(at);
            let rest = rest.get(1..).unwrap_or_default();
            out.extend_from_slice(name);
            out.push(b'=');
            let next = self.expected(name, true);
            return self.push_expected(out, rest, next);
        }
        // `-Dname:x`, `-opt:value`, and a list glued to a letter.
        if is_option_name(argument) {
            out.extend_from_slice(argument);
            self.next = Some(self.expected(argument, false));
            return;
        }
        self.glued(out, argument, dashes);
    }

    /// An option with a value glued to it: `-j8`, `-L8080:db:80`, `-Xmx512m`.
    fn glued(&self, out: &mut Vec<u8>, argument: &[u8], dashes: usize) {
        let (start, rest) = argument.split_at(dashes);
        out.extend_from_slice(start);
        // `-javaagent:/x.jar`, `-XX:+UseG1GC`, `-Xlog:gc`
        let colon = rest.iter().position(|b| !b.is_ascii_alphabetic()).filter(|at| rest.get(*at) == Some(&b':') && *at <= 20);
        if let Some(at) = colon.filter(|_| dashes == 1) {
            let (name, rest) = rest.split_at(at + 1);
            out.extend_from_slice(name);
            let flag = rest.iter().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-')) && name == b"XX:";
            let known = if flag { Grade::Thing } else { grade(name) };
            return if flag && rest.len() < 48 { out.extend_from_slice(rest) } else { value::push(out, rest, known, self) };
        }
        let letters = rest.iter().take_while(|b| b.is_ascii_alphabetic()).count();
        for length in [1, letters].into_iter().filter(|length| *length <= 4) {
            let (letter, tail) = rest.split_at(length.min(rest.len()));
            let of = if dashes == 1 && length == 1 && is_doubtful(argument.get(..2).unwrap_or_default()) {
                Grade::Doubtful
            } else {
                Grade::Unknown
            };
            if length <= letters && !tail.is_empty() && is_harmless(tail, of) && !tail.contains(&b'=') {
                out.extend_from_slice(letter);
                out.extend_from_slice(tail);
                return;
            }
        }
        value::push(out, rest, Grade::Unknown, self);
    }

    /// What an option says of its value.
    fn expected(&self, option: &[u8], glued: bool) -> Next {
        let known = self.rules.of_option(option, glued, &self.seen).or_else(|| self.rules.of_letters(option, &self.seen));
        if let Some(known) = known {
            return Next::of(known);
        }
        let bare = option.iter().position(|b| *b != b'-').and_then(|at| option.get(at..)).unwrap_or_default();
        let named = match grade(bare) {
            Grade::Unknown | Grade::Thing if is_doubtful(option) && !self.loose => Grade::Doubtful,
            // `-i`, `-n`: a letter names nothing.
            Grade::Thing if bare.len() < 2 => Grade::Unknown,
            other => other,
        };
        let of_user = is_of_user(option) && named < Grade::Secret;
        Next { grade: named, after: of_user.then_some(b':'), sure: false, option: true }
    }

    /// Shows a value of which an option or a word before it told what it is.
    fn push_expected(&self, out: &mut Vec<u8>, argument: &[u8], next: Next) {
        let Some(sign) = next.after else { return value::push(out, argument, next.grade, self) };
        let parts = argument.iter().position(|b| *b == sign).map(|at| argument.split_at(at));
        match parts.filter(|(name, rest)| holds_secret(name, rest.get(1..).unwrap_or_default(), next.sure)) {
            Some((name, _)) => {
                value::push(out, name, Grade::Thing, self);
                out.push(sign);
                out.extend_from_slice(MASK);
            }
            None => value::push(out, argument, next.grade, self),
        }
    }

    /// True where the last word said that the next one is a secret.
    pub(super) fn is_secret_next(&self) -> bool {
        self.next.is_some_and(|next| next.grade == Grade::Secret)
    }

    /// Takes what the last word said of the next.
    pub(super) fn take_next(&mut self) -> Option<Grade> {
        self.next.take().map(|next| next.grade)
    }

    /// Sets what the next value is.
    pub(super) fn expect(&mut self, grade: Grade) {
        self.next = Some(Next { grade, after: None, sure: true, option: false });
    }

    /// Another command begins, or another line.
    pub(super) fn begin(&mut self) {
        self.next = None;
        self.rest = None;
    }

    /// The grade of a text's words.
    pub(super) fn own(&self) -> Grade {
        self.known.unwrap_or(Grade::Unknown)
    }
}

/// True where a secret stands behind the sign after this name. `1000:1000` and `www-data:www-data` are a user and a group,
/// `TCP-LISTEN:80,fork` is an address, `a=b:c` and a URL have rules of their own.
fn holds_secret(name: &[u8], rest: &[u8], sure: bool) -> bool {
    let digits = rest.iter().take_while(|b| b.is_ascii_digit()).count();
    let ends = rest.get(digits).is_none_or(|b| matches!(b, b',' | b'/'));
    let port = matches!(digits, 1..=5) && ends && !name.iter().all(u8::is_ascii_lowercase);
    let of_another = rest.starts_with(b"//") || name.contains(&b'=');
    !rest.is_empty() && !of_another && (sure || name != rest && !port)
}

/// True for what can only be an option.
fn is_option(argument: &[u8]) -> bool {
    let name = argument.split(|b| *b == b'=').next().unwrap_or(argument);
    let long = name.starts_with(b"--") && name.len() > 3;
    (long || name.len() == 2 && name.starts_with(b"-")) && is_option_name(name)
}

/// `/SourcePassword:x`, an option as on Windows: where its name ends.
fn slash_option(argument: &[u8]) -> Option<usize> {
    let name = argument.strip_prefix(b"/")?;
    let length = name.iter().take_while(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_')).count();
    (length > 0 && name.get(length) == Some(&b':') && !name.get(length + 1..)?.starts_with(b"/")).then_some(length + 1)
}

/// A dash or two, and words; one word that is no more than letters where there is one dash.
fn is_option_name(name: &[u8]) -> bool {
    let dashes = name.iter().take_while(|b| **b == b'-').count();
    let bare = name.get(dashes..).unwrap_or_default();
    let signs = bare
        .iter()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.' | b':' | b'+' | b'/' | b'@' | b'#' | b'?'));
    let letters = bare.iter().all(|b| b.is_ascii_alphabetic() || *b == b'-' || *b == b'_');
    let few = letters && bare.len() <= if dashes == 2 { 40 } else { 3 };
    matches!(dashes, 1 | 2) && signs && (bare.len() <= 1 || few || are_words(bare, dashes == 2))
}

super::words::words! {
    /// Programs that run what their arguments say.
    WRAPPERS = "sudo doas env nohup nice ionice timeout time setsid strace ltrace xargs watch docker podman kubectl nerdctl oc ssh su runuser \
        systemd-run dumb-init tini catchsegv stdbuf unshare nsenter chroot flatpak snap npx bunx pnpx sh bash dash zsh fish ash ksh busybox script \
        expect parallel tmux screen firejail bwrap chpst gosu su-exec catatonit unbuffer daemonize start-stop-daemon mpirun srun exec command \
        python python3 node uvx pipx poetry pipenv bundle dotenv direnv cross-env dotenvx op doppler autossh proxychains sshpass vagrant distrobox toolbox";
    /// Words behind which people prove who they are.
    VERBS = "user users addauth adduser add-user add_user useradd create-user create_user createuser create-admin signup register account \
        set-password set_password setpassword authorize login auth authenticate signin sign-in unlock unseal secret secrets credential credentials authtoken add-authtoken setapikey activate";
}
