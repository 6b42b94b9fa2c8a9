//! One request: which page it wants. The whole API comes on the same listener later.

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Method, Request, Response, StatusCode};

use super::{Sources, metrics, readiness};

/// The format's own name for itself (Prometheus, text exposition format 0.0.4).
const METRICS_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";
const TEXT_TYPE: &str = "text/plain; charset=utf-8";

/// Answers. A body of the request is not read: no page wants one.
pub(super) fn answer(request: &Request<Incoming>, sources: &Sources) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        let mut refused = text(StatusCode::METHOD_NOT_ALLOWED, "only GET and HEAD\n");
        refused.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return refused;
    }
    match request.uri().path() {
        "/metrics" => respond(StatusCode::OK, METRICS_TYPE, metrics::render(sources)),
        "/livez" => text(StatusCode::OK, "ok\n"),
        "/readyz" => ready(sources),
        _ => text(StatusCode::NOT_FOUND, "there are /metrics, /livez and /readyz\n"),
    }
}

/// 200 if whoever should be asked can be asked, else 503 with what is missing.
fn ready(sources: &Sources) -> Response<Full<Bytes>> {
    match readiness::problems(sources) {
        problems if problems.is_empty() => text(StatusCode::OK, "ok\n"),
        problems => text(StatusCode::SERVICE_UNAVAILABLE, &(problems.join("\n") + "\n")),
    }
}

fn text(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    respond(status, TEXT_TYPE, text.to_owned())
}

fn respond(status: StatusCode, kind: &'static str, body: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body.into()));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
