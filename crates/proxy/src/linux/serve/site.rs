//! What is answered to a request: decided from its head and the folder alone.

mod file;
mod recent;

use portward_sys::served::{Miss, Served, Sort};
use portward_wire::http::{BadTarget, Head, Target, encoded};

use super::{
    guard::{is_cross_site, is_navigation, is_own_host, is_same_origin},
    listing::{Look, listing},
    live::{Hub, SCRIPT, SCRIPT_PATH, STREAM_PATH},
    page::refusal,
    plan::{Listing, Plan},
    reply::{Body, Reply},
    upload,
};
pub(super) use file::tag_of;
pub(super) use recent::Recent;

/// A folder with how it is served.
pub(super) struct Site {
    pub(super) served: Served,
    pub(super) plan: Plan,
    /// Those that clients dial.
    ports: Vec<u16>,
    pub(super) is_secure: bool,
    /// Who waits for changes.
    pub(super) hub: Hub,
    /// Lines that stand in every answer.
    pub(super) common: Vec<u8>,
}

/// It has to be waited for: a thread that may wait is to ask again.
pub(super) struct Later;

impl Site {
    pub(super) fn new(served: Served, plan: Plan, port: u16, is_secure: bool) -> Self {
        let mut lines = Reply::new(200, Body::None);
        for (name, value) in &plan.fields {
            lines.add(name, value);
        }
        if plan.cors {
            lines.add("Access-Control-Allow-Origin", "*");
            lines.add("Access-Control-Expose-Headers", "*");
        }
        if plan.isolation {
            lines.add("Cross-Origin-Opener-Policy", "same-origin");
            lines.add("Cross-Origin-Embedder-Policy", "require-corp");
            lines.add("Cross-Origin-Resource-Policy", "same-origin");
        }
        let ports = [&[port], &plan.ports[..]].concat();
        Self { served, plan, ports, is_secure, hub: Hub::default(), common: lines.fields }
    }

    /// What is answered. With what was opened lately nothing is waited for.
    pub(super) fn answer(&self, head: &Head<'_>, recent: Option<&mut Recent>) -> Result<Reply, Later> {
        let mut reply = self.decide(head, recent)?;
        reply.bodiless = head.method == "HEAD";
        Ok(self.finished(reply))
    }

    /// The same answer with what stands in every one. What a person chose takes the place of what would be sent otherwise.
    pub(super) fn finished(&self, mut reply: Reply) -> Reply {
        let lasts = matches!(reply.status, 200 | 206 | 304) && !matches!(reply.body, Body::Changes);
        match self.plan.cache.filter(|_| lasts) {
            Some(seconds) => reply.add("Cache-Control", &format!("max-age={seconds}")),
            None => reply.add("Cache-Control", "no-store"),
        }
        if !self.plan.fields.is_empty() {
            let is_chosen = |line: &[u8]| {
                let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
                self.plan.fields.iter().any(|(own, _)| own.as_bytes().eq_ignore_ascii_case(name))
            };
            let lines: Vec<&[u8]> = reply.fields.split_inclusive(|byte| *byte == b'\n').filter(|line| !is_chosen(line)).collect();
            reply.fields = lines.concat();
        }
        reply
    }

    fn decide(&self, head: &Head<'_>, recent: Option<&mut Recent>) -> Result<Reply, Later> {
        let allowed = if self.plan.uploads.is_some() { "GET, HEAD, OPTIONS, PUT, POST" } else { "GET, HEAD, OPTIONS" };
        let no_such = |head| refusal(405, Some(head), "This method does nothing here.").with("Allow", allowed);
        let target = match Target::read(head.target) {
            Ok(target) => target,
            Err(_) if head.method == "OPTIONS" && head.target == "*" => {
                return Ok(Reply::new(204, Body::None).with("Allow", allowed));
            }
            Err(_) if head.method == "CONNECT" => return Ok(no_such(head)),
            Err(error) => return Ok(refusal(400, Some(head), in_words(error))),
        };
        let host = target.host.or_else(|| head.text("host"));
        if !self.is_reached_by(host, head.is_current) {
            let sentence = "This is served to localhost, and was asked for by another name.";
            return Ok(refusal(421, Some(head), sentence));
        }
        if head.method == "OPTIONS" {
            return Ok(self.options(head, allowed));
        }
        if let Some(login) = &self.plan.login
            && !login.is_in(head)
        {
            let reply = refusal(401, Some(head), "This asks for a user and a password.");
            return Ok(reply.with("WWW-Authenticate", "Basic realm=\"portward\", charset=\"UTF-8\""));
        }
        if !self.plan.cors && is_cross_site(head) {
            let sentence = "A page of another site asked for this. portward serve --cors lets every page read it.";
            return Ok(refusal(403, Some(head), sentence));
        }
        match head.method {
            "GET" | "HEAD" => self.read(head, &target, recent),
            "PUT" | "POST" if self.plan.uploads.is_some() => {
                if recent.is_some() {
                    return Err(Later);
                }
                if !is_same_origin(head, host.unwrap_or_default(), self.is_secure) {
                    return Ok(refusal(403, Some(head), "A page of another origin may put nothing here."));
                }
                Ok(upload::wanted(self, head, &target))
            }
            _ => Ok(no_such(head)),
        }
    }

    fn is_reached_by(&self, host: Option<&str>, is_current: bool) -> bool {
        let usual = if self.is_secure { 443 } else { 80 };
        // HTTP/1.0 may leave it out, and no browser speaks that.
        host.map_or(!is_current, |host| is_own_host(host, &self.ports, usual, &self.plan.hosts, self.plan.exposed))
    }

