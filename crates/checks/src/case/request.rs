//! The client's own request, as far as it may be repeated: its path, host, origin and upgrade, by the text or the URL.
//!
//! Only what changes nothing is repeated. Of a `POST` the path, the host and the origin are asked for with `HEAD`, which tells whether
//! somebody answers there, and not how the `POST` fares.

use portward_model::{SafeMethod, SafeRequest, Said};

use super::Case;
use crate::{Symptom, paste};

/// The request that is made where this is said, by this method.
pub(crate) fn of(case: &Case<'_>, said: Said, method: SafeMethod) -> SafeRequest {
    let told = told(case);
    let host = match said {
        Said::HttpByLocalhost => format!("localhost:{}", case.asked.port),
        Said::Nothing | Said::Http | Said::Upgrade | Said::Tls | Said::Proxied | Said::Greeting => {
            told.and_then(|request| request.host.clone()).unwrap_or_else(|| authority(case))
        }
    };
    let resource = case.asked.resource.as_deref().or_else(|| told?.resource.as_deref()).unwrap_or("/");
    let origin = told.and_then(|request| request.origin.as_deref());
    let request = SafeRequest::new(method, resource, &host).from_origin(origin);
    if said == Said::Upgrade { request.upgraded().speaking(protocols(case)) } else { request }
}

/// The subprotocols that the client offers: by the text, or by what its program always does.
pub(crate) fn protocols<'a>(case: &Case<'a>) -> Option<&'a str> {
    let told = told(case).filter(|request| request.upgrade).and_then(|request| request.protocols.as_deref());
    // Vite's client offers this one, and its server takes no upgrade without it for its own.
    let vite = case.paste.is_some_and(|paste| paste.program == Some("vite") && paste.may_mean(case.asked.port));
    told.or(vite.then_some("vite-hmr"))
}

/// What the text says was asked of this endpoint.
fn told<'a>(case: &Case<'a>) -> Option<&'a paste::Request> {
    let paste = case.paste?;
    paste.request.as_ref().filter(|_| paste.may_mean(case.asked.port))
}

/// The method that the client asked by, where it may be repeated; where nothing is told, the one that costs least.
pub(crate) fn method(case: &Case<'_>) -> SafeMethod {
    let preflight = case.symptom() == Some(Symptom::CrossOrigin) && super::talk::text_has(case, "preflight");
    if preflight {
        return SafeMethod::Options;
    }
    let named = told(case).and_then(|request| SafeMethod::named(request.method.as_deref()?));
    // What a browser's page asks for without more is a GET.
    let by_page = case.symptom() == Some(Symptom::CrossOrigin) && told(case).is_none_or(|request| request.method.is_none());
    named.unwrap_or(if by_page { SafeMethod::Get } else { SafeMethod::Head })
}

/// The method of the text that is not repeated, because it may change something.
pub(crate) fn unrepeated<'a>(case: &Case<'a>) -> Option<&'a str> {
    told(case)?.method.as_deref().filter(|method| SafeMethod::named(method).is_none())
}

/// True where the client asked for an upgrade to WebSocket.
pub(crate) fn upgrades(case: &Case<'_>) -> bool {
    told(case).is_some_and(|request| request.upgrade)
}

/// Host and port, as the client names them.
fn authority(case: &Case<'_>) -> String {
    let port = case.asked.port;
    match (&case.asked.name, case.asked.addresses.first()) {
        (Some(name), _) if case.asked.path.is_none() => format!("{name}:{port}"),
        (_, Some(address)) => std::net::SocketAddr::new(*address, port).to_string(),
        (..) => "localhost".to_owned(),
    }
}

/// The name alone, as a client of TLS gives it.
pub(crate) fn name(case: &Case<'_>) -> String {
    let authority = authority(case);
    authority.rsplit_once(':').map_or(authority.as_str(), |(name, _)| name).trim_matches(['[', ']']).to_owned()
}

#[cfg(test)]
mod tests {
    use portward_model::{SafeMethod, Said};

    use super::{method, of, unrepeated};
    use crate::{Symptom, case::scene::Scene, paste::Request};

    fn told(symptom: Symptom, request: Request) -> Scene {
        Scene::connect("127.0.0.1:3000").said(symptom, None, "it failed").but(|scene| {
            scene.paste.as_mut().unwrap().request = Some(request);
        })
    }

    #[test]
    fn the_texts_request_is_the_one_that_is_made() {
        let request = Request {
            method: Some("GET".to_owned()),
            resource: Some("/api/orders?page=2".to_owned()),
            host: Some("shop.test".to_owned()),
            origin: Some("http://localhost:5173".to_owned()),
            ..Request::default()
        };
        let scene = told(Symptom::HttpStatus, request);
        let made = of(&scene.case(), Said::Http, method(&scene.case()));
        assert_eq!(
            made,
            SafeRequest::new(SafeMethod::Get, "/api/orders?page=2", "shop.test").from_origin(Some("http://localhost:5173"))
        );
        let plain = Scene::connect("127.0.0.1:3000").named("localhost", &["127.0.0.1"]);
        let made = of(&plain.case(), Said::Http, method(&plain.case()));
        assert_eq!(made, SafeRequest::new(SafeMethod::Head, "/", "localhost:3000"));
    }

    #[test]
    fn what_may_change_something_is_asked_for_without_it() {
        let post = told(Symptom::HttpStatus, Request { method: Some("POST".to_owned()), ..Request::default() });
        assert_eq!((method(&post.case()), unrepeated(&post.case())), (SafeMethod::Head, Some("POST")));
        let page = told(Symptom::CrossOrigin, Request::default());
        assert_eq!(method(&page.case()), SafeMethod::Get);
    }

    use portward_model::SafeRequest;
}
