//! Services that are engines of the project's own: where each stands, what it tells the project's programs, how it is started.

use std::path::Path;

use portward_checks::engine::{self, Engine, Site, engine};
use portward_keeper::Grounds;
use portward_model::{Failure, Text, hint, plan::Service, work::Recipe};
use portward_reading::project::Loaded;
use portward_sys::{Rights, text_of, works};

use super::{HOST, Leased, title};
use crate::{Acts, Context};

/// A service, a variable that its engine tells, and what that is.
pub type Told = (String, String, String);

/// An engine of the project's own.
pub struct Own {
    /// What is known of it.
    pub engine: &'static Engine,
    /// Its folder, and what is recorded of it.
    pub grounds: Grounds,
    /// Its place, as its programs are told.
    pub site: Site,
}

/// The engine that a service uses; `None` for a service with a command of its own.
///
/// # Errors
///
/// Where its folder cannot be had, or belongs to something else.
pub fn own(cx: &Context<'_, Acts>, loaded: &Loaded, leased: &Leased, service: &Service) -> Result<Option<Own>, Failure> {
    let Some(engine) = service.uses.as_deref().and_then(engine) else { return Ok(None) };
    let identity = loaded.identity.as_ref();
    let grounds = Grounds::find(cx.caller, (leased.id(), identity), (&service.name, engine.name))?;
    let places = (words(&grounds.data())?, words(grounds.run())?);
    let site = site(places, loaded, leased, (service, &grounds), cx.caller.uid == 0);
    Ok(Some(Own { engine, grounds, site }))
}

fn site(
    (data, run): (String, String),
    loaded: &Loaded,
    leased: &Leased,
    (service, grounds): (&Service, &Grounds),
    is_root: bool,
) -> Site {
    let asked: Vec<u16> = service.ports.iter().map(|port| port.asked).collect();
    Site {
        data,
        run,
        programs: String::new(),
        database: engine::plain_name(&title(loaded)),
        user: USER.to_owned(),
        password: grounds.record.password.clone(),
        serves: asked.iter().map(|asked| leased.of(*asked).unwrap_or(*asked)).collect(),
        asked,
        is_root,
    }
}

/// What the engines of a project tell its programs: variables by their names, with the service that each comes from. Where two tell the
/// same, the first in the file does.
///
/// # Errors
///
/// Those of [`own`].
pub fn told(cx: &Context<'_, Acts>, loaded: &Loaded, leased: &Leased) -> Result<Vec<Told>, Failure> {
    let mut told: Vec<Told> = Vec::new();
    for service in &loaded.plan.services {
        let Some(own) = own(cx, loaded, leased, service)? else { continue };
        told.extend(tells(own.engine, &own.site).into_iter().map(|(name, value)| (service.name.clone(), name.to_owned(), value)));
    }
    Ok(told)
}

/// The same where each of them stands already; nothing is made. `None` where one does not.
pub fn standing<R: Rights>(cx: &Context<'_, R>, loaded: &Loaded, leased: &Leased) -> Option<Vec<Told>> {
    let mut told: Vec<Told> = Vec::new();
    for service in &loaded.plan.services {
        let Some(engine) = service.uses.as_deref().and_then(engine) else { continue };
        let of = (leased.id(), loaded.identity.as_ref());
        let grounds = Grounds::known(cx.caller, of, (&service.name, engine.name))?;
        let site = site(<_>::default(), loaded, leased, (service, &grounds), false);
        told.extend(tells(engine, &site).into_iter().map(|(name, value)| (service.name.clone(), name.to_owned(), value)));
    }
    Some(told)
}

/// What an engine tells at its place: each variable with what it is.
fn tells(engine: &Engine, site: &Site) -> Vec<(&'static str, String)> {
    let filled = |text: String| {
        let ports = engine.ports.iter().zip(&site.serves);
        ports.fold(text.replace("{host}", HOST), |text, ((name, _), port)| {
            let name = if name.is_empty() { "port" } else { name };
            text.replace(&format!("{{{name}}}"), &port.to_string())
        })
    };
    (engine.tells)(site).into_iter().map(|(name, text)| (name, filled(text))).collect()
}

impl Own {
    /// The program that makes its data where there is none, and serves it, with its arguments.
    ///
    /// # Errors
    ///
    /// Where a program is missing, with its package; where the data is another version's; where root may not.
    pub fn starting(&mut self) -> Result<Vec<Text>, Failure> {
        let (engine, service) = (self.engine, self.engine.title);
        if let Some(because) = engine.never_root.filter(|_| self.site.is_root) {
            return Err(Failure::system(format!("{because}.")).hint("portward up    as an ordinary user"));
        }
        let path = self.found()?;
        let printed = works::said(Path::new(&path), engine.version);
        let major = printed.as_deref().and_then(engine::major_version);
        if let (Some(data), Some(server)) = (self.grounds.record.major, major)
            && self.grounds.is_made()
            && let Some(sentence) = engine.mismatch(data, server)
        {
            return Err(Failure::system(sentence).hint(hint!("portward service {} save    by the version that made it", service)));
        }
        let aside = Site { data: words(&self.grounds.made_in())?, ..self.site.clone() };
        let (make, prepare) = ((engine.make)(&aside), (engine.prepare)(&self.site));
        let mut serve = (engine.serve)(&self.site);
        // Found here, whatever `PATH` is where it is started.
        if let Some(first) = serve.words.first_mut() {
            *first = path;
        }
        self.grounds.starting(&Recipe { make, prepare, serve, major })
    }

    /// Finds its programs; the path of its server.
    ///
    /// # Errors
    ///
    /// Names the one that is missing, with its package.
    pub fn found(&mut self) -> Result<String, Failure> {
        let server = self.program(self.engine.server)?;
        // Those that come with it stand beside it, unless PATH has them.
        let folder = server.strip_suffix(self.engine.server).unwrap_or_default().to_owned();
        let beside = |name: &&&str| works::program(&format!("{folder}{name}"), &[]).is_some();
        if self.engine.needs.iter().filter(beside).count() == self.engine.needs.len() {
            self.site.programs = folder;
        } else {
            self.engine.needs.iter().try_for_each(|name| self.program(name).map(drop))?;
        }
        Ok(server)
    }

    fn program(&self, name: &str) -> Result<String, Failure> {
        let found = works::program(name, self.engine.folders).map(|path| text_of(&path).shown());
        found.ok_or_else(|| {
            let Engine { title, package, .. } = self.engine;
            Failure::system(format!("{name}, which {title} needs, is not installed: it comes with the package {package}."))
        })
    }
}

/// A path as the words of a program.
fn words(path: &Path) -> Result<String, Failure> {
    path.to_str().map(str::to_owned).ok_or_else(|| {
        let shown = Text::from(path.to_string_lossy().as_ref());
        Failure::system(format!("{shown} is no UTF-8, and no settings of an engine can hold it."))
    })
}

/// The user that a project's programs are.
const USER: &str = "app";
