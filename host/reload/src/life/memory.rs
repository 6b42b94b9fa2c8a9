//! Plugins whose instances could take more together than the broker gives them.

use super::*;

const TWO: &str = r#"authentication = ["door", "gate"]
[policy]
max_plugin_memory = "16MB"
[listeners.tcp.default]
bind = "127.0.0.1:0"
"#;

fn plugin(name: &str, version: &str, megabytes: usize) -> String {
    format!("name = {name}\nversion = {version}\nmemory = {}\n", megabytes << 20)
}

#[test]
fn who_does_not_fit_beside_the_others_is_refused_in_numbers() {
    let door = plugin("door", "1.0.0", 10);
    let gate = plugin("gate", "1.0.0", 7);
    let mut world = World::new(TWO, &[("plugins/door.wasm", &door), ("plugins/gate.wasm", &gate)]);
    let said = world.lines().join("\n");
    let why = "plugins/gate.wasm: the instances of `gate` could take 7 MB (policy.max_instances times \
               policy.max_instance_memory), and beside 10 MB for `door` that is more than \
               policy.max_plugin_memory (16 MB)";
    assert!(said.contains(why), "{said}");
    world.write("plugins/gate.wasm", &plugin("gate", "1.1.0", 6));
    world.settle();
    assert_eq!(world.runs("gate"), "1.1.0");
    // What runs has a place, and a version of its size takes that; a larger one does not.
    world.write("plugins/door.wasm", &plugin("door", "1.1.0", 10));
    world.settle();
    world.write("plugins/gate.wasm", &plugin("gate", "1.2.0", 7));
    world.settle();
    assert_eq!([world.runs("door"), world.runs("gate")], ["1.1.0", "1.1.0"]);
}

/// The operator gives one plugin another size than the others: while it runs, if it fits.
#[test]
fn what_one_plugin_is_given_of_its_own_counts_and_holds_at_once() {
    let files = [("plugins/door.wasm", plugin("door", "1.0.0", 10))];
    let files = files.each_ref().map(|(path, text)| (*path, text.as_str()));
    let alone = TWO.replace(", \"gate\"", "");
    let mut world = World::new(&alone, &files);
    world.lines();
    let budget = |world: &World| world.reload.running["door"].inputs.budget;
    let own = |keys: &str| format!("{alone}[policy.plugins.door]\n{keys}\n");
    world.write("etc/theseus.toml", &own("max_instances = 2"));
    world.settle();
    let why = "etc/theseus.toml:7: the instances of `door` could take 20 MB \
               (policy.plugins.door.max_instances times policy.max_instance_memory), and beside \
               nothing else that is more than policy.max_plugin_memory (16 MB); the configuration in \
               force stays";
    assert_eq!(world.lines(), [format!("warn: {why}")]);
    assert_eq!((world.generation(), budget(&world).instances), (1, None));
    let fits = "max_instance_memory = \"8MB\"\nmax_instances = 2\nauthorize_cpu_time = \"9ms\"";
    world.write("etc/theseus.toml", &own(fits));
    world.settle();
    let given = budget(&world);
    assert_eq!((given.instances, given.instance_memory), (Some(2), Some(8 << 20)));
    assert_eq!((given.login_cpu, given.authorize_cpu), (None, Some(Duration::from_millis(9))));
    assert_eq!((world.generation(), world.runs("door")), (2, "1.0.0".to_owned()));
    // And back, with one more plugin in what was freed: both are judged by what is to be.
    let both = format!("{TWO}[policy.plugins.door]\nmax_instance_memory = \"9MB\"\n");
    world.write("plugins/gate.wasm", &plugin("gate", "1.0.0", 7));
    world.write("etc/theseus.toml", &both);
    world.settle();
    assert_eq!([world.runs("door"), world.runs("gate")], ["1.0.0", "1.0.0"]);
    // Who gives and who takes in one edit.
    let swapped = "[policy.plugins.door]\nmax_instance_memory = \"12MB\"\n\
                   [policy.plugins.gate]\nmax_instance_memory = \"4MB\"\n";
    world.write("etc/theseus.toml", &format!("{TWO}{swapped}"));
    world.settle();
    let given = ["door", "gate"].map(|name| world.reload.running[name].inputs.budget);
    assert_eq!(given.map(|it| it.instance_memory), [Some(12 << 20), Some(4 << 20)]);
}
