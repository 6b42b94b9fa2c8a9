//! Libraries and components, whatever their files are called.

use super::trust::{config, pins};
use super::*;

const LIBRARY: &str = "plugins/door.so";
const COMPONENT: &str = "plugins/door.wasm";

/// The door, and it begins as a library does.
fn library(version: &str) -> String {
    format!("\x7fELF\n{}", door(version))
}

fn component(version: &str) -> String {
    format!("\0asm\n{}", door(version))
}

fn reason(world: &World, path: &str) -> String {
    world.file(path).reason.unwrap_or_default()
}

#[test]
fn a_copy_of_a_library_is_none_under_the_name_of_a_component() {
    let one = library("1.0.0");
    let mut world = World::new(&config(&pins(&[&one])), &[(LIBRARY, &one)]);
    assert_eq!(world.file(LIBRARY).trust.as_deref(), Some("pinned"));
    world.write(COMPONENT, &one);
    world.settle();
    let why = "it is a native library under the name of a component: call it *.so";
    assert_eq!(
        (world.state(COMPONENT), reason(&world, COMPONENT)),
        (PluginState::Rejected, why.into())
    );
    // When nobody answers for it any more, no copy is a way around that.
    world.write("etc/theseus.toml", CONFIG);
    world.settle();
    let states = (world.state(LIBRARY), world.state(COMPONENT));
    assert_eq!(states, (PluginState::Distrusted, PluginState::Rejected));
    world.folder.remove(LIBRARY);
    world.settle();
    assert_eq!(world.state(COMPONENT), PluginState::Rejected);
}

#[test]
fn a_copy_of_a_component_is_none_under_the_name_of_a_library() {
    let one = component("1.0.0");
    let mut world = World::new(&config(&pins(&[&one])), &[(COMPONENT, &one)]);
    assert_eq!(world.runs("door"), "1.0.0");
    world.write(LIBRARY, &one);
    world.settle();
    let why = "it is WebAssembly under the name of a native library: call it *.wasm";
    assert_eq!(
        (world.state(LIBRARY), reason(&world, LIBRARY)),
        (PluginState::Rejected, why.into())
    );
}

/// The one beside the first says nothing about the second.
#[test]
fn a_copy_of_a_signed_library_needs_a_signature_of_its_own() {
    let (pair, one) = (theseus_trust::new_key(None).unwrap(), library("1.0.0"));
    let signature = trust::signature(&pair, &one, "1.0.0");
    let files = [(LIBRARY, one.as_str()), ("plugins/door.so.minisig", &signature)];
    let text = config(&format!("public_keys = ['{}']", pair.public));
    let mut world = World::new(&text, &files);
    assert_eq!(world.runs("door"), "1.0.0");
    world.lines();
    world.write("plugins/other.so", &one);
    world.settle();
    assert_eq!(world.state("plugins/other.so"), PluginState::Rejected);
    assert!(world.line().ends_with("nothing changed"));
    assert!(reason(&world, "plugins/other.so").contains("it is not signed"));
    assert_eq!(world.state(LIBRARY), PluginState::Live);
}
