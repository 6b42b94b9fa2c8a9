//! Fetching one small thing by plain HTTP: a list of revoked certificates, an answer about one. What comes
//! carries a signature, which whoever asked for it checks; here it is bounded, in size and in time.
//! No redirects, no TLS, no connection that is kept.

use std::fmt;
use std::io;
use std::pin::pin;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Request, StatusCode};
use theseus_config::HttpUrl;
use theseus_connector::http::{BodyError, HeadBounds, Sender, handshake, read_body, reason};
use tokio::net::TcpStream;

/// What the head of an answer may have: less than of a backend, which the operator knows.
const HEAD: HeadBounds = HeadBounds { size_max: 16 << 10, headers_max: 64 };

/// What one fetch may cost.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    /// From the look-up of the name to the last byte.
    pub(crate) timeout: Duration,
    /// Bytes of the body.
    pub(crate) body_max: usize,
}

/// Why nothing came of it.
#[derive(Debug)]
pub(crate) enum FetchError {
    /// No connection: the name is unknown, nobody listens.
    Unreachable(io::Error),
    /// It took longer than this.
    Late(Duration),
    /// Another status than 200.
    Status(StatusCode),
    /// A body of more bytes than these.
    TooLarge(usize),
    /// What came is no HTTP, or not all of it came.
    Broken(hyper::Error),
    /// The address cannot be asked for.
    Unfit(hyper::http::Error),
}

/// The rest of a sentence that begins with the address.
impl fmt::Display for FetchError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreachable(error) => write!(f, "cannot be reached: {error}"),
            Self::Late(timeout) => write!(f, "does not answer in full within {timeout:?}"),
            Self::Status(status) => write!(f, "answers with the status {}", status.as_u16()),
            Self::TooLarge(body_max) => write!(f, "answers with more than {body_max} bytes"),
            Self::Broken(error) => write!(f, "does not answer as it should: {}", reason(error)),
            Self::Unfit(error) => write!(f, "cannot be asked for: {error}"),
        }
    }
}

impl std::error::Error for FetchError {}

/// Fetches what stands at the address.
pub(crate) async fn get(url: &HttpUrl, bounds: Bounds) -> Result<Vec<u8>, FetchError> {
    let request = Request::get(url.target()).body(Full::default());
    fetch(url, request.map_err(FetchError::Unfit)?, bounds).await
}

/// Sends these bytes there, and takes the answer.
pub(crate) async fn post(
    url: &HttpUrl,
    content_type: &'static str,
    body: Vec<u8>,
    bounds: Bounds,
) -> Result<Vec<u8>, FetchError> {
    let request = Request::post(url.target()).header(CONTENT_TYPE, content_type);
    let request = request.body(Full::new(Bytes::from(body)));
    fetch(url, request.map_err(FetchError::Unfit)?, bounds).await
}

async fn fetch(
    url: &HttpUrl,
    mut request: Request<Full<Bytes>>,
    Bounds { timeout, body_max }: Bounds,
) -> Result<Vec<u8>, FetchError> {
    let host = url.authority().parse::<hyper::header::HeaderValue>();
    let headers = request.headers_mut();
    headers.insert(HOST, host.map_err(|error| FetchError::Unfit(error.into()))?);
    headers.insert(ACCEPT, hyper::header::HeaderValue::from_static("*/*"));
    headers.insert(USER_AGENT, hyper::header::HeaderValue::from_static("theseus"));
    headers.insert(CONNECTION, hyper::header::HeaderValue::from_static("close"));
    let fetched = tokio::time::timeout(timeout, exchange(url, request, body_max)).await;
    fetched.unwrap_or(Err(FetchError::Late(timeout)))
}

/// Dropped, it leaves nothing behind: the connection is no task of its own.
async fn exchange(
    url: &HttpUrl,
    request: Request<Full<Bytes>>,
    body_max: usize,
) -> Result<Vec<u8>, FetchError> {
    let stream = TcpStream::connect((url.host(), url.port())).await;
    let stream = stream.map_err(FetchError::Unreachable)?;
    let greeted = handshake(stream, HEAD).await;
    let (sender, connection) = greeted.map_err(FetchError::Broken)?;
    let mut answer = pin!(ask(sender, request, body_max));
    tokio::select! {
        answer = &mut answer => answer,
        // What is wrong with it the other one is told too, and says it better.
        _ = connection => answer.await,
    }
}

