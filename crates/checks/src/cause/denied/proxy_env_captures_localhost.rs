cause! {
    "proxy-env-captures-localhost": "a proxy of the environment captures requests to this machine",
    Rule, Endpoint(run),
    what: "\
http_proxy, https_proxy or all_proxy is set, and no_proxy does not name the host: the client hands its request for `localhost`
to the proxy, which cannot reach it, or is not there. Some clients spare localhost of themselves (Go), most do not (curl,
Python).",
    evidence: "\
The variables of the environment; the client dialled the proxy instead of the target, or its error names the proxy, while the
target itself answers.",
    fix: "`export no_proxy=localhost,127.0.0.1,::1`",
}

use std::net::{Ipv4Addr, SocketAddr};

use portward_model::ProxySetting;

use crate::cause::prelude::*;

fn run(case: &Case<'_>) -> Ruling {
    if !case.connects() || case.asked.path.is_some() {
        return Ruling::Silent;
    }
    let observed = case.exam.observed.as_ref();
    let settings = observed.map_or(case.exam.proxies.as_slice(), |observed| observed.proxies.as_slice());
    let proxy = applies(case, settings);
    if let (Some(observed), Some(proxy)) = (observed, proxy) {
        let endpoint = endpoint(&proxy.value.lossy());
        let dialled = observed.connects.iter().find(|connect| same(&connect.at, endpoint.as_ref()));
        let direct = observed.connects.iter().any(|connect| case.is_target(&connect.at));
        if let Some(dialled) = dialled.filter(|_| !direct) {
            let fact = format!("pid {} dialled {}, not {}", dialled.pid, dialled.at, case.asked.text);
            return found(case, Some(proxy), Evidence::new("connect(2) of the client", fact), Likelihood::Certain);
        }
        if direct {
            return Ruling::out(format!("the client dialled {} itself", case.asked.text));
        }
    }
    let Some(paste) = case.paste else {
        let dead = local_proxy(case).and_then(|at| case.exam.attempts.iter().find(|tried| tried.at == DialTarget::Inet(at)));
        return match dead {
            Some(dead) if dead.met == Met::Failed(ECONNREFUSED) => found(case, proxy, words::tried(dead), Likelihood::Likely),
            Some(_) | None => Ruling::Silent,
        };
    };
    let named = proxy.and_then(|proxy| endpoint(&proxy.value.lossy())).is_some_and(|(host, port)| {
        paste.port == Some(u32::from(port)) && port != case.asked.port && paste.host.as_deref().is_none_or(|told| told == host)
    });
    let failed = paste.symptom == Symptom::ProxyFailed || case.says(CAUSE.code);
    let answers = matches!(case.standing(), Standing::Connected(_));
    let likelihood = match (proxy.is_some(), failed || named) {
        (true, true) => Likelihood::Certain,
        (false, true) if failed => Likelihood::Likely,
        // The endpoint is fine from here, and the client says that it is not.
        (true, false) if answers && could_be_a_proxys(paste.symptom) && obeys(paste.program) => Likelihood::Likely,
        _ => return Ruling::Silent,
    };
    found(case, proxy, words::text_line(paste), likelihood)
}

fn found(case: &Case<'_>, proxy: Option<&ProxySetting>, how: Evidence, likelihood: Likelihood) -> Ruling {
    let mut evidence = Vec::new();
    if let Some(proxy) = proxy {
        let fact = format!("{}={}, and no_proxy does not name {}", proxy.variable, proxy.value, host(case));
        evidence.push(Evidence::new("the environment", fact));
    }
    evidence.push(how);
    if let Standing::Connected(attempt) = case.standing() {
        evidence.push(words::tried(attempt));
    }
    let command = "export no_proxy=\"localhost,127.0.0.1,::1${no_proxy:+,$no_proxy}\" NO_PROXY=\"$no_proxy\"";
    let fixes = vec![Remedy::change("Keep this machine out of the proxy, for programs started from here", command)];
    let summary = match proxy {
        Some(proxy) => format!(
            "{} sends requests for {} to the proxy {}, for no_proxy does not name it.",
            proxy.variable,
            host(case),
            proxy.value
        ),
        None => format!("The client's request for {} went to a proxy, which failed.", host(case)),
    };
    words::found(CAUSE.code, likelihood, summary, evidence, fixes)
}

