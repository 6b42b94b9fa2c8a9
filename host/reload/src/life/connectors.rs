//! Connectors: who is granted one, and that it outlives what uses it.

use super::*;

const WITH_USERS: &str = r#"authentication = ["door"]
[listeners.tcp.default]
bind = "127.0.0.1:0"
[connectors.http.users]
url = "http://127.0.0.1:1/v1"
authorization_file = "etc/token"
[policy.plugins.door]
connectors = ["users"]
"#;

fn asking(version: &str) -> String {
    door(&format!("{version}\nconnector = users"))
}

fn world() -> World {
    let files = [("etc/token", "Bearer s3cr3t-1\n"), ("plugins/door.wasm", &asking("1.0.0"))];
    let mut world = World::new(WITH_USERS, &files);
    assert_eq!(world.runs("door"), "1.0.0", "{:#?}", world.lines());
    world.lines();
    world
}

/// Which connectors there are, each by where it lies.
fn made(world: &World) -> Vec<usize> {
    let all = world.reload.connectors.all();
    all.values().map(|connector| Arc::as_ptr(connector).addr()).collect()
}

#[test]
fn a_pool_outlives_every_version() {
    let mut world = world();
    let before = made(&world);
    assert_eq!(before.len(), 1);
    world.write("plugins/door.wasm", &asking("2.0.0"));
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "2.0.0".to_owned()));
    assert_eq!(made(&world), before);
}

#[test]
fn two_plugins_share_one() {
    let config = WITH_USERS.replace("[\"door\"]", "[\"door\", \"gate\"]")
        + "[policy.plugins.gate]\nconnectors = [\"users\"]\n";
    let gate = asking("1.0.0").replace("name = door", "name = gate");
    let files = [
        ("etc/token", "Bearer s3cr3t\n"),
        ("plugins/door.wasm", &asking("1.0.0")),
        ("plugins/gate.wasm", &gate),
    ];
    let world = World::new(&config, &files);
    assert_eq!((world.runs("door"), world.runs("gate")), ("1.0.0".into(), "1.0.0".into()));
    assert_eq!(made(&world).len(), 1);
}

#[test]
fn an_edit_makes_a_new_one() {
    let mut world = world();
    let before = made(&world);
    world.write("etc/theseus.toml", &WITH_USERS.replace("/v1", "/v2"));
    world.settle();
    let line = world.line();
    let start = "info: etc/theseus.toml applied: connectors.http.users.url \
        \"http://127.0.0.1:1/v1\" -> \"http://127.0.0.1:1/v2\": generation 2, 1000";
    assert_eq!(line, start);
    let after = made(&world);
    assert_eq!(after.len(), 1, "the old one is let go");
    assert_ne!(after, before);
}

#[test]
fn so_does_a_secret_that_changes_in_its_file() {
    let mut world = world();
    let before = made(&world);
    world.write("etc/token", "Bearer s3cr3t-2\n");
    world.settle();
    let line = world.line();
    let start = "info: etc/token (connectors.http.users.authorization_file, for door) applied: generation 2";
    assert!(line.starts_with(start), "{line}");
    assert_ne!(made(&world), before);
    let file = world.status().files[0].clone();
    assert_eq!(file.setting, "connectors.http.users.authorization_file");
    // Broken, it changes nothing, and is not repeated.
    world.write("etc/token", "s3cr3t-3\ns3cr3t-4\n");
    world.settle();
    let line = world.line();
    assert!(line.starts_with("warn: etc/token: it has a value with a character"), "{line}");
    assert!(!line.contains("s3cr3t"), "{line}");
    assert_eq!(world.generation(), 2);
    // Deleted, it keeps its content.
    world.write("etc/token", "Bearer s3cr3t-2\n");
    world.settle();
    world.folder.remove("etc/token");
    world.settle();
    assert_eq!(world.generation(), 2);
}

#[test]
fn what_is_not_granted_keeps_a_version_from_going_live() {
    let config = WITH_USERS.replace("connectors = [\"users\"]", "connectors = []");
    let files = [("etc/token", "x\n"), ("plugins/door.wasm", &asking("1.0.0"))];
    let mut world = World::new(&config, &files);
    let lines = world.lines();
    let line = "error: plugins/door.wasm: it wants the connector `users` (http), which is not \
        granted; policy.plugins.door.connectors would grant it; `door` does not run: new clients \
        are refused where it is asked";
    assert_eq!(lines[0], line);
    world.write("etc/theseus.toml", WITH_USERS);
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "1.0.0".to_owned()));
    world.lines();
    // Taken away from what runs, the edit is refused.
    world.write("etc/theseus.toml", &config);
    world.settle();
    let line = world.line();
    assert!(line.ends_with("would grant it; the configuration in force stays"), "{line}");
    assert_eq!((world.generation(), world.runs("door")), (2, "1.0.0".to_owned()));
}

#[test]
fn kinds_that_are_not_spoken_are_refused_by_name() {
    let mut world = world();
    world.write(
        "plugins/door.wasm",
        &asking("2.0.0").replace("connector = users", "connector = users:sql"),
    );
    world.settle();
    let line = world.line();
    let start = "warn: plugins/door.wasm: it wants the connector `users` (sql), a kind that this \
        version of the broker does not speak yet; door 1.0.0 (";
    assert!(line.starts_with(start), "{line}");
}

#[test]
fn a_connector_that_cannot_be_made_is_an_error_with_its_place() {
    let mut world = world();
    let with = |text: &str| WITH_USERS.replace("authorization_file = \"etc/token\"", text);
    world.write("etc/theseus.toml", &with("headers = [\"Host: s3cr3t\"]"));
    world.settle();
    let line = world.line();
    let wanted = "warn: etc/theseus.toml:6: connectors.http.users.headers: number 1 is `host`, which \
        the broker sets itself; the configuration in force stays";
    assert_eq!(line, wanted);
    world
        .write("etc/theseus.toml", &with("cacertfile = \"etc/no.pem\"").replace("http:", "https:"));
    world.settle();
    let line = world.line();
    assert!(line.starts_with("warn: etc/no.pem: there is no such file; the config"), "{line}");
    world.write("etc/no.pem", "no certificate");
    world.settle();
    let line = world.line();
    assert!(line.starts_with("warn: etc/no.pem: it holds no certificate; the config"), "{line}");
    assert_eq!(world.generation(), 1);
}

#[test]
fn its_health_is_shown() {
    let world = world();
    let status = world.status();
    assert_eq!(status.connectors.len(), 1);
    assert_eq!((&*status.connectors[0].name, status.connectors[0].calls), ("users", 0));
    assert_eq!(status.connectors[0].breaker, "closed");
}
