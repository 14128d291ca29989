//! `portward serve`

mod choose;
mod document;

use std::time::Duration;

use clap::{Args, ValueEnum};
use portward_keeper::serve;
use portward_model::Text;
use portward_sys::on_behalf_of;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Acts, Context, Failure, Noun, Op, Sink, Span};
pub use document::{Answered, Certified, Ended, Reached, Served, Told};

/// Serve a folder, or one file, to browsers on this machine: at a port of its own that stays the same
///
/// The port is leased to the project and the folder's name, so that the URL is the same every time, and `portward url`, `open`, `ps` and
/// `stop` know it by that name. Nobody outside this machine reaches it, by no name but localhost's, and no page of another site reads it.
/// Nothing outside the folder is served: no link that leads out of it, and no file whose name begins with a dot. Browsers keep nothing,
/// so that what is seen is what is there. Ctrl-C ends it after the requests in flight; a second one at once.
#[derive(Args, Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Serve {
    /// The folder or the file; without it, the folder that this is typed in
    #[arg(value_name = "DIR|FILE")]
    pub path: Option<String>,
    /// Listen at this port, instead of the leased one
    #[arg(long, short, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub port: Option<u16>,
    /// What it is called; otherwise as its folder
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// Let the network reach it: whoever reaches this machine reads what is served
    #[arg(long)]
    pub expose: bool,
    /// Show the URL for the network as a QR code
    #[arg(long, requires = "expose")]
    pub qr: bool,
    /// Open it in the browser
    #[arg(long, short)]
    pub open: bool,
    /// A file that stands for its folder, such as start.html; may be said more than once. Otherwise index.html and index.htm
    #[arg(long, value_name = "NAME")]
    pub index: Vec<String>,
    /// Answer navigations to what is not there with this file, index.html where none is named; scripts, images and calls get 404
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true, default_missing_value = "index.html")]
    pub spa: Option<String>,
    /// A page of the folder that is sent with 404
    #[arg(long = "404", value_name = "FILE")]
    pub not_found: Option<String>,
    /// What may be left out at the end of a name: with html, /about is about.html
    #[arg(long, value_name = "EXTENSION")]
    pub ext: Option<String>,
    /// List every folder, whether it has an index file or not
    #[arg(long, conflicts_with = "no_list")]
    pub list_only: bool,
    /// List no folder
    #[arg(long)]
    pub no_list: bool,
    /// Serve and list names that begin with a dot, too
    #[arg(long)]
    pub hidden: bool,
    /// Load pages anew in the browser when a file changes, and style sheets in place
    #[arg(long, short)]
    pub reload: bool,
    /// Let pages of every other origin read it
    #[arg(long)]
    pub cors: bool,
    /// Isolate its pages from other origins (COOP, COEP, CORP), as `SharedArrayBuffer` needs
    #[arg(long)]
    pub isolation: bool,
    /// Take files in: by PUT, and from a form in the listing. Pages of other origins may not
    #[arg(long, short)]
    pub upload: bool,
    /// A file that is taken in may take another one's place
    #[arg(long, requires = "upload")]
    pub overwrite: bool,
    /// The most megabytes that one request may bring; otherwise 1024
    #[arg(long, value_name = "MB", requires = "upload", value_parser = clap::value_parser!(u32).range(1..))]
    pub upload_limit: Option<u32>,
    /// Ask for this user and password; @FILE reads them from a file. Without it they are those of `PORTWARD_AUTH`, where that is set
    #[arg(long, short, value_name = "USER:PASSWORD")]
    pub auth: Option<String>,
    /// Speak HTTPS, with certificates of your own authority: for localhost, 127.0.0.1, `::1` and whatever name below .localhost or .test is
    /// asked for. `portward trust` has browsers believe it
    #[arg(long, conflicts_with = "cert")]
    pub https: bool,
    /// Speak HTTPS with this certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "key")]
    pub cert: Option<String>,
    /// The key to that certificate, in PEM
    #[arg(long, value_name = "FILE", requires = "cert")]
    pub key: Option<String>,
    /// Let browsers keep files for so many seconds; otherwise they keep nothing
    #[arg(long, short, value_name = "SECONDS")]
    pub cache: Option<u32>,
    /// Send this field with every answer; may be said more than once
    #[arg(long, short = 'H', value_name = "NAME:VALUE")]
    pub header: Vec<String>,
    /// Send the fields of this file with every answer, one NAME: VALUE in a line
    #[arg(long, value_name = "FILE")]
    pub headers: Option<String>,
    /// Pack text while it is sent: brotli, zstd or gzip, as the browser likes. Files that were packed before (.br, .zst, .gz beside them, and not
    /// older) are sent without it
    #[arg(long)]
    pub compress: bool,
    /// Answer to this name as well, at any port: that of a tunnel, or of a proxy
    #[arg(long, value_name = "NAME")]
    pub allow_host: Vec<String>,
    /// Which requests are told: all, those that failed, or none
    #[arg(long, value_name = "WHICH", value_enum, default_value_t)]
    pub log: Log,
    /// End after this time
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<Span>,
}