/// The proxy of this machine that a request to the asked URL is given to by the environment: where nobody listens there, no
/// client that obeys the variables gets through.
pub(crate) fn local_proxy(case: &Case<'_>) -> Option<SocketAddr> {
    let web = matches!(case.asked.scheme.as_deref(), Some("http" | "https" | "ws" | "wss"));
    let asks = web && case.paste.is_none() && case.exam.observed.is_none() && case.connects();
    let proxy = applies(case, &case.exam.proxies).filter(|_| asks)?;
    let (host, port) = endpoint(&proxy.value.lossy())?;
    let address: IpAddr = if host == "localhost" { Ipv4Addr::LOCALHOST.into() } else { host.parse().ok()? };
    address.is_loopback().then(|| SocketAddr::new(address, port))
}

/// The proxy that a request for the target is given to; `None` where `no_proxy` spares it or none is set.
fn applies<'a>(case: &Case<'_>, settings: &'a [ProxySetting]) -> Option<&'a ProxySetting> {
    let host = host(case);
    let addresses = &case.asked.addresses;
    // A proxy for another machine is what proxies are for.
    let own = addresses.is_empty() || addresses.iter().any(|address| case.is_own_address(*address));
    let lists = settings.iter().filter(|setting| setting.variable.eq_ignore_ascii_case("no_proxy"));
    let spared = lists.into_iter().any(|list| spares(&list.value.lossy(), &host, addresses, case.asked.port));
    if !own || spared {
        return None;
    }
    let scheme = case.asked.scheme.as_deref().or_else(|| case.paste.and_then(|paste| paste.url_scheme.as_deref()));
    let variable = match scheme {
        Some("https" | "wss") => "https_proxy",
        _ => "http_proxy",
    };
    let of = |name: &str| settings.iter().find(|setting| setting.variable.eq_ignore_ascii_case(name));
    of(variable).or_else(|| of("all_proxy"))
}

fn host(case: &Case<'_>) -> String {
    let address = || case.asked.addresses.first().filter(|_| case.asked.host_given).map(ToString::to_string);
    case.asked.name.clone().or_else(address).unwrap_or_else(|| "localhost".to_owned())
}

