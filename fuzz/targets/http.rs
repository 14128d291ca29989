//! Any bytes as a request, as a body in chunks, and as a form: what is read stays within what came, has an end, and is read the same however
//! it comes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use portward_wire::http::{
    Chunks, Form, Head, Part, Piece, Ranges, Target, accepted, boundary, encoded, judge, of_extension, ranges,
};

fuzz_target!(|bytes: &[u8]| {
    if let Ok(Some(head)) = Head::read(bytes) {
        assert!(head.length <= bytes.len());
        let own = &bytes[..head.length];
        // Nobody reads another end in it.
        assert!(
            own.ends_with(b"\r\n\r\n") && !own.windows(2).any(|two| (two[0] == b'\r') != (two[1] == b'\n') && two[1] == b'\n')
        );
        if let Ok(target) = Target::read(head.target) {
            assert!(
                !target.path.contains(&0) && !target.path.split(|byte| *byte == b'/').any(|part| matches!(part, b".." | b"."))
            );
            let again = format!("/{}", encoded(&target.path));
            assert_eq!(Target::read(&again).map(|again| again.path), Ok(target.path.clone()));
            std::hint::black_box(of_extension(&target.path));
        }
        std::hint::black_box(judge(&head, None));
        let _ = accepted(head.all("accept-encoding"));
        let _ = head.field("content-type").and_then(boundary);
    }
    let size = bytes.len() as u64;
    if let Ranges::Pieces(pieces) = ranges(bytes, size) {
        assert!(pieces.iter().all(|(from, length)| *length > 0 && from + length <= size));
    }
    assert_eq!(chunks(bytes, bytes.len()), chunks(bytes, 1));
    assert_eq!(form(bytes, bytes.len()), form(bytes, 1));
});

/// What a body in chunks holds, where it comes so many bytes at a time; `None` where it is none, or has no end.
fn chunks(bytes: &[u8], step: usize) -> Option<Vec<u8>> {
    let (mut chunks, mut data, mut there, mut taken) = (Chunks::default(), Vec::new(), 0, 0);
    loop {
        match chunks.next(&bytes[taken..there])? {
            Piece::Frame(length) => taken += length,
            Piece::Data(length) => {
                data.extend_from_slice(&bytes[taken..taken + length]);
                taken += length;
            }
            Piece::More if there == bytes.len() => return None,
            Piece::More => there = (there + step.max(1)).min(bytes.len()),
            Piece::Over => return Some(data),
        }
    }
}

/// What the files of a form hold, likewise.
fn form(bytes: &[u8], step: usize) -> Option<Vec<(Option<Vec<u8>>, Vec<u8>)>> {
    let (mut form, mut found, mut there, mut taken) = (Form::new(b"x"), Vec::new(), 0, 0);
    loop {
        match form.next(&bytes[taken..there])? {
            Part::Frame(length) | Part::Ends(length) => taken += length,
            Part::Begins(length, name) => {
                taken += length;
                found.push((name, Vec::new()));
            }
            Part::Data(length) => {
                found.last_mut()?.1.extend_from_slice(&bytes[taken..taken + length]);
                taken += length;
            }
            Part::More if there == bytes.len() => return None,
            Part::More => there = (there + step.max(1)).min(bytes.len()),
            Part::Over => return Some(found),
        }
    }
}
