//! All rules and marks in one index, and the search for them in a line.

use std::{ops::Range, sync::OnceLock};

use aho_corasick::AhoCorasick;

use super::{
    brokers, browsers, common, curl, daemons, databases, deploy, docker, dotnet, frontends, go, java, languages, node, python,
    rule::Rule, scripts, servers, shell, vantage,
};

/// Every table of rules.
pub(super) const TABLES: &[&[Rule]] = &[
    common::RULES,
    curl::RULES,
    node::RULES,
    python::RULES,
    java::RULES,
    go::RULES,
    dotnet::RULES,
    scripts::RULES,
    databases::RULES,
    servers::RULES,
    docker::RULES,
    browsers::RULES,
    shell::RULES,
    frontends::RULES,
    brokers::RULES,
    deploy::RULES,
    languages::RULES,
    daemons::RULES,
];

/// The needles of all rules and marks in one automaton, so that a text is searched once for all of them.
pub(super) struct Index {
    automaton: AhoCorasick,
    needles: Vec<Needle>,
    /// Each rule with the positions of its needles.
    rules: Vec<(&'static Rule, Vec<usize>)>,
}

#[derive(Default)]
struct Needle {
    text: &'static str,
    /// Positions of the rules whose first needle this is.
    leads: Vec<usize>,
    /// The program that it is a mark of.
    program: Option<&'static str>,
    /// True for a wording that tells where something happened.
    tells_place: bool,
}

/// What was found in a line.
pub(super) struct Match {
    /// The most specific rule, with its position among all and where its first needle stands.
    pub(super) rule: Option<(&'static Rule, usize, Range<usize>)>,
    /// The program that the line bears a mark of.
    pub(super) program: Option<&'static str>,
    /// True where the line may tell where it happened.
    pub(super) tells_place: bool,
}

/// Where the needles were seen last: in which line, and where in it. One for each text.
pub(super) struct Seen {
    line: u64,
    at: Vec<(u64, Range<usize>)>,
}

/// The one index; `None` where the tables do not fit into an automaton, which a test excludes.
pub(super) fn index() -> Option<&'static Index> {
    static INDEX: OnceLock<Option<Index>> = OnceLock::new();
    INDEX.get_or_init(Index::new).as_ref()
}

impl Index {
    fn new() -> Option<Self> {
        let mut needles: Vec<Needle> = Vec::new();
        let mut place = |text: &'static str| {
            needles.iter().position(|needle| needle.text.eq_ignore_ascii_case(text)).unwrap_or_else(|| {
                needles.push(Needle { text, ..Needle::default() });
                needles.len() - 1
            })
        };
        let all = TABLES.iter().flat_map(|table| table.iter());
        let rules: Vec<_> = all.map(|rule| (rule, rule.needles.iter().map(|text| place(text)).collect::<Vec<_>>())).collect();
        let marks: Vec<_> = common::MARKS.iter().map(|mark| (place(mark.0), mark.1)).collect();
        let places: Vec<_> = vantage::marks().map(&mut place).collect();
        for (number, (_, parts)) in rules.iter().enumerate() {
            needles.get_mut(*parts.first()?)?.leads.push(number);
        }
        for (needle, program) in marks {
            needles.get_mut(needle)?.program = Some(program);
        }
        for needle in places {
            needles.get_mut(needle)?.tells_place = true;
        }
        let texts = needles.iter().map(|needle| needle.text);
        let automaton = AhoCorasick::builder().ascii_case_insensitive(true).build(texts).ok()?;
        Some(Self { automaton, needles, rules })
    }

    /// Room for searching one text.
    pub(super) fn seen(&self) -> Seen {
        Seen { line: 0, at: vec![(0, 0..0); self.needles.len()] }
    }

    /// The most specific rule whose needles all stand in a line; the first in the tables among equals.
    pub(super) fn search(&self, line: &str, seen: &mut Seen) -> Match {
        seen.line += 1;
        let mut candidates = Vec::new();
        let mut program: Option<(&str, &'static str)> = None;
        let mut tells_place = false;
        for found in self.automaton.find_overlapping_iter(line) {
            let number = found.pattern().as_usize();
            let (Some(last), Some(needle)) = (seen.at.get_mut(number), self.needles.get(number)) else { continue };
            if last.0 == seen.line {
                continue;
            }
            *last = (seen.line, found.range());
            candidates.extend(&needle.leads);
            tells_place |= needle.tells_place;
            if let Some(name) = needle.program
                && program.is_none_or(|(text, _)| needle.text.len() > text.len())
            {
                program = Some((needle.text, name));
            }
        }
        let complete = candidates.into_iter().filter_map(|number: usize| {
            let (rule, parts) = self.rules.get(number)?;
            let mut all = parts.iter().map(|part| seen.at.get(*part).filter(|(line, _)| *line == seen.line));
            let first = all.next()??.1.clone();
            all.all(|part| part.is_some()).then_some((*rule, number, first))
        });
        let rule = complete.max_by_key(|(rule, number, _)| (rule.weight(), usize::MAX - number));
        Match { rule, program: program.map(|(_, name)| name), tells_place }
    }
}
