lint! {
    "table-stale": "the table of ports in a README is not what the project declares",
    Low, reads: ["readme", "portward"],
    why: "\
A newcomer reads the README first. The table is what `portward ports --markdown` printed, and the declaration has changed since.",
    fix: "Put what `portward ports --markdown` prints now in its place.",
}

use super::prelude::*;

fn run(project: &Project) -> Vec<Finding> {
    let Some(table) = project.table.as_ref().filter(|table| table.stands.trim() != table.should.trim()) else {
        return Vec::new();
    };
    let differs = table.should.trim().lines().find(|line| !table.stands.lines().any(|own| own.trim() == line.trim()));
    let fact =
        differs.map_or_else(|| "a row is there that should not be".to_owned(), |line| format!("this row is missing: {line}"));
    let summary = "The table of ports is not what portward.toml declares.".to_owned();
    let mut finding =
        words::placed(&RULE, Likelihood::Certain, &table.file, table.line, summary, vec![Evidence::new("portward.toml", fact)]);
    finding.remedies.push(portward_model::Remedy::look("Print the table as it should be", "portward ports --markdown"));
    vec![finding]
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};
    use crate::lint::project::Table;

    pub(crate) fn cases() -> Cases {
        let with = |stands: &str| {
            let mut project = given(&[]);
            project.table = Some(Table {
                file: "README.md".to_owned(),
                line: 3,
                stands: stands.to_owned(),
                should: "| web | 3000 |\n".to_owned(),
            });
            project
        };
        Cases { fires: vec![with("| web | 3001 |"), with("")], silent: vec![with("| web | 3000 |"), given(&[])] }
    }
}
