//! Public reports of failing connections and binds, each asked in three ways: by its text, by its target, and by both.
//!
//! A report is a file below `tests/reports/`, in a folder of its kind: a title, a few lines `key: value`, a line `---`, and the text
//! as the program printed it. What is accepted is the truth that the report ended with, never what this program says of it
//! today; whoever adds a report writes that down first.
//!
//! | key | what it says |
//! |---|---|
//! | `from` | where it was reported |
//! | `situation` | what was the matter, in our own words |
//! | `machine` | a fact of this machine, one a line; see `machine.rs` |
//! | `target` | what a person would name beside the text |
//! | `accept` | the causes that are right, or `healthy`, `unknown`, or `silent` for a text that reports no error |
//! | `worded` | the same for the text without the target, where that cannot know more |
//! | `alone` | the same for the target without the text |
//! | `never` | causes that may not be told in any way |

mod machine;

use std::{collections::BTreeMap, fmt::Write as _, fs, path::PathBuf};

use portward_model::{Examination, Likelihood};

use crate::doctor::{Depth, Inquiry, Verdict, Words, understand};
use machine::Machine;

/// One report.
struct Report {
    /// Its folder and name.
    place: String,
    kind: String,
    machine: Machine,
    target: Option<String>,
    accept: Vec<String>,
    worded: Vec<String>,
    alone: Vec<String>,
    never: Vec<String>,
    text: String,
}

/// How a report is asked.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Way {
    Text,
    Target,
    Both,
}

impl Way {
    fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Target => "target",
            Self::Both => "both",
        }
    }
}

/// What was said to a report: the first cause or the verdict's name, and every cause that is at least likely.
struct Said {
    first: String,
    told: Vec<String>,
    /// The answer in one sentence, for whoever reads what went wrong.
    summary: String,
}

impl Report {
    fn read(path: &std::path::Path) -> Self {
        let file = fs::read_to_string(path).unwrap();
        let kind = path.parent().unwrap().file_name().unwrap().to_string_lossy().into_owned();
        let place = format!("{kind}/{}", path.file_stem().unwrap().to_string_lossy());
        let (head, text) = file.split_once("\n---\n").unwrap_or_else(|| panic!("{place}: no line `---`"));
        let mut lines = head.lines();
        assert!(lines.next().is_some_and(|title| title.starts_with("# ")), "{place}: no title");
        let (mut target, mut accept, mut worded, mut alone, mut never) = (None, None, None, None, Vec::new());
        let (mut from, mut situation, mut facts) = (false, false, Vec::new());
        for line in lines {
            let (key, value) = line.split_once(": ").unwrap_or_else(|| panic!("{place}: {line}"));
            let list = || value.split(", ").map(str::to_owned).collect::<Vec<_>>();
            match key {
                "from" => from = true,
                "situation" => situation = true,
                "machine" => facts.push(value),
                "target" => target = Some(value.to_owned()),
                "accept" => accept = Some(list()),
                "worded" => worded = Some(list()),
                "alone" => alone = Some(list()),
                "never" => never = list(),
                _ => panic!("{place}: what is `{key}`?"),
            }
        }
        assert!(from && situation, "{place}: where is it from, and what was the matter?");
        let accept = accept.unwrap_or_else(|| panic!("{place}: nothing is accepted"));
        let alone = alone.unwrap_or_else(|| accept.clone());
        let worded = worded.unwrap_or_else(|| accept.clone());
        let machine = Machine::of(&facts, &place);
        Self { machine, kind, place, target, accept, worded, alone, never, text: text.to_owned() }
    }

    fn all() -> Vec<Self> {
        let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/reports");
        let kinds = fs::read_dir(folder).unwrap().map(|kind| kind.unwrap().path()).filter(|kind| kind.is_dir());
        let mut files: Vec<PathBuf> =
            kinds.flat_map(|kind| fs::read_dir(kind).unwrap()).map(|file| file.unwrap().path()).collect();
        files.sort();
        files.iter().map(|file| Self::read(file)).collect()
    }

    fn ways(&self) -> &'static [Way] {
        if self.target.is_some() { &[Way::Text, Way::Target, Way::Both] } else { &[Way::Text] }
    }

    /// Asks as the command line does.
    fn ask(&self, way: Way) -> Said {
        let words = Words {
            target: self.target.clone().filter(|_| way != Way::Text),
            text: (way != Way::Target).then(|| self.text.clone().into_bytes()),
            bind: false,
        };
        let question = match understand(&words, &self.machine) {
            Ok(question) => question,
            Err(why) => return Said { first: "misunderstood".to_owned(), told: Vec::new(), summary: format!("{why:?}") },
        };
        let whole = Depth { probe: true, watch: true, on_demand: false };
        let (_, diagnosis) = Inquiry::new(question, whole, Examination::default()).run(|_, step| self.machine.answer(step));
        let sure = diagnosis.causes.iter().filter(|cause| cause.likelihood <= Likelihood::Likely);
        let told = sure.map(|cause| cause.code.clone()).collect();
        let first = match (diagnosis.verdict, diagnosis.causes.first()) {
            (Verdict::Fault, Some(cause)) => cause.code.clone(),
            (Verdict::Healthy, _) => "healthy".to_owned(),
            (Verdict::Unknown | Verdict::Fault, _) => "unknown".to_owned(),
        };
        Said { first, told, summary: diagnosis.summary.to_string() }
    }

    fn accepted(&self, way: Way) -> &[String] {
        match way {
            Way::Text => &self.worded,
            Way::Target => &self.alone,
            Way::Both => &self.accept,
        }
    }

    fn accepts(&self, way: Way, said: &Said) -> bool {
        self.accepted(way).contains(&said.first) && !self.never.iter().any(|code| said.told.contains(code) || *code == said.first)
    }
}

/// How many answers are right, and how many there are, for each kind and way.
type Shares = BTreeMap<(String, Way), (usize, usize)>;

/// The shares, and what is wrong.
fn told() -> (Shares, String) {
    let mut shares = Shares::new();
    let mut wrong = String::new();
    for report in Report::all() {
        for way in report.ways() {
            let said = report.ask(*way);
            let right = report.accepts(*way, &said);
            let share = shares.entry((report.kind.clone(), *way)).or_default();
            *share = (share.0 + usize::from(right), share.1 + 1);
            if !right {
                let _ = writeln!(
                    wrong,
                    "{} by {}: {} ({}), accepted {}: {}",
                    report.place,
                    way.name(),
                    said.first,
                    said.told.join(" "),
                    report.accepted(*way).join(" "),
                    said.summary
                );
            }
        }
    }
    (shares, wrong)
}

/// Reports that are right of a hundred, each way.
const AIM: usize = 90;

#[test]
#[expect(clippy::print_stdout, reason = "the benchmark of the doctor reads a line for each kind and way")]
fn reports_are_answered_by_their_truth() {
    let (shares, wrong) = told();
    for way in [Way::Text, Way::Target, Way::Both] {
        let of_way = || shares.iter().filter(|((_, by), _)| *by == way);
        for ((kind, _), (right, all)) in of_way() {
            println!("reports {} {kind} {right} {all}", way.name());
        }
        let (right, all) = of_way().fold((0, 0), |sum, (_, share)| (sum.0 + share.0, sum.1 + share.1));
        println!("reports {} every {right} {all}", way.name());
        assert!(right * 100 >= all * AIM, "{right} of {all} by {} are right:\n{wrong}", way.name());
    }
    println!("{wrong}");
}
