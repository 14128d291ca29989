lint! {
    "port-told-twice": "PORT in .env is not the port that the script beside it tells its program",
    Medium, reads: ["dotenv", "package"],
    why: "\
An option of the script goes before the variable: whoever changes PORT in .env changes nothing, and whatever else reads it (a proxy, a test, a
teammate) looks for the program where it is not.",
    fix: "Say it in one of them: take the option away, or write the same port into both.",
}

use super::prelude::*;
use crate::lint::unit::usual;

fn run(project: &Project) -> Vec<Finding> {
    let all = units(project);
    let mut found = Vec::new();
    for file in project.of_kind("dotenv").filter(|file| matches!(file.name(), ".env" | ".env.local" | ".env.development")) {
        let Some(set) = file
            .found
            .facts
            .iter()
            .rfind(|fact| fact.service.as_deref() == Some("PORT") && matches!(fact.what, What::Asked { .. }))
        else {
            continue;
        };
        let Some(unit) = usual(&all, file.folder()).and_then(|at| all.get(at)) else { continue };
        // The variable may be meant for another program of the folder.
        let others = all.iter().filter(|other| other.start.folder == file.folder() && other.file.kind.name != "compose");
        let is_alone = others.flat_map(|other| &other.ports).all(|(_, fact)| fact.port != set.port);
        let reads_it = project.of_kind("program").filter(|program| program.folder() == file.folder());
        let is_read = reads_it.flat_map(|program| &program.found.facts).any(|fact| fact.variable.as_deref() == Some("PORT"));
        let told = unit.ports.iter().find(|(own, fact)| own.kind.name == "package" && matches!(fact.what, What::Asked { .. }));
        let Some((own, fact)) = told.filter(|(_, fact)| fact.port != set.port && is_alone && !is_read) else { continue };
        let summary =
            format!("PORT is {}, and {} tells its program {}, which counts.", set.port, words::place(own, fact), fact.port);
        let mut finding = words::at(&RULE, Likelihood::Likely, file, set, summary);
        finding.evidence.push(words::seen(own, fact));
        let title = format!("Let PORT be {}, too", fact.port);
        finding.remedies.push(words::line(project, file, set.line, &set.port.to_string(), &fact.port.to_string(), title));
        found.push(finding);
    }
    found
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use super::{Cases, given};

    pub(crate) fn cases() -> Cases {
        let package = |dev: &str| format!("{{\"scripts\":{{\"dev\":\"{dev}\"}}}}");
        Cases {
            fires: vec![
                given(&[("package.json", &package("next dev -p 3000")), (".env", "PORT=4000\n")]),
                given(&[("web/package.json", &package("PORT=3000 node a.js")), ("web/.env.local", "PORT=4000\n")]),
            ],
            silent: vec![
                given(&[("package.json", &package("next dev -p 3000")), (".env", "PORT=3000\n")]),
                given(&[("package.json", &package("next dev -p 3000")), ("api/.env", "PORT=4000\n")]),
                given(&[("package.json", &package("node server.js")), (".env", "PORT=4000\n")]),
                given(&[
                    ("package.json", &package("vite --port 5180")),
                    ("server.js", "app.listen(process.env.PORT || 3000)\n"),
                    (".env", "PORT=4000\n"),
                ]),
                given(&[("package.json", &package("next dev -p 3000")), (".env.example", "PORT=4000\n")]),
            ],
        }
    }
}