async fn ask(
    mut sender: Sender,
    request: Request<Full<Bytes>>,
    body_max: usize,
) -> Result<Vec<u8>, FetchError> {
    let response = sender.send_request(request).await.map_err(FetchError::Broken)?;
    if response.status() != StatusCode::OK {
        return Err(FetchError::Status(response.status()));
    }
    let body = read_body(response.into_body(), body_max).await;
    body.map_err(|error| match error {
        BodyError::TooLarge => FetchError::TooLarge(body_max),
        BodyError::Broken(error) => FetchError::Broken(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read as _, Write as _};
    use std::net::{TcpListener, TcpStream};
    use std::thread::JoinHandle;
    use std::time::Instant;

    const BOUNDS: Bounds = Bounds { timeout: Duration::from_secs(10), body_max: 1000 };

    /// A server for one connection: takes a request whole, then does this.
    fn server(
        then: impl FnOnce(&mut TcpStream) + Send + 'static,
    ) -> (HttpUrl, JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let served = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().unwrap();
            let request = request(&mut stream);
            then(&mut stream);
            request
        });
        (format!("http://{address}/some/path?and=more").parse().unwrap(), served)
    }

    fn request(stream: &mut TcpStream) -> Vec<u8> {
        let (mut request, mut part) = (Vec::new(), [0; 1000]);
        loop {
            let text = String::from_utf8_lossy(&request);
            if let Some((head, body)) = text.split_once("\r\n\r\n") {
                let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                    return request;
                }
            }
            match stream.read(&mut part).unwrap() {
                0 => return request,
                count => request.extend_from_slice(&part[..count]),
            }
        }
    }

    fn run<T>(future: impl Future<Output = T>) -> T {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(future)
    }

    /// What is said where the server answers like this, and closes.
    fn answered(answer: &'static str) -> Result<String, String> {
        // Who is told too much hangs up.
        let (url, served) = server(|stream| drop(stream.write_all(answer.as_bytes())));
        let said = run(get(&url, BOUNDS));
        served.join().unwrap();
        said.map(|body| String::from_utf8(body).unwrap()).map_err(|error| error.to_string())
    }

    #[test]
    fn what_is_asked_for_comes_in_every_way_to_end_it() {
        for answer in [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
            "HTTP/1.1 200 OK\r\n\r\nhello",
            "HTTP/1.0 200 OK\r\n\r\nhello",
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        ] {
            assert_eq!(answered(answer).as_deref(), Ok("hello"), "{answer}");
        }
    }

    #[test]
    fn a_request_says_what_it_should() {
        let good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
        let (url, served) = server(|stream| stream.write_all(good.as_bytes()).unwrap());
        assert_eq!(run(get(&url, BOUNDS)).unwrap(), b"ok");
        let said = String::from_utf8(served.join().unwrap()).unwrap();
        assert!(said.starts_with("GET /some/path?and=more HTTP/1.1\r\n"), "{said}");
        assert!(said.contains(&format!("host: {}\r\n", url.authority())), "{said}");

        let (url, served) = server(|stream| stream.write_all(good.as_bytes()).unwrap());
        let kind = "application/ocsp-request";
        assert_eq!(run(post(&url, kind, b"question".to_vec(), BOUNDS)).unwrap(), b"ok");
        let said = String::from_utf8(served.join().unwrap()).unwrap();
        assert!(said.starts_with("POST /some/path?and=more HTTP/1.1\r\n"), "{said}");
        assert!(said.contains("content-type: application/ocsp-request\r\n"), "{said}");
        assert!(said.ends_with("\r\n\r\nquestion"), "{said}");
    }

    #[test]
    fn what_is_no_answer_is_refused_with_its_reason() {
        for (answer, why) in [
            (
                "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno",
                "answers with the status 404",
            ),
            ("HTTP/1.1 204 No Content\r\n\r\n", "answers with the status 204"),
            (
                "HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\n\r\n",
                "answers with the status 302",
            ),
            ("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nhello", "does not answer as it should: "),
            (
                "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
                "does not answer as it should: ",
            ),
            ("SSH-2.0-OpenSSH_9.6\r\n", "does not answer as it should: "),
            ("", "does not answer as it should: "),
        ] {
            let said = answered(answer).unwrap_err();
            assert!(said.starts_with(why), "{answer}: {said}");
        }
    }

    /// The server writes until nobody listens any more.
    fn endless(head: &'static str, part: &'static [u8]) -> String {
        let (url, served) = server(move |stream| {
            let _ = stream.write_all(head.as_bytes());
            while stream.write_all(part).is_ok() {}
        });
        let said = run(get(&url, BOUNDS)).unwrap_err().to_string();
        served.join().unwrap();
        said
    }

    #[test]
    fn no_more_is_taken_than_allowed_whatever_is_announced() {
        let too_large = "answers with more than 1000 bytes";
        let part = [b'x'; 4096];
        let part: &'static [u8] = Box::leak(Box::new(part));
        assert_eq!(endless("HTTP/1.1 200 OK\r\n\r\n", part), too_large);
        assert_eq!(endless("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n", part), too_large);
        let chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        assert_eq!(endless(chunked, b"3\r\nabc\r\n"), too_large);
        // The very last byte that fits.
        let exact = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1000));
        assert_eq!(answered(exact.leak()).map(|body| body.len()), Ok(1000));
        let more = format!("HTTP/1.1 200 OK\r\n\r\n{}", "x".repeat(1001));
        assert_eq!(answered(more.leak()), Err(too_large.to_owned()));
    }

    #[test]
    fn a_head_has_bounds() {
        let broken = "does not answer as it should: ";
        for (head, part) in [
            ("HTTP/1.1 200 OK\r\nX: ", &b"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"[..]),
            ("HTTP/1.1 200 OK\r\n", b"A: b\r\n"),
            ("", b"xxxxxxxxxxxxxxxxxxxxx"),
        ] {
            let said = endless(head, part);
            assert!(said.starts_with(broken), "{said}");
        }
        let with = |lines: &str| {
            answered(format!("HTTP/1.1 200 OK\r\n{lines}Content-Length: 2\r\n\r\nok").leak())
        };
        assert_eq!(with(&"A: b\r\n".repeat(63)).as_deref(), Ok("ok"));
        assert!(with(&"A: b\r\n".repeat(64)).unwrap_err().starts_with(broken));
        // One read may go beyond the bound.
        let long = |size| with(&format!("X: {}\r\n", "x".repeat(size)));
        assert_eq!(long(12 << 10).as_deref(), Ok("ok"));
        assert!(long(40 << 10).unwrap_err().starts_with(broken));
    }

    #[test]
    fn it_ends_in_time_however_slowly_bytes_come() {
        let timeout = Duration::from_millis(300);
        for head in ["HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n"] {
            let (url, served) = server(move |stream| {
                let _ = stream.write_all(head.as_bytes());
                while stream.write_all(b"x").is_ok() {
                    #[expect(clippy::disallowed_methods, reason = "the server's own thread")]
                    std::thread::sleep(Duration::from_millis(20));
                }
            });
            let begun = Instant::now();
            let (said, tasks) = run(async {
                let said = get(&url, Bounds { timeout, ..BOUNDS }).await.unwrap_err();
                (said, tokio::runtime::Handle::current().metrics().num_alive_tasks())
            });
            assert_eq!(tasks, 0, "what is given up leaves nothing behind");
            assert_eq!(said.to_string(), "does not answer in full within 300ms");
            assert!(begun.elapsed() < timeout * 3, "{:?}", begun.elapsed());
            served.join().unwrap();
        }
    }

    #[test]
    fn who_is_not_there_cannot_be_reached() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let free = listener.local_addr().unwrap();
        drop(listener);
        for address in [free.to_string(), "nobody.invalid".to_owned()] {
            let url = format!("http://{address}/").parse().unwrap();
            let said = run(get(&url, BOUNDS)).unwrap_err().to_string();
            assert!(said.starts_with("cannot be reached: "), "{said}");
        }
    }
}