/// Whether a list of `no_proxy` names the host: by name, by the end of it, by address or network, or by a star.
fn spares(list: &str, host: &str, addresses: &[IpAddr], port: u16) -> bool {
    let host = host.trim_end_matches('.').to_ascii_lowercase();
    let literal: Option<IpAddr> = host.parse().ok();
    list.split([',', ' ']).map(|entry| entry.trim().to_ascii_lowercase()).filter(|entry| !entry.is_empty()).any(|entry| {
        let entry = entry.strip_suffix(&format!(":{port}")).unwrap_or(&entry);
        let plain = entry.trim_start_matches("*.").trim_start_matches('.').trim_start_matches('[').trim_end_matches(']');
        let below = host.strip_suffix(plain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        let network = literal.is_some_and(|address| in_network(plain, address));
        let same = literal.is_some() && plain.parse().is_ok_and(|entry: IpAddr| addresses.contains(&entry));
        entry == "*" || below || network || same
    })
}

/// True when the entry is a network of IPv4 such as `127.0.0.0/8` that holds the address.
fn in_network(entry: &str, address: IpAddr) -> bool {
    let Some((network, bits)) = entry.split_once('/') else { return false };
    let (Ok(IpAddr::V4(network)), Ok(bits), IpAddr::V4(address)) = (network.parse(), bits.parse::<u32>(), unmap(address)) else {
        return false;
    };
    let host_bits = u32::MAX.checked_shr(bits).unwrap_or(0);
    u32::from(network) & !host_bits == u32::from(address) & !host_bits
}

/// Host and port of a proxy, with or without a scheme before them.
fn endpoint(value: &str) -> Option<(String, u16)> {
    let rest = value.split_once("://").map_or(value, |(_, rest)| rest);
    let rest = rest.split('/').next().unwrap_or(rest);
    let (host, port) = rest.rsplit_once(':')?;
    Some((host.trim_start_matches('[').trim_end_matches(']').to_owned(), port.parse().ok()?))
}

fn same(at: &DialTarget, endpoint: Option<&(String, u16)>) -> bool {
    let (DialTarget::Inet(at), Some((host, port))) = (at, endpoint) else { return false };
    let named: Option<IpAddr> = host.parse().ok();
    at.port() == *port && named.is_none_or(|address| unmap(address) == unmap(at.ip()))
}

/// What a client may report where a proxy could not reach the target, or was not there.
fn could_be_a_proxys(symptom: Symptom) -> bool {
    matches!(
        symptom,
        Symptom::UpstreamFailed
            | Symptom::Refused
            | Symptom::NoHandshake
            | Symptom::NoAnswer
            | Symptom::HttpStatus
            | Symptom::EmptyReply
            | Symptom::Unreachable
    )
}

/// Programs that take their proxy from the environment also for this machine's own names.
fn obeys(program: Option<&str>) -> bool {
    matches!(program, None | Some("curl" | "wget" | "python" | "git" | "npm" | "pip" | "ruby" | "php"))
}

#[cfg(any(test, feature = "scenes"))]
mod tests {
    use portward_model::{Met, Observed, ObservedConnect, ProxySetting};

    use super::spares;
    use crate::{
        Symptom,
        case::scene::Scene,
        cause::Cases,
        fixture::{held, listener},
    };

    fn proxies(no_proxy: Option<&str>) -> Vec<ProxySetting> {
        let set = |variable: &str, value: &str| ProxySetting { variable: variable.to_owned(), value: value.into() };
        let mut all = vec![set("http_proxy", "127.0.0.1:3128")];
        all.extend(no_proxy.map(|list| set("no_proxy", list)));
        all
    }

    pub(crate) fn cases() -> Cases {
        let served = |no_proxy: Option<&'static str>| {
            let scene = Scene::on(held(listener("127.0.0.1", 3000)), "127.0.0.1:3000").tried(Met::Connected);
            scene.but(move |scene| scene.exam.proxies = proxies(no_proxy))
        };
        let refused = |scene: Scene| {
            scene.said(Symptom::Refused, None, "Failed to connect to 127.0.0.1 port 3128").but(|scene| {
                let paste = scene.paste.as_mut().unwrap();
                (paste.host, paste.port) = (Some("127.0.0.1".to_owned()), Some(3128));
            })
        };
        let watched = |to: &'static str| {
            move |scene: &mut Scene| {
                let at = portward_model::DialTarget::Inet(to.parse().unwrap());
                let connects = vec![ObservedConnect { pid: 500, at, errno: Some(111) }];
                scene.exam.observed =
                    Some(Observed { code: Some(7), connects, printed: "".into(), proxies: proxies(None), watched: true });
            }
        };
        let url = |scene: Scene| scene.but(|scene| scene.asked.scheme = Some("http".to_owned()));
        let bad_gateway = |scene: Scene| scene.said(Symptom::UpstreamFailed, None, "502 Bad Gateway");
        Cases {
            fires: vec![
                refused(served(None)),
                bad_gateway(served(Some("corp.example"))),
                served(None).but(watched("127.0.0.1:3128")),
                url(served(None)).tried_at("127.0.0.1:3128", Met::Failed(111)),
                served(None).said(Symptom::ProxyFailed, Some("proxy-env-captures-localhost"), "ERR_PROXY_CONNECTION_FAILED"),
            ],
            silent: vec![
                served(None),
                url(served(None)).tried_at("127.0.0.1:3128", Met::Connected),
                served(None).tried_at("127.0.0.1:3128", Met::Failed(111)),
                refused(served(Some("localhost,127.0.0.1"))),
                served(None).but(watched("127.0.0.1:3000")),
                bad_gateway(served(Some("127.0.0.0/8"))),
            ],
        }
    }

    #[test]
    fn lists_of_hosts() {
        for (list, host, spared) in [
            ("localhost,127.0.0.1,::1", "localhost", true),
            ("localhost", "app.localhost", true),
            (".localhost", "localhost", true),
            ("127.0.0.0/8", "127.0.0.1", true),
            ("localhost:3000", "localhost", true),
            ("*", "localhost", true),
            ("[::1]", "::1", true),
            ("localhost:3001", "localhost", false),
            ("notlocalhost", "localhost", false),
            ("corp.example", "localhost", false),
            ("", "localhost", false),
        ] {
            assert_eq!(spares(list, host, &[], 3000), spared, "{list} {host}");
        }
    }
}
