//! Whatever is written on a screen leaves it inert.

use portward_model::Hint;

use super::{Screen, Tone};

/// What a sheet holds after this was written on it.
fn written(colour: bool, write: impl FnOnce(&mut Screen)) -> String {
    let (mut screen, paper) = Screen::paper(Some(80), colour);
    write(&mut screen);
    screen.flush().unwrap();
    let written = paper.lock().unwrap().clone();
    String::from_utf8(written).unwrap()
}

const HOSTILE: &str = "a\u{1b}[31mb\u{9b}2J\u{1b}]8;;http://x\u{7}\nhint: x\r\u{202e}\u{ad}\u{fe0f}\u{fdef}";

#[test]
fn what_is_written_is_inert_by_every_way() {
    for colour in [false, true] {
        let ways: [fn(&mut Screen); 9] = [
            |screen| screen.line(HOSTILE).unwrap(),
            |screen| screen.labelled("fix", HOSTILE).unwrap(),
            |screen| screen.labelled(HOSTILE, "fix").unwrap(),
            |screen| screen.listed(Tone::Alarm, "x", [HOSTILE]).unwrap(),
            |screen| screen.attributed(Tone::Plain, "x", [(HOSTILE, HOSTILE)].into_iter()).unwrap(),
            |screen| screen.hung(("x  ", "   ", 3), Tone::Alarm, HOSTILE).unwrap(),
            |screen| screen.paragraph(Tone::Good, HOSTILE).unwrap(),
            |screen| screen.remark(HOSTILE, ()).unwrap(),
            |screen| screen.remark("", Hint::told(HOSTILE)).unwrap(),
        ];
        for (at, way) in ways.into_iter().enumerate() {
            let plain = ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m"];
            let text = written(colour, way);
            let text = plain.iter().fold(text, |text, style| text.replace(style, ""));
            assert!(text.contains("a\\x1b[31mb\\u{9b}2J"), "{at} {colour} {text:?}");
            assert!(!text.trim_end_matches('\n').chars().any(|c| portward_model::acts(c) && c != '\n'), "{at} {colour} {text:?}");
            assert!(!text.contains("\nhint"), "{at} {colour} {text:?}");
        }
    }
}

#[test]
fn a_tone_is_a_sequence_of_the_terminal_where_it_has_colours() {
    let painted = |screen: &mut Screen| {
        let text = screen.paint(Tone::Alarm, "x");
        screen.line(&format!("{text} y")).unwrap();
    };
    assert_eq!(written(true, painted), "\u{1b}[31mx\u{1b}[0m y\n");
    assert_eq!(written(false, painted), "x y\n");
}

#[test]
fn a_command_is_never_broken() {
    let command = "rm -- '/a very long folder/with many/parts of its own/and blanks in it/and more of them/x.sock'";
    let text = written(false, |screen| screen.repair("fix", "Remove the file, then start the server again", command).unwrap());
    assert!(text.lines().any(|line| line.trim() == command), "{text}");
    assert!(!text.contains('\u{fdd6}'), "{text:?}");
    // What came in with a name is no blank of ours.
    let text = written(false, |screen| screen.repair("fix", "x", "a\u{fdd6}b").unwrap());
    assert!(text.contains("a\\u{fdd6}b"), "{text:?}");
}
