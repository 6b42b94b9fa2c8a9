//! The first load.

use std::sync::Mutex;

use super::*;

const WITH_USERS: &str = r#"authentication = ["door"]
[plugins.door]
users = "etc/users"
[listeners.tcp.default]
bind = "127.0.0.1:0"
"#;

fn with_users() -> String {
    door("1.0.0\nsettings = users:users-file!")
}

#[test]
fn a_missing_plugin_keeps_the_door_shut_until_it_comes() {
    let mut world = World::new(CONFIG, &[("plugins/dour.wasm", "name = dour\nversion = 1.0.0\n")]);
    assert_eq!(world.runs("door"), "-");
    let lines = world.lines();
    let line = "error: etc/theseus.toml:1: authentication: no plugin `door` in plugins/; did you \
        mean `dour`?; `door` does not run: new clients are refused where it is asked";
    assert_eq!(lines[0], line);
    world.write("plugins/door.wasm", &door("1.0.0"));
    world.settle();
    let line = world.line();
    assert!(line.starts_with("info: door 1.0.0 ("), "{line}");
    assert!(line.ends_with(") is live: generation 2, 1000"), "{line}");
}

#[test]
fn a_refused_file_is_named_as_what_is_missing() {
    let mut world = World::new(CONFIG, &[("plugins/door.wasm", "x")]);
    let lines = world.lines();
    assert_eq!(lines[0], "warn: plugins/door.wasm: it is no component; nothing changed");
    assert!(
        lines[1]
            .contains("no plugin `door` in plugins/, for plugins/door.wasm: it is no component")
    );
}

#[test]
fn a_missing_users_file_is_made_once() {
    let made = Arc::new(Mutex::new(Vec::new()));
    let first_user = {
        let made = made.clone();
        move |path: &Path| {
            made.lock().unwrap().push(path.to_owned());
            std::fs::create_dir_all(path.parent().unwrap())?;
            std::fs::write(path, "# nobody\n")
        }
    };
    let files = [("plugins/door.wasm", with_users())];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let world = World::with_first_user(WITH_USERS, &files, Some(Box::new(first_user)));
    assert_eq!(*made.lock().unwrap(), [world.folder.path("etc/users")]);
    assert_eq!(world.runs("door"), "1.0.0");
    let world = World::with_first_user(
        WITH_USERS,
        &[("plugins/door.wasm", &with_users()), ("etc/users", "# nobody\n")],
        Some(Box::new(|_| panic!("it is there"))),
    );
    assert_eq!(world.runs("door"), "1.0.0");
}

#[test]
fn a_users_file_that_cannot_be_made_is_missing() {
    let first_user: FirstUser = Box::new(|_| Err(std::io::Error::other("no space")));
    let files = [("plugins/door.wasm", with_users())];
    let files: Vec<_> = files.iter().map(|(name, text)| (*name, text.as_str())).collect();
    let mut world = World::with_first_user(WITH_USERS, &files, Some(first_user));
    let lines = world.lines();
    assert_eq!(lines[0], "error: etc/users cannot be made: no space");
    assert!(lines[1].starts_with("error: etc/users: there is no such file; `door` does not run"));
    world.write("etc/users", "# nobody\n");
    world.settle();
    assert_eq!((world.generation(), world.runs("door")), (2, "1.0.0".to_owned()));
}

#[test]
fn the_status_travels_as_it_is() {
    let world = World::new(CONFIG, &[("plugins/door.wasm", &door("1.0.0"))]);
    let status = world.status();
    assert_eq!((status.running[0].instances, status.running[0].generation), (1, 1));
    let bytes = postcard::to_stdvec(&*status).unwrap();
    assert_eq!(postcard::from_bytes::<Status>(&bytes).unwrap(), *status);
}

#[test]
fn the_thread_looks_by_itself_and_stops_when_told() {
    let world = World::new(CONFIG, &[("plugins/door.wasm", &door("1.0.0"))]);
    let World { folder, mut reload, .. } = world;
    let moment = Duration::from_millis(1);
    reload.pace = Pace { look: moment, settle: moment };
    reload.watch.set_settle(moment);
    let handle = reload.spawn().unwrap();
    folder.rename_over("plugins/door.wasm", door("2.0.0"));
    let deadline = Instant::now() + Duration::from_secs(30);
    while handle.status().generation < 2 {
        assert!(Instant::now() < deadline, "it does not look");
        std::thread::yield_now();
    }
    assert_eq!(handle.view().status().running[0].version, "2.0.0");
    handle.stop();
}
