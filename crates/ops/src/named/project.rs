//! Which project a word means.

use portward_model::{FileKind, Hint, Text, hint};
use portward_store::{ProjectId, ProjectRow, Store, here};
use portward_sys::{Context, Rights, path_of, text_of};

use super::Place;
use crate::{Failure, op::ps::Session};

/// The project of the store that a word means, which is made where a folder is named that is in there not yet.
pub(crate) fn find<R: Rights>(cx: &Context<'_, R>, store: &mut Store<'_>, word: &str) -> Result<ProjectRow, Failure> {
    if word == "." {
        return store.project(here(cx)?.as_ref());
    }
    let rows = store.projects()?;
    if is_path(word)
        && let Some(identity) = identity_at(cx, word)?
    {
        return store.project(Some(&identity));
    }
    let places: Vec<Place> = rows.iter().cloned().map(Place::from).collect();
    let own = store.known_project(here(cx)?.as_ref())?.map(Place::from);
    let place = among(&places, own.as_ref(), word, &|root| hint!("portward front {}    names one by its folder", root))?;
    let id = place.id.parse().map(ProjectId);
    rows.into_iter().find(|row| Ok(row.id) == id).ok_or_else(|| unknown(word, &places))
}

/// The project that a word means, of those that have ports; a folder stands for its project, whether that has any or not.
pub(super) fn named<R: Rights>(cx: &Context<'_, R>, places: &[Place], own: Option<&Place>, word: &str) -> Result<Place, Failure> {
    if word == "." {
        let failure = || Failure::usage("This folder belongs to no project.").hint("portward ps    lists those that run");
        return own.cloned().ok_or_else(failure);
    }
    if is_path(word)
        && let Some(identity) = identity_at(cx, word)?
    {
        let root = Some(identity.project.root.clone());
        let known = places.iter().find(|place| place.root == root).cloned();
        return Ok(known.unwrap_or_else(|| Place { id: String::new(), name: identity.title(), root }));
    }
    among(places, own, word, &|root| hint!("--project {}    names one by its folder", root)).cloned()
}

/// The project that goes by a word: a whole name, that of a worktree, or the beginning of one of them where only one project has it; of
/// several with one name this one, where it is one of them. A folder that is gone still names what was in it.
fn among<'p>(
    places: &'p [Place],
    own: Option<&Place>,
    word: &str,
    by_folder: &dyn Fn(String) -> Hint,
) -> Result<&'p Place, Failure> {
    if is_path(word) {
        let root = |place: &&Place| place.root.as_ref().is_some_and(|root| root.raw() == word.trim_end_matches('/').as_bytes());
        return places.iter().find(root).ok_or_else(|| {
            Failure::usage(format!("{} belongs to no project.", Text::from(word))).hint("portward ps    lists those that run")
        });
    }
    let named: Vec<&Place> = places.iter().filter(|place| is_called(&place.name, word)).collect();
    let begun = || places.iter().filter(|place| names(&place.name).any(|name| name.starts_with(word.as_bytes()))).collect();
    let found: Vec<&Place> = if named.is_empty() && !word.is_empty() { begun() } else { named };
    match found.as_slice() {
        [] => Err(unknown(word, places)),
        [only] => Ok(only),
        // The beginning of a name says nothing of where one stands.
        several => match own.filter(|own| is_called(&own.name, word)) {
            Some(own) => {
                several.iter().find(|place| place.root == own.root).copied().ok_or_else(|| ambiguous(word, several, by_folder))
            }
            None => Err(ambiguous(word, several, by_folder)),
        },
    }
}

/// The sessions of the project with this whole name, or that of its worktree.
pub(super) fn sessions<'s>(sessions: &'s [Session], word: &str) -> Vec<&'s Session> {
    let called = |session: &&Session| session.project.as_ref().is_some_and(|name| is_called(name, word));
    let rooted = |session: &&Session| {
        session.root.as_ref().is_some_and(|root| is_path(word) && root.raw() == word.trim_end_matches('/').as_bytes())
    };
    sessions.iter().filter(|session| called(session) || rooted(session)).collect()
}

pub(super) fn is_called(name: &Text, word: &str) -> bool {
    names(name).any(|own| own.eq_ignore_ascii_case(word.as_bytes()))
}

/// What a project goes by: its whole name, and for a linked worktree that of the worktree alone.
fn names(name: &Text) -> impl Iterator<Item = &[u8]> {
    let whole = name.raw();
    let worktree = whole.iter().rposition(|byte| *byte == b'@').and_then(|at| whole.get(at + 1..));
    [Some(whole), worktree].into_iter().flatten().filter(|name| !name.is_empty())
}

fn is_path(word: &str) -> bool {
    word.contains('/') || word == ".."
}

/// The project of a folder that is there.
fn identity_at<R: Rights>(cx: &Context<'_, R>, word: &str) -> Result<Option<portward_model::ProjectIdentity>, Failure> {
    let place = cx.caller.cwd.as_ref().map(path_of).unwrap_or_default().join(word);
    let found = cx.look().path(&text_of(&place));
    if found.is_ok_and(|facts| facts.kind == Some(FileKind::Folder)) { Ok(cx.look().project_at(&place)?) } else { Ok(None) }
}

fn ambiguous(word: &str, several: &[&Place], by_folder: &dyn Fn(String) -> Hint) -> Failure {
    let root = |place: &&Place| place.root.as_ref().map_or_else(|| "no folder".to_owned(), Text::shown);
    let each: Vec<String> = several.iter().map(|place| format!("{} in {}", place.name, root(place))).collect();
    let first = several.first().map(root).unwrap_or_default();
    Failure::usage(format!("{} projects go by `{}`: {}.", several.len(), Text::from(word), each.join(", ")))
        .hint(by_folder(first))
}

fn unknown(word: &str, places: &[Place]) -> Failure {
    let known: Vec<String> = places.iter().map(|place| place.name.shown()).filter(|name| !name.is_empty()).collect();
    let failure = Failure::usage(format!("No project is called `{}`.", Text::from(word)));
    let near = portward_wire::near(word, known.iter().map(String::as_str));
    match (near.as_slice(), known.as_slice()) {
        ([_, ..], _) => failure.hint(Hint::listing("near: ", near)),
        ([], []) => failure.hint("portward run CMD    in its folder"),
        ([], [.., _]) if known.len() > MOST_NAMES => failure.hint("portward lease    lists projects"),
        ([], names) => failure.hint(Hint::listing("one of ", names)),
    }
}

/// More names than these help nobody.
const MOST_NAMES: usize = 12;
