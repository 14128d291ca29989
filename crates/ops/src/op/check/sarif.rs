//! Findings as SARIF 2.1.0 (OASIS, Static Analysis Results Interchange Format), which code hosts and editors read.

use portward_checks::lint::{RULES, rule_named};
use portward_model::{Edit, Severity};
use serde_json::{Value, json};

use super::Found;

/// One run of one tool, with the rules that found something, and each finding with its place and the line to write.
pub(super) fn document(findings: &[Found]) -> Value {
    let named: Vec<_> = RULES.iter().filter(|rule| findings.iter().any(|found| found.finding.code == rule.code)).collect();
    let rules: Vec<Value> = named
        .iter()
        .map(|rule| {
            json!({
                "id": rule.code,
                "shortDescription": { "text": rule.summary },
                "fullDescription": { "text": rule.reason },
                "help": { "text": rule.fix },
                "defaultConfiguration": { "level": level(rule.severity) },
            })
        })
        .collect();
    let results: Vec<Value> = findings
        .iter()
        .map(|found| {
            let index = named.iter().position(|rule| rule.code == found.finding.code);
            result(found, index)
        })
        .collect();
    json!({
        "$schema": "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": { "driver": { "name": "portward", "version": env!("CARGO_PKG_VERSION"), "rules": rules } },
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(found: &Found, index: Option<usize>) -> Value {
    let finding = &found.finding;
    let severity = finding.severity.or_else(|| rule_named(&finding.code).map(|rule| rule.severity)).unwrap_or(Severity::Info);
    let evidence: Vec<String> =
        finding.evidence.iter().map(|evidence| format!("{}: {}", evidence.source, evidence.fact)).collect();
    let text = format!("{} {}", finding.summary, evidence.join("; "));
    let mut result = json!({
        "ruleId": finding.code,
        "level": level(severity),
        "message": { "text": text.trim() },
        "partialFingerprints": { "portward/v1": found.fingerprint },
    });
    if let Some(index) = index {
        result["ruleIndex"] = index.into();
    }
    if let Some(place) = &finding.place {
        let mut physical = json!({ "artifactLocation": { "uri": uri(place.file.raw()), "uriBaseId": "%SRCROOT%" } });
        if let Some(line) = place.line.filter(|line| *line > 0) {
            physical["region"] = json!({ "startLine": line });
        }
        result["locations"] = json!([{ "physicalLocation": physical }]);
        let edits: Vec<(&str, &Edit)> =
            finding.remedies.iter().filter_map(|remedy| Some((remedy.title.as_str(), remedy.edits()?))).collect();
        if !edits.is_empty() {
            result["fixes"] = edits.iter().map(|(title, edit)| fix(title, edit, place.file.raw())).collect();
        }
    }
    result
}

/// The whole line is deleted, up to its end, and what is to stand there is put in.
fn fix(title: &str, edit: &Edit, file: &[u8]) -> Value {
    let then: Vec<String> = edit.then.iter().map(|line| line.lossy().into_owned()).collect();
    let end = edit.now.lossy().chars().count() + 1;
    json!({
        "description": { "text": title },
        "artifactChanges": [{
            "artifactLocation": { "uri": uri(file), "uriBaseId": "%SRCROOT%" },
            "replacements": [{
                "deletedRegion": { "startLine": edit.line, "startColumn": 1, "endLine": edit.line, "endColumn": end },
                "insertedContent": { "text": then.join("\n") },
            }],
        }],
    })
}

fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Info | Severity::Low => "note",
        Severity::Medium => "warning",
        Severity::High | Severity::Critical => "error",
    }
}

/// A path as a relative reference (RFC 3986).
fn uri(path: &[u8]) -> String {
    let mut uri = String::new();
    for byte in path {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => uri.push(char::from(*byte)),
            byte => uri.extend(["%".to_owned(), format!("{byte:02X}")]),
        }
    }
    uri
}
