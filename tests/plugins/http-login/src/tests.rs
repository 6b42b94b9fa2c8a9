//! What it makes of each answer of its backend, without a broker.

use super::*;
use theseus_plugin::testing::{Broker, client, user};

fn answering(status: u16) -> Broker {
    Broker::new()
        .http(move |_, _| Ok(http::Response { status, headers: Vec::new(), body: Vec::new() }))
}

fn decide(broker: Broker) -> Decision {
    let ada = user("c1", "ada");
    broker.run(|| HttpLogin.authenticate(&ada, &Credentials::password("s3cret"))).result
}

#[test]
fn the_status_decides() {
    assert_eq!(decide(answering(200)), Decision::allow(Grant::to("ada")));
    assert_eq!(decide(answering(403)), Decision::deny(RefusalReason::BadCredentials));
    assert_eq!(decide(answering(404)), Decision::Next);
    assert_eq!(decide(answering(500)), Decision::deny(RefusalReason::Unavailable));
}

#[test]
fn a_backend_that_is_away_lets_nobody_in_and_throws_nobody_out() {
    let away = || Broker::new().http(|_, _| Err(http::Failure::TimedOut));
    assert_eq!(decide(away()), Decision::deny(RefusalReason::Unavailable));
    let kept = away().run(|| HttpLogin.revalidate(&user("c1", "ada"))).result;
    assert_eq!(kept, Revalidation::Keep);
}

#[test]
fn what_a_client_sends_stays_in_its_field() {
    let broker = Broker::new().http(|connector, request| {
        assert_eq!((connector, &*request.path), ("users", "/login"));
        assert_eq!(request.body, b"username=a%26b%3D&password=%00%C3%BC&clientid=c1");
        Ok(http::Response { status: 204, headers: Vec::new(), body: Vec::new() })
    });
    let who = user("c1", "a&b=");
    let decision =
        broker.run(|| HttpLogin.authenticate(&who, &Credentials::password("\0ü"))).result;
    assert_eq!(decision, Decision::allow(Grant::to("a&b=")));
}

#[test]
fn who_brings_no_password_is_another_plugins() {
    let decision = Broker::new().run(|| HttpLogin.authenticate(&client("c"), &Credentials::none()));
    assert_eq!(decision.result, Decision::Next);
}
