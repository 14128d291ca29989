//! Which project a word means.

use std::path::Path;

use portward_model::{FileKind, Hint, Text, hint};
use portward_store::{ProjectRow, Store, here};
use portward_sys::{path_of, text_of};

use crate::{Context, Failure};

/// The project that a word means: `.` and paths by their place; a name, that of a worktree, or the beginning of one of
/// them where only one project has it. Of several with one name, this one, where it is one of them.
pub(super) fn find(cx: &Context<'_>, store: &mut Store<'_>, word: &str) -> Result<ProjectRow, Failure> {
    if word == "." {
        return store.project(here(cx)?.as_ref());
    }
    let projects = store.projects()?;
    if word.contains('/') || word == ".." {
        return at(cx, store, &projects, word);
    }
    let named: Vec<&ProjectRow> = projects.iter().filter(|project| names(project).any(|name| name == word.as_bytes())).collect();
    let begun = || projects.iter().filter(|project| names(project).any(|name| name.starts_with(word.as_bytes()))).collect();
    let found: Vec<&ProjectRow> = if named.is_empty() && !word.is_empty() { begun() } else { named };
    let own = if found.len() > 1 { store.known_project(here(cx)?.as_ref())? } else { None };
    match found.as_slice() {
        [] => Err(unknown(word, &projects)),
        [only] => Ok((*only).clone()),
        // The beginning of a name says nothing of where one stands.
        several => match own.filter(|own| names(own).any(|name| name == word.as_bytes())) {
            Some(own) if several.iter().any(|project| project.id == own.id) => Ok(own),
            _ => Err(ambiguous(word, several)),
        },
    }
}

/// The project of a folder, or the one that had this root before its folder was removed.
fn at(cx: &Context<'_>, store: &mut Store<'_>, projects: &[ProjectRow], word: &str) -> Result<ProjectRow, Failure> {
    let place = cx.caller.cwd.as_ref().map(path_of).unwrap_or_default().join(word);
    let found = cx.machine.path(&text_of(&place));
    if found.is_ok_and(|facts| facts.kind == Some(FileKind::Folder))
        && let Some(identity) = cx.machine.project_at(&place)?
    {
        return store.project(Some(&identity));
    }
    let root = |project: &&ProjectRow| {
        project.root.as_ref().is_some_and(|root| root.raw() == Path::new(word).as_os_str().as_encoded_bytes())
    };
    projects.iter().find(root).cloned().ok_or_else(|| {
        let shown = Text::from(word);
        Failure::usage(format!("{shown} belongs to no project.")).hint("portward ps    lists those that run")
    })
}

/// What a project goes by: its whole name, and for a linked worktree that of the worktree alone.
fn names(project: &ProjectRow) -> impl Iterator<Item = &[u8]> {
    let whole = project.name.raw();
    let worktree = whole.iter().rposition(|byte| *byte == b'@').and_then(|at| whole.get(at + 1..));
    [Some(whole), worktree].into_iter().flatten().filter(|name| !name.is_empty())
}

fn ambiguous(word: &str, several: &[&ProjectRow]) -> Failure {
    let root = |project: &&ProjectRow| project.root.as_ref().map_or_else(|| "no folder".to_owned(), Text::shown);
    let each: Vec<String> = several.iter().map(|project| format!("{} in {}", project.name, root(project))).collect();
    let first = several.first().map(root).unwrap_or_default();
    Failure::usage(format!("{} projects go by `{}`: {}.", several.len(), Text::from(word), each.join(", ")))
        .hint(hint!("portward front {}    names one by its folder", first))
}

fn unknown(word: &str, projects: &[ProjectRow]) -> Failure {
    let known: Vec<String> = projects.iter().map(|project| project.name.shown()).filter(|name| !name.is_empty()).collect();
    let failure = Failure::usage(format!("No project is called `{}`.", Text::from(word)));
    match known.as_slice() {
        [] => failure.hint("portward front .    in its folder"),
        [.., _] if known.len() > MOST_NAMES => failure.hint("portward lease    lists projects"),
        names => failure.hint(Hint::listing("one of ", names)),
    }
}

/// More names than these help nobody.
const MOST_NAMES: usize = 12;
