//! The steps of the operator's guide, as they stand there: an authority made by openssl, the right name and
//! a wrong one.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::fs;
use std::process::{Command, Output};
use theseus_tests::{Connect, Raw, Site, Version, checkout, said, wait_until};

/// The commands of the first boxes behind this heading.
fn boxes<const COUNT: usize>(heading: &str) -> [String; COUNT] {
    let guide = fs::read_to_string(checkout().join("docs/operating.md")).unwrap();
    let section = guide.split_once(heading).unwrap().1;
    let mut boxes = section.split("```sh\n").skip(1).map(|it| it.split_once("```").unwrap().0);
    std::array::from_fn(|_| boxes.next().unwrap().to_owned())
}

fn run(site: &Site, commands: &str) -> Output {
    let certs = site.path("certs");
    fs::create_dir_all(&certs).unwrap();
    Command::new("bash").args(["-ec", commands]).current_dir(certs).output().unwrap()
}

#[test]
fn an_authority_of_ones_own_lets_the_right_name_through_and_no_other() {
    let [make, use_it] = boxes("**An authority of your own**");
    let site = Site::new();
    let made = run(&site, &make);
    assert!(made.status.success(), "{}", said(&made));
    site.config(
        "allow_anonymous = true\n[listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n\
         [listeners.ssl.default]\nbind = \"127.0.0.1:0\"\n[listeners.ssl.default.ssl_options]\n\
         certfile = \"certs/server.pem\"\nkeyfile = \"certs/server.key\"\n",
    );
    let mut broker = site.start();
    let port = broker.address_of_title("ssl:default").port().to_string();
    let mut raw = Raw::connect(&broker, &Connect::new(Version::V5, "reader"));
    raw.subscribe("greetings/#", 0);
    let commands = use_it.replace("8883", &port);
    assert_eq!(commands.matches(&port).count(), 2, "{commands}");
    let (publish, verify) = commands.split_once("openssl").unwrap();
    let published = run(&site, publish);
    assert!(published.status.success(), "{}", said(&published));
    assert_eq!(raw.message().payload, "hello");
    let wrong = run(&site, &format!("openssl{verify}"));
    assert!(
        !wrong.status.success() && said(&wrong).contains("ostname mismatch"),
        "{}",
        said(&wrong)
    );
    let right =
        run(&site, &format!("openssl{}", verify.replace("broker.example.com", "localhost")));
    assert!(
        right.status.success() && said(&right).contains("return code: 0 (ok)"),
        "{}",
        said(&right)
    );
}

#[test]
fn a_client_whose_key_is_lost_is_revoked() {
    let [make, _, make_client, revoke] = boxes("**An authority of your own**");
    let site = Site::new();
    for commands in [make, make_client] {
        let made = run(&site, &commands);
        assert!(made.status.success(), "{}", said(&made));
    }
    site.config(
        "allow_anonymous = true\n[listeners.ssl.default]\nbind = \"127.0.0.1:0\"\n\
         [listeners.ssl.default.ssl_options]\ncertfile = \"certs/server.pem\"\n\
         keyfile = \"certs/server.key\"\nverify = \"verify_peer\"\n\
         cacertfile = \"certs/ca.pem\"\ncrlfile = \"certs/crl.pem\"\n",
    );
    let broker = site.start();
    let publish = || {
        let port = broker.port();
        let ask = format!(
            "mosquitto_pub -h localhost -p {port} --cafile ca.pem --cert dev1.pem --key dev1.key \
             -t t -m x -q 1"
        );
        run(&site, &ask).status.success()
    };
    assert!(publish());
    let revoked = run(&site, &revoke);
    assert!(revoked.status.success(), "{}", said(&revoked));
    wait_until("it is refused", || !publish());
}
