//! The Compose files of a project, those together that belong together: what each says is what Compose makes of it.

use std::cell::RefCell;

use portward_model::Text;
use portward_wire::{
    source::{Findings, Kind, kind_named},
    stack::{NAMES, Said, StackFlaw, Variables, join, meant},
};

use super::File;

/// The bytes of a file that is named by others, by its path below the project's root.
pub type Open<'o> = &'o dyn Fn(&str) -> Option<Vec<u8>>;

/// Files that are one stack.
struct Stack {
    first: String,
    said: Said,
}

/// Lets each Compose file say what it says together with those that it belongs to. Files that were opened for that are added.
pub(super) fn together(root: &Text, files: &mut Vec<File>, environment: &Variables, open: Open<'_>) -> Vec<StackFlaw> {
    let Some(kind) = kind_named("compose") else { return Vec::new() };
    let (stacks, brought) = {
        let reader = Reader { root, files, environment, open, kind, brought: RefCell::default() };
        (reader.stacks(), reader.brought.into_inner())
    };
    if !brought.is_empty() {
        // What is wrong with them is told with the stack that names them.
        files.extend(brought.into_iter().map(|file| File { found: Findings::default(), ..file }));
        files.sort_by(|one, other| one.path.cmp(&other.path));
    }
    for file in files.iter_mut().filter(|file| file.kind.name == kind.name) {
        file.found.facts.clear();
        file.found.starts.clear();
        file.found.settings.clear();
    }
    let mut flaws: Vec<StackFlaw> = Vec::new();
    for (path, found) in stacks.iter().flat_map(|stack| &stack.said.files) {
        let Some(file) = files.iter_mut().find(|file| file.path == *path) else { continue };
        let own = &mut file.found;
        // A file that several stacks extend from says the same in each.
        found.facts.iter().for_each(|fact| put(&mut own.facts, fact));
        found.settings.iter().for_each(|setting| put(&mut own.settings, setting));
        own.starts.extend(found.starts.iter().cloned());
    }
    for flaw in stacks.into_iter().flat_map(|stack| stack.said.flaws) {
        let is_told = |file: &File| file.path == flaw.file && file.found.flaws.iter().any(|own| own.line == flaw.line);
        if !files.iter().any(is_told) {
            put(&mut flaws, &flaw);
        }
    }
    flaws
}

fn put<T: Clone + PartialEq>(list: &mut Vec<T>, one: &T) {
    if !list.contains(one) {
        list.push(one.clone());
    }
}

struct Reader<'r> {
    root: &'r Text,
    files: &'r [File],
    environment: &'r Variables,
    open: Open<'r>,
    kind: &'static Kind,
    /// Files that no name tells, and that others name.
    brought: RefCell<Vec<File>>,
}

impl Reader<'_> {
    fn stacks(&self) -> Vec<Stack> {
        let mut all: Vec<Stack> = self.folders().iter().filter_map(|folder| self.stack(folder)).collect();
        // A file that another one includes is no stack of its own; of two that include each other, the first is.
        let includes = |one: &Stack, other: &Stack| one.said.included.contains(&other.first);
        let is_part = |at: usize, stack: &Stack| {
            all.iter().enumerate().any(|(by, other)| by != at && includes(other, stack) && !(includes(stack, other) && at < by))
        };
        let parts: Vec<bool> = all.iter().enumerate().map(|(at, stack)| is_part(at, stack)).collect();
        let mut parts = parts.into_iter();
        all.retain(|_| parts.next() != Some(true));
        let is_read = |path: &String| all.iter().any(|stack| stack.said.files.contains_key(path));
        let own = self.files.iter().filter(|file| file.kind.name == self.kind.name && !is_read(&file.path));
        let apart: Vec<Stack> = own.map(|file| self.apart(file)).collect();
        all.extend(apart);
        all
    }

    /// Folders that have a file which is read without being named, and those whose `.env` names one.
    fn folders(&self) -> Vec<String> {
        let names_one =
            |file: &File| file.name() == ".env" && file.found.settings.iter().any(|setting| setting.name == "COMPOSE_FILE");
        let is_one = |file: &&File| file.kind.name == self.kind.name && NAMES.contains(&file.name()) || names_one(file);
        let root = self.environment.get("COMPOSE_FILE").map(|_| "");
        let mut all: Vec<String> = self.files.iter().filter(is_one).map(File::folder).chain(root).map(str::to_owned).collect();
        all.sort();
        all.dedup();
        all
    }

    fn stack(&self, folder: &str) -> Option<Stack> {
        let variables = self.variables(folder);
        let is_there = |name: &str| self.files.iter().any(|file| file.folder() == folder && file.name() == name);
        let files: Vec<String> = meant(&is_there, &variables).iter().map(|name| self.below(&join(folder, name))).collect();
        let first = files.first()?.clone();
        Some(Stack { first, said: Said::read(folder, &files, &|path| self.text(path), &variables) })
    }

    /// A file that belongs to no others, for itself: it is laid over others, or meant for another place, and nobody says which.
    fn apart(&self, file: &File) -> Stack {
        let (own, variables) = (std::slice::from_ref(&file.path), self.variables(file.folder()));
        let mut said = Said::read(file.folder(), own, &|path| self.text(path), &variables);
        said.flaws.clear();
        said.files.retain(|path, _| *path == file.path);
        for found in said.files.values_mut() {
            found.starts.iter_mut().for_each(|start| start.is_apart = true);
        }
        Stack { first: file.path.clone(), said }
    }

    /// What a folder's `.env` says, behind the environment. That names files below the folder in which it was set, and no others.
    fn variables(&self, folder: &str) -> Variables {
        let environment = self.environment.clone();
        let mut all = if folder.is_empty() { environment } else { environment.without("COMPOSE_FILE") };
        let own = self.files.iter().filter(|file| file.name() == ".env" && file.folder() == folder);
        for setting in own.flat_map(|file| &file.found.settings) {
            all.add(&setting.name, &setting.value);
        }
        all
    }

    /// A path from the root of the file system as one below the project's, where it is one.
    fn below(&self, path: &str) -> String {
        let root = std::str::from_utf8(self.root.raw()).ok().filter(|root| !root.is_empty());
        let rest = root.and_then(|root| path.strip_prefix(root)?.strip_prefix('/'));
        rest.unwrap_or(path).to_owned()
    }

    fn text(&self, path: &str) -> Option<String> {
        let known = |files: &[File]| files.iter().find(|file| file.path == path).map(|file| file.text.clone());
        if let Some(text) = known(self.files).or_else(|| known(&self.brought.borrow())) {
            return Some(text);
        }
        let file = File::read(path, self.kind, &(self.open)(path)?).ok()?;
        let text = file.text.clone();
        self.brought.borrow_mut().push(file);
        Some(text)
    }
}

#[cfg(test)]
mod tests;
