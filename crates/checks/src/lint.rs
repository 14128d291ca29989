//! The port linter: what the files of a project say of its ports, held against each other, the kernel's rules and what listens.
//!
//! A rule is one file: its page, the function that finds, and projects in which it speaks and in which it must not. It judges facts
//! that `portward_wire::source` gave a reason for, and says nothing where two files could both be meant.

mod project;
mod rule;
mod stacks;
mod unit;
mod words;

pub mod planned;

use portward_model::{Finding, Severity};

#[cfg(any(test, feature = "scenes"))]
pub use project::given;
pub use project::{File, Life, Listener, Project, Table, kind_among};
pub use rule::RULES;
pub use stacks::Open;
pub use unit::Unit;
pub use unit::units;

/// One rule: its code, its page, and what looks for it.
pub struct Rule {
    /// Stable slug that reads as what was found.
    pub code: &'static str,
    /// One line.
    pub summary: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// Why it is worth saying.
    pub reason: &'static str,
    /// What a person does about it.
    pub fix: &'static str,
    /// The kinds of files that it reads, by their names.
    pub kinds: &'static [&'static str],
    run: fn(&Project) -> Vec<Finding>,
    #[cfg(any(test, feature = "scenes"))]
    cases: fn() -> Cases,
}

/// Projects in which a rule speaks, and in which it must not.
#[cfg(any(test, feature = "scenes"))]
pub(crate) struct Cases {
    pub(crate) fires: Vec<Project>,
    pub(crate) silent: Vec<Project>,
}

/// What is wrong with a project's ports, in the order of files and lines.
pub fn examine(project: &Project) -> Vec<Finding> {
    let mut found: Vec<Finding> = RULES.iter().flat_map(|rule| rule.run(project)).collect();
    let place = |finding: &Finding| finding.place.as_ref().map(|place| (place.file.shown(), place.line));
    found.sort_by_key(place);
    // What several services share by an anchor is one line, and wrong once.
    found.dedup_by(|one, other| {
        one.code == other.code && place(one) == place(other) && one.summary.to_string() == other.summary.to_string()
    });
    found
}

impl Rule {
    /// What it finds.
    pub fn run(&self, project: &Project) -> Vec<Finding> {
        (self.run)(project)
    }

    /// Its page: what it is, why, and the fix.
    pub fn doc(&self) -> String {
        format!("## Why\n\n{}\n\n## Fix\n\n{}\n", self.reason, self.fix)
    }
}

/// The rule with this code.
pub fn rule_named(code: &str) -> Option<&'static Rule> {
    RULES.iter().find(|rule| rule.code == code)
}

#[cfg(test)]
mod tests {
    use portward_wire::source::KINDS;

    use super::{RULES, examine, rule_named};

    #[test]
    fn every_rule_fires_and_keeps_silent() {
        let mut wrong: Vec<String> = Vec::new();
        for rule in RULES {
            let cases = (rule.cases)();
            assert!(!cases.fires.is_empty() && cases.silent.len() > 1, "{} lacks cases", rule.code);
            for (at, project) in cases.fires.iter().enumerate() {
                let found = rule.run(project);
                if found.is_empty() {
                    wrong.push(format!("{} is silent on case {at}", rule.code));
                }
                for finding in &found {
                    assert_eq!((finding.code.as_str(), finding.severity), (rule.code, Some(rule.severity)));
                    assert!(finding.place.as_ref().is_some_and(|place| !place.file.is_empty()), "{} {at}", rule.code);
                    assert!(!finding.evidence.is_empty() && !finding.remedies.is_empty(), "{} {at}", rule.code);
                    let summary = finding.summary.to_string();
                    assert!(summary.ends_with('.') && !summary.contains('!'), "{summary}");
                }
            }
            for (at, project) in cases.silent.iter().enumerate() {
                wrong.extend(
                    rule.run(project).iter().map(|found| format!("{} fires on silent case {at}: {}", rule.code, found.summary)),
                );
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }

    #[test]
    fn codes_are_unique_slugs_and_kinds_are_known() {
        let mut codes: Vec<&str> = RULES.iter().map(|rule| rule.code).collect();
        codes.sort_unstable();
        assert!(codes.is_sorted_by(|a, b| a < b), "{codes:?}");
        for rule in RULES {
            assert!(rule.code.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-'), "{}", rule.code);
            assert!(!rule.summary.ends_with('.') && rule.reason.ends_with('.') && rule.fix.ends_with('.'), "{}", rule.code);
            for kind in rule.kinds {
                assert!(*kind == "portward" || KINDS.iter().any(|known| known.name == *kind), "{}: {kind}", rule.code);
            }
            assert!(rule_named(rule.code).is_some() && crate::check_doc(rule.code).is_none(), "{}", rule.code);
        }
    }

    #[test]
    fn a_clean_project_has_no_findings() {
        let clean = super::given(&[
            ("package.json", "{\"workspaces\":[\"apps/*\"],\"scripts\":{\"dev\":\"turbo run dev\"}}"),
            ("apps/web/package.json", "{\"scripts\":{\"dev\":\"vite --port 5173\",\"preview\":\"vite preview\"}}"),
            ("apps/api/package.json", "{\"scripts\":{\"dev\":\"node --inspect=9230 server.js\",\"start\":\"node server.js\"}}"),
            ("apps/api/server.js", "app.listen(process.env.PORT || 3000)\n"),
            ("apps/api/.env", "PORT=3000\nDATABASE_URL=postgres://app@localhost:5432/shop\nCORS_ORIGIN=http://localhost:5173\n"),
            ("compose.yml", "services:\n  db:\n    image: postgres:16\n    ports:\n      - \"127.0.0.1:5432:5432\"\n"),
            (
                ".vscode/launch.json",
                "{\"configurations\":[{\"name\":\"a\",\"type\":\"node\",\"request\":\"attach\",\"port\":9230}]}",
            ),
            ("apps/api/Dockerfile", "FROM node\nENV PORT=3000\nEXPOSE 3000\nCMD [\"node\",\"server.js\"]\n"),
        ]);
        assert_eq!(examine(&clean), []);
    }
}