/// Which requests are told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Log {
    /// All of them
    #[default]
    All,
    /// Those that were refused, or failed
    Errors,
    /// None
    None,
}

impl Op for Serve {
    declare! { "serve", Change at Caller with Acts, emits Told, answers Ended;
    "portward serve dist" => "the folder dist, at the port that it always has",
    "portward serve dist --spa --reload" => "an application of one page, which loads anew when a file changes",
    "portward serve report.html --open" => "one file, in the browser",
    "portward serve dist --https" => "https://localhost:20359, which browsers believe after `portward trust`",
    "portward serve . --upload" => "files go in, from a form and by curl -T",
    "portward serve . --expose --qr" => "for a phone in the same network" }
    const ENDS_IN_ORDER: bool = true;

    fn run(self, cx: &Context<'_, Acts>, out: &mut Sink<'_, Told>) -> Result<Ended, Failure> {
        let chosen = choose::site(cx, &self)?;
        if let Some(user) = on_behalf_of(cx.caller) {
            let name = Text::new(user.name.to_bytes());
            cx.prompt
                .progress(&format!("This runs as root, with root's own leases and not {name}'s; a static server needs no root."));
        }
        let (root, name) = (chosen.root, chosen.site.name.clone());
        let serving = serve(cx, chosen.site)?;
        let served = Served::of(cx, &serving.chosen, (root, name), &self);
        if self.open {
            cx.prompt.open_url(&served.url);
        }
        let mut ended = Ended::default();
        let mut goes_on = out.emit(Told::Serving(served));
        let over = self.timeout.map(|timeout| cx.now() + timeout.0);
        while goes_on && !cx.cancel.is_cancelled() && over.is_none_or(|over| cx.now() < over) {
            if !serving.tells() {
                // Only the end is waited for. That it is not wanted any more is seen above.
                let _ = cx.sleep(A_MOMENT);
                continue;
            }
            if let Some(request) = serving.next(A_MOMENT) {
                ended.requests += 1;
                goes_on = out.emit(Told::Request(Answered::of(&request)));
            }
        }
        let end = cx.now() + PATIENCE;
        ended.cut_off = !serving.stop(|| {
            cx.clock.pass(A_MOMENT);
            cx.cancel.is_urgent() || cx.now() >= end
        });
        while goes_on && let Some(request) = serving.next(Duration::ZERO) {
            ended.requests += 1;
            goes_on = out.emit(Told::Request(Answered::of(&request)));
        }
        ended.untold = serving.untold();
        Ok(ended)
    }
}

impl Noun for Told {}

impl Noun for Ended {}

/// Between two looks whether the end is wanted.
const A_MOMENT: Duration = Duration::from_millis(20);
/// How long the requests in flight have at the end.
const PATIENCE: Duration = Duration::from_secs(10);
