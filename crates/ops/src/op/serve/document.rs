//! What a served folder tells.

use std::{net::IpAddr, time::UNIX_EPOCH};

use portward_keeper::{Chosen, Origin, Signed, files::ServedRequest};
use portward_model::{Moment, Sentence, Text};
use portward_sys::text_of;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Serve;
use crate::{Acts, Context, document::When};

/// What a served folder tells: where it is, then each request.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Told {
    /// It is served.
    Serving(Served),
    /// A request was answered.
    Request(Answered),
}

/// A folder that is served.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Served {
    /// The folder, or the file.
    pub root: Text,
    /// Where a browser goes.
    pub url: String,
    /// The port.
    pub port: u16,
    /// What it is called.
    pub name: String,
    /// With --https: who signed what it shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certified: Option<Certified>,
    /// With --expose: where the network reaches it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reached: Vec<Reached>,
    /// True where that is to be shown as a QR code.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub qr: bool,
    /// Leased ports that others have: who, in a sentence each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub held: Vec<Sentence>,
    /// With --reload: folders that are not watched, because there are too many.
    #[serde(default, skip_serializing_if = "is_none")]
    pub unwatched: usize,
}

/// The authority that signs what a server of this user shows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Certified {
    /// The file of its certificate.
    pub certificate: Text,
    /// SHA-256 of that certificate, as hexadecimal digits.
    pub fingerprint: String,
    /// True where it is written down that its user trusts it (`portward trust`).
    pub trusted: bool,
    /// True where it was made just now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub made: bool,
    /// Where it was made in the place of another: why, as the end of a sentence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anew: Option<Text>,
}

/// An address at which the network reaches it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Reached {
    /// The network interface.
    pub interface: Text,
    /// Where a browser goes.
    pub url: String,
}

/// A request that was answered.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Answered {
    /// When, RFC 3339.
    pub at: When,
    /// The method; empty for what was no request.
    pub method: Text,
    /// The path, as it was sent.
    pub path: Text,
    /// The status.
    pub status: u16,
    /// Bytes of the body that were sent.
    pub bytes: u64,
    /// From the end of its head to the last byte that the kernel took, in microseconds.
    pub took_us: u64,
}

/// What was seen until it ended.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// Requests that were told.
    pub requests: u64,
    /// Requests that were not told, because whoever reads was too slow.
    pub untold: u64,
    /// True where requests were in flight that had no more time.
    pub cut_off: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // As serde calls it.
fn is_none(count: &usize) -> bool {
    *count == 0
}

impl Served {
    pub(super) fn of(cx: &Context<'_, Acts>, chosen: &Chosen, (root, name): (Text, String), op: &Serve) -> Self {
        let scheme = if chosen.is_secure { "https" } else { "http" };
        let port = chosen.port;
        let mut reached = Vec::new();
        if op.expose {
            for interface in cx.machine.interfaces().unwrap_or_default().iter().filter(|own| own.up && !own.loopback) {
                let at = |address: IpAddr| match address {
                    IpAddr::V4(v4) => Some(v4.to_string()),
                    // What is only valid on its own link needs a zone, which no browser takes.
                    IpAddr::V6(v6) if v6.is_unicast_link_local() => None,
                    IpAddr::V6(v6) => Some(format!("[{v6}]")),
                };
                let hosts = interface.addresses.iter().filter_map(|own| at(own.address));
                reached.extend(
                    hosts.map(|host| Reached { interface: interface.name.clone(), url: format!("{scheme}://{host}:{port}/") }),
                );
            }
        }
        let certified = chosen.signed.as_ref().map(Certified::of);
        let held = chosen.held.iter();
        let held = held.map(|(port, holder)| format!("{port}, which is leased for it, is held by {holder}.").into()).collect();
        Self {
            root,
            url: format!("{scheme}://localhost:{port}/"),
            port,
            name,
            certified,
            reached,
            qr: op.qr,
            held,
            unwatched: chosen.unwatched,
        }
    }
}

impl Certified {
    /// As it is told.
    pub(crate) fn of(signed: &Signed) -> Self {
        let anew = match &signed.origin {
            Origin::Anew(why) => Some(Text::from(why.as_str())),
            Origin::There | Origin::Made => None,
        };
        Self {
            certificate: text_of(&signed.certificate),
            fingerprint: signed.fingerprint.clone(),
            trusted: signed.trusted,
            made: signed.origin != Origin::There,
            anew,
        }
    }
}

impl Answered {
    pub(super) fn of(request: &ServedRequest) -> Self {
        let since = request.at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self {
            at: When(Moment(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))),
            method: Text::from(request.method.as_str()),
            path: Text::new(&request.path),
            status: request.status,
            bytes: request.bytes,
            took_us: u64::try_from(request.took.as_micros()).unwrap_or(u64::MAX),
        }
    }
}