    /// What may be asked for, and what a page of another origin may (Fetch, CORS protocol).
    fn options(&self, head: &Head<'_>, allowed: &str) -> Reply {
        let mut reply = Reply::new(204, Body::None).with("Allow", allowed);
        if self.plan.cors && head.field("access-control-request-method").is_some() {
            reply.add("Access-Control-Allow-Methods", "GET, HEAD");
            reply.add("Access-Control-Max-Age", "600");
            if let Some(names) = head.text("access-control-request-headers") {
                reply.add("Access-Control-Allow-Headers", names);
            }
            if head.field("access-control-request-private-network").is_some() {
                reply.add("Access-Control-Allow-Private-Network", "true");
            }
        }
        reply
    }

    fn read(&self, head: &Head<'_>, target: &Target<'_>, mut recent: Option<&mut Recent>) -> Result<Reply, Later> {
        if self.plan.reload {
            if target.path == SCRIPT_PATH {
                let script = Reply::new(200, Body::Bytes(SCRIPT.into()));
                return Ok(script.with("Content-Type", "text/javascript; charset=utf-8"));
            }
            if target.path == STREAM_PATH {
                let stream = Reply::new(200, Body::Changes);
                return if recent.is_some() { Err(Later) } else { Ok(stream.with("Content-Type", "text/event-stream")) };
            }
        }
        if target.is_hidden && !self.plan.hidden {
            return self.absent(head, target, recent);
        }
        let path = match (self.served.only(), &target.path[..]) {
            (Some(only), b"") => only,
            (_, path) => path,
        };
        let at_once = recent.is_some();
        let met = match self.served.find(path, at_once) {
            Ok(met) => met,
            Err(miss) => return self.missed(head, target, recent, &miss),
        };
        if met.facts.sort != Sort::Folder {
            let is_file = !target.is_folder || target.path.is_empty();
            return if is_file { self.file(head, path, met, 200, recent) } else { self.absent(head, target, recent) };
        }
        if !target.is_folder {
            let query = if target.query.is_empty() { String::new() } else { format!("?{}", target.query) };
            let place = format!("/{}/{query}", encoded(path));
            return Ok(refusal(301, Some(head), "It is a folder.").with("Location", &place));
        }
        if self.plan.listing != Listing::Only {
            for name in &self.plan.index {
                let path = if path.is_empty() { name.clone() } else { [path, b"/", &name[..]].concat() };
                match self.served.find(&path, at_once) {
                    Ok(met) if met.facts.sort == Sort::File => return self.file(head, &path, met, 200, recent),
                    Ok(_) | Err(Miss::Absent) => {}
                    Err(Miss::Later) => return Err(Later),
                    Err(miss) => return self.missed(head, target, recent, &miss),
                }
            }
        }
        if at_once {
            return Err(Later);
        }
        if self.plan.listing == Listing::Never {
            return self.absent(head, target, recent.take());
        }
        match met.entries(&self.served, path, MOST_ENTRIES) {
            Ok((mut entries, left_out)) => {
                entries.retain(|entry| self.plan.hidden || !entry.name.starts_with(b".") || entry.name == b".well-known");
                let look = Look {
                    title: &self.plan.title,
                    left_out,
                    takes_files: self.plan.uploads.is_some(),
                    reloads: self.plan.reload,
                };
                Ok(listing(target, entries, &look))
            }
            Err(miss) => self.missed(head, target, recent, &miss),
        }
    }

    fn missed(&self, head: &Head<'_>, target: &Target<'_>, recent: Option<&mut Recent>, miss: &Miss) -> Result<Reply, Later> {
        match miss {
            Miss::Absent => self.absent(head, target, recent),
            Miss::Later => Err(Later),
            Miss::Denied => Ok(refusal(403, Some(head), "The user who serves this may not read it.")),
            Miss::Outside => Ok(refusal(403, Some(head), "A link leads out of the folder that is served, and is not followed.")),
            Miss::Failed(error) => Ok(refusal(500, Some(head), &format!("It cannot be read: {error}."))),
        }
    }

    /// What is answered where nothing has the path.
    fn absent(&self, head: &Head<'_>, target: &Target<'_>, mut recent: Option<&mut Recent>) -> Result<Reply, Later> {
        let is_hidden = target.is_hidden && !self.plan.hidden;
        let name = target.path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
        let has_extension = name.contains(&b'.');
        let longer =
            self.plan.extension.as_ref().filter(|_| !is_hidden && !name.is_empty() && !has_extension && !target.is_folder);
        let longer = longer.map(|extension| ([&target.path, &b"."[..], extension].concat(), 200));
        let spa = self.plan.spa.as_ref().filter(|_| is_navigation(head)).map(|path| (path.clone(), 200));
        let not_found = self.plan.not_found.as_ref().map(|path| (path.clone(), 404));
        for (path, status) in [longer, spa, not_found].into_iter().flatten() {
            match self.served.find(&path, recent.is_some()) {
                Ok(met) if met.facts.sort == Sort::File => return self.file(head, &path, met, status, recent.take()),
                Err(Miss::Later) => return Err(Later),
                Ok(_) | Err(_) => {}
            }
        }
        Ok(refusal(404, Some(head), "Nothing is here."))
    }
}

fn in_words(error: BadTarget) -> &'static str {
    match error {
        BadTarget::Form => "The target of the request is no path.",
        BadTarget::Escape => "The path has a % without two hexadecimal digits behind it.",
        BadTarget::Zero => "The path has a byte of zero in it.",
        BadTarget::Above => "The path leads above itself with \"..\".",
    }
}

/// Entries of a folder that are shown.
const MOST_ENTRIES: usize = 50_000;
