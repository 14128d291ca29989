//! The project that a caller stands in, and what its `portward.toml` declares.

use portward_checks::engine::{ENGINES, engine};
use portward_model::{
    Failure, Hint, ProjectIdentity, Text, Transport, hint,
    plan::{DeclaredPort, Origin, Plan, Service},
};
use portward_sys::{Context, FileMark, Rights, StateFolder, digest, path_of, read_of_project, text_of};
use portward_wire::project_file::{self, Fault, Fix, LONGEST, NAME, decoded};

/// A project with what it declares.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Which project it is; `None` outside any.
    pub identity: Option<ProjectIdentity>,
    /// What it declares; nothing where it has no file.
    pub plan: Plan,
    /// The file that this stands in; `None` where there is none.
    pub file: Option<ProjectFile>,
}

/// A `portward.toml` as it was read.
#[derive(Clone, Debug)]
pub struct ProjectFile {
    /// Where it is.
    pub path: Text,
    /// What stands in it.
    pub text: String,
    /// What its project is known by: the repository that all its worktrees share, or its folder.
    pub place: String,
    /// What its text is known by, with the project: SHA-256.
    pub hash: String,
    bytes: Vec<u8>,
}

/// The project of the folder that the caller stands in, with what it declares.
///
/// # Errors
///
/// A file that cannot be read, or that declares what cannot be: each fault with its line and column.
pub fn load<R: Rights>(cx: &Context<'_, R>) -> Result<Loaded, Failure> {
    let (identity, file) = find(cx)?;
    let mut plan = file.as_ref().map_or_else(|| Ok(Plan::default()), ProjectFile::plan)?;
    plan.services.iter_mut().try_for_each(equip)?;
    if plan.services.iter().any(|service| service.compose.is_some()) {
        crate::compose::equip(cx, identity.as_ref(), &mut plan)?;
    }
    Ok(Loaded { identity, plan, file })
}

/// The same without a look at what it declares.
pub fn find<R: Rights>(cx: &Context<'_, R>) -> Result<(Option<ProjectIdentity>, Option<ProjectFile>), Failure> {
    // A folder that was removed under its caller belongs to nothing.
    let Some(folder) = &cx.caller.cwd else { return Ok((None, None)) };
    let Some(identity) = cx.look().project_at(&path_of(folder))? else { return Ok((None, None)) };
    // Whatever has the file in it is a project's root.
    let path = path_of(&identity.project.root).join(NAME);
    let shown = text_of(&path);
    let bytes = read_of_project(&path, LONGEST).map_err(|error| {
        let why = match error.kind() {
            std::io::ErrorKind::FileTooLarge => format!("it has more than {} kB", LONGEST / 1024),
            std::io::ErrorKind::PermissionDenied => "this user may not read it".to_owned(),
            _ => error.to_string(),
        };
        Failure::system(format!("{shown} cannot be read: {why}.")).hint(hint!("ls -l {}", shown))
    })?;
    let file = bytes.map(|bytes| ProjectFile::of(&identity, shown, bytes));
    Ok((Some(identity), file))
}

/// True where the caller has allowed this very text for this project.
pub fn permitted<R: Rights>(cx: &Context<'_, R>, file: &ProjectFile) -> bool {
    let folder = StateFolder::find(cx.caller);
    let name = file.mark();
    // A folder that others could write to says nothing.
    folder.inspect().is_ok() && folder.expect_file(&name).is_ok() && FileMark::of(&folder.path.join(&name)).is_some()
}

impl ProjectFile {
    /// The file at this path with these bytes in it.
    pub fn of(identity: &ProjectIdentity, path: Text, bytes: Vec<u8>) -> Self {
        let place = digest(&[identity.common.as_ref().unwrap_or(&identity.project.root).raw()]);
        let hash = digest(&[place.as_bytes(), &bytes]);
        let text = decoded(&bytes).unwrap_or_default();
        Self { path, text, place, hash, bytes }
    }

    /// What it declares.
    ///
    /// # Errors
    ///
    /// Each of its faults, with line and column.
    pub fn plan(&self) -> Result<Plan, Failure> {
        project_file::read(&self.bytes).map_err(|faults| faulty(&self.path, &faults))
    }

    /// The name of the file, in the user's state folder, that says that it was allowed.
    pub fn mark(&self) -> String {
        format!("{}{}", self.marks(), self.hash)
    }

    /// How the names of all such files of its project begin.
    pub fn marks(&self) -> String {
        format!("allowed-{}-", self.place.get(..16).unwrap_or_default())
    }
}

/// Gives a service the ports of the engine that it uses, where it declares none of its own.
fn equip(service: &mut Service) -> Result<(), Failure> {
    let Some(uses) = &service.uses else { return Ok(()) };
    let Origin { file, line } = &service.origin;
    let Some(engine) = engine(uses) else {
        let known: Vec<&str> = ENGINES.iter().map(|engine| engine.name).collect();
        let said = Text::from(uses.as_str());
        return Err(Failure::usage(format!("{file}, line {line}: there is no engine `{said}` that a service can use."))
            .hint(Hint::listing("known are: ", &known)));
    };
    let (transport, declared) = (Transport::Tcp, service.ports.clone());
    let given = |name: &str| declared.iter().find(|port| port.name.as_deref().unwrap_or_default() == name);
    let own = engine.ports.iter().map(|(name, asked)| {
        let usual = || DeclaredPort {
            name: (!name.is_empty()).then(|| (*name).to_owned()),
            asked: *asked,
            transport,
            origin: service.origin.clone(),
        };
        given(name).cloned().unwrap_or_else(usual)
    });
    service.ports = own.collect();
    let is_own = |port: &&DeclaredPort| engine.ports.iter().any(|(name, _)| port.name.as_deref().unwrap_or_default() == *name);
    if let Some(other) = declared.iter().find(|port| !is_own(port)) {
        let name = Text::from(other.name.as_deref().unwrap_or_default());
        let known: Vec<&str> = engine.ports.iter().map(|(name, _)| *name).filter(|name| !name.is_empty()).collect();
        let ports = if known.is_empty() { "none but its first".to_owned() } else { known.join(", ") };
        return Err(Failure::usage(format!("{file}, line {line}: {} has no port {name}; by name it has {ports}.", engine.title)));
    }
    service.protocol.get_or_insert_with(|| engine.protocol.to_owned());
    Ok(())
}

/// What is wrong with a file, in sentences.
fn faulty(path: &Text, faults: &[Fault]) -> Failure {
    let at = |fault: &Fault| format!("line {}, column {}: {}.", fault.line, fault.column, fault.problem);
    let mut said = faults.first().map_or_else(String::new, |fault| format!("{path}, {}", at(fault)));
    for fault in faults.iter().skip(1).take(SOME) {
        said = format!("{said} L{}", at(fault).trim_start_matches('l'));
    }
    if let Some(more) = faults.len().checked_sub(SOME + 1).filter(|more| *more > 0) {
        said = format!("{said} That is not all: {more} more.");
    }
    let failure = Failure::usage(said);
    let fixes = faults.iter().take(SOME + 1).find_map(|fault| fault.fix.as_ref());
    match fixes {
        Some(Fix::Word(word)) => failure.hint(hint!("did you mean {} ?", word)),
        Some(Fix::Example(example)) => failure.hint(Hint::told(example)),
        None => failure,
    }
}

/// Faults that are told beside the first one.
const SOME: usize = 4;
