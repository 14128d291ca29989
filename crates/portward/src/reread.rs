//! What a person reads is laid out from the answer alone, and an answer is a message. Builds with debug assertions, which all
//! tests of the command line are, prove it of every answer that they give, whatever the machine: it is carried through JSON and
//! back, and must read the same, narrow and wide, with and without colour.

use portward_ops::{Document, Noun, write_json};

use crate::{screen::Screen, show::Show};

/// Ends the program where an answer does not read the same after it was JSON.
pub(crate) fn reads_the_same<T: Noun + Show>(noun: &T) {
    let written = json(noun);
    // Larger ones take long without optimisation, and show nothing that smaller ones do not.
    if written.len() > LARGEST {
        return;
    }
    let back: T = serde_json::from_slice(&written)
        .unwrap_or_else(|error| panic!("an answer is not read back: {error}\n{}", String::from_utf8_lossy(&written)));
    assert_eq!(
        String::from_utf8_lossy(&json(&back)),
        String::from_utf8_lossy(&written),
        "an answer is other JSON when read back"
    );
    assert_eq!(back.exit(), noun.exit(), "an answer ends otherwise when read back");
    for width in [None, Some(60), Some(80)] {
        for colour in [false, true] {
            assert_eq!(text(&back, width, colour), text(noun, width, colour), "an answer reads otherwise when read back");
        }
    }
}

fn json<T: Noun>(noun: &T) -> Vec<u8> {
    let mut written = Vec::new();
    let _ = write_json(&Document::new(noun), &mut written);
    written
}

fn text<T: Show>(noun: &T, width: Option<usize>, colour: bool) -> String {
    let (mut screen, paper) = Screen::paper(width, colour);
    if noun.refuse().is_none() {
        let _ = noun.show(&mut screen);
    }
    let _ = screen.flush();
    let written = paper.lock().map(|written| String::from_utf8_lossy(&written).into_owned());
    written.unwrap_or_default()
}

/// In bytes of JSON.
const LARGEST: usize = 1 << 20;
