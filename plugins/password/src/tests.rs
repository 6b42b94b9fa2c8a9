//! Who is let in, against the broker of the SDK's tests.

use super::*;
use theseus_plugin::testing::{Broker, Ran, client, user};
use theseus_plugin::{Grant, Refusal};

fn broker() -> Broker {
    Broker::new()
        .line(USERS, "anna", "$plain$secret:superuser,tenant=acme")
        .line(USERS, "bert", "$plain$other")
        .line(USERS, "odd", "$plain$secret:superusr")
        .line(USERS, "old", "md5$secret")
}

fn ask(broker: Broker, who: &Client, credentials: &Credentials) -> Ran<Decision> {
    broker.run(|| Password::init().unwrap().authenticate(who, credentials))
}

fn refused(reason: RefusalReason) -> Decision {
    Decision::Deny(Refusal { reason, message: None })
}

#[test]
fn the_right_password_gives_the_name_and_what_the_line_says() {
    let ran = ask(broker(), &user("c", "anna"), &Credentials::password("secret"));
    let grant = Grant::to("anna").superuser().attribute("tenant", "acme");
    assert_eq!(ran.result, Decision::allow(grant));
    let ran = ask(broker(), &user("c", "bert"), &Credentials::password("other"));
    assert_eq!(ran.result, Decision::allow(Grant::to("bert")));
}

#[test]
fn a_wrong_password_and_an_unknown_user_look_the_same_and_cost_the_same() {
    for name in ["anna", "nobody"] {
        let ran = ask(broker(), &user("c", name), &Credentials::password("wrong"));
        assert_eq!(ran.result, refused(RefusalReason::BadCredentials), "{name}");
        assert_eq!((ran.hashed, ran.log.len()), (1, 0), "{name}");
    }
    let ran = ask(broker(), &user("c", "anna"), &Credentials::none());
    assert_eq!(ran.result, refused(RefusalReason::BadCredentials));
}

#[test]
fn who_names_no_user_or_wants_an_exchange_is_left_to_others() {
    let ran = ask(broker(), &client("c"), &Credentials::password("secret"));
    assert_eq!(ran.result, Decision::Next);
    let exchange =
        Credentials { method: Some("SCRAM-SHA-256".into()), ..Credentials::password("secret") };
    assert_eq!(ask(broker(), &user("c", "anna"), &exchange).result, Decision::Next);
}

#[test]
fn busy_is_said_so_for_known_and_unknown_users() {
    for name in ["anna", "nobody"] {
        let ran = ask(broker().busy(), &user("c", name), &Credentials::password("secret"));
        assert_eq!(ran.result, refused(RefusalReason::Busy), "{name}");
    }
}

#[test]
fn a_line_that_is_wrong_refuses_and_tells_the_operator_only() {
    for (name, problem) in [("odd", "field `superusr`"), ("old", "of no known kind")] {
        let ran = ask(broker(), &user("c", name), &Credentials::password("secret"));
        assert_eq!(ran.result, refused(RefusalReason::BadCredentials), "{name}");
        let [(log::Level::Error, line)] = ran.log.as_slice() else { panic!("{:?}", ran.log) };
        assert!(line.starts_with(&format!("users_file: user `{name}`: ")), "{line}");
        assert!(line.contains(problem) && !line.contains("secret"), "{line}");
    }
}

#[test]
fn a_user_is_judged_again_without_a_password() {
    let again = |who: Client| broker().run(|| Password.revalidate(&who)).result;
    let grant = Grant::to("anna").superuser().attribute("tenant", "acme");
    assert_eq!(again(user("c", "anna")), Revalidation::Renew(grant));
    assert_eq!(again(user("c", "gone")), Revalidation::Next);
    assert_eq!(again(client("c")), Revalidation::Next);
    let refusal = RefusalReason::NotAuthorized.into();
    assert_eq!(again(user("c", "odd")), Revalidation::Deny(refusal));
}

#[test]
fn the_self_test_finds_a_broker_that_cannot_tell_passwords_apart() {
    let test = |broker: Broker| broker.run(|| Password.self_test()).result;
    assert_eq!(test(Broker::new().hash(PROBE, "ahoy")), Ok(()));
    assert_eq!(test(Broker::new().hash(PROBE, "ahoy").busy()), Ok(()));
    assert!(test(Broker::new().hash(PROBE, "avast")).unwrap_err().contains("wrong password"));
    assert!(test(Broker::new()).unwrap_err().contains("does not know"));
}

#[test]
fn it_says_what_it_needs() {
    let description = Password::describe();
    assert_eq!(description.name, "password");
    assert!(description.settings[0].required && description.settings[0].key == USERS);
}
