//! The words of a shell's line, without expanding anything.

/// A word and where it begins, in characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Word {
    pub(super) text: String,
    pub(super) at: u32,
}

/// The commands of a line, parted at `&&`, `||`, `;`, `|`, `&` and line ends.
pub(super) fn commands(text: &str) -> Vec<Vec<Word>> {
    let mut commands = vec![Vec::new()];
    let mut word: Option<Word> = None;
    let mut quote = None;
    let mut letters = text.chars().zip(0u32..).take(LONGEST).peekable();
    while let Some((letter, at)) = letters.next() {
        let mut add = |letter: Option<char>| word.get_or_insert_with(|| Word { text: String::new(), at }).text.extend(letter);
        match (quote, letter) {
            (None, '\'' | '"') => {
                quote = Some(letter);
                add(None);
            }
            (Some(mark), _) if mark == letter => quote = None,
            // Windows' own paths have the sign, too: only before what it could mean it is one.
            (None | Some('"'), '\\')
                if letters.peek().is_some_and(|(next, _)| matches!(next, '"' | '\'' | '\\' | ' ' | '$' | '`')) =>
            {
                add(letters.next().map(|(letter, _)| letter));
            }
            (None, '&' | ';' | '|' | '\n') => {
                commands.last_mut().expect("there is one").extend(word.take());
                commands.push(Vec::new());
            }
            (None, _) if letter.is_whitespace() => commands.last_mut().expect("there is one").extend(word.take()),
            _ => add(Some(letter)),
        }
    }
    commands.last_mut().expect("there is one").extend(word);
    commands.retain(|command| !command.is_empty());
    commands
}

/// No command that a person wrote is longer.
const LONGEST: usize = 16_000;
