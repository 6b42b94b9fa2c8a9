//! Guests for tests, written as WebAssembly text against the canonical ABI, so that the tests need no
//! toolchain but their own. What a guest does is given by the bodies of its functions.
#![allow(clippy::expect_used, clippy::panic, reason = "what fails here is a failed test")]
#![allow(dead_code, reason = "each test file uses a part")]

use wit_component::{ComponentEncoder, StringEncoding, embed_component_metadata};
use wit_parser::{Resolve, UnresolvedPackageGroup};

/// Where `authenticate` puts its decision: all zero, it is an `allow` with an empty grant.
pub(crate) const ANSWER: u32 = 1024;
/// Where the decision's grant has its attributes: pointer and length.
pub(crate) const ATTRIBUTES: u32 = ANSWER + 4 + 28;
/// 64 KiB of `x`, and behind it nothing that is used.
pub(crate) const MANY_X: u32 = 0x1_0000;

/// One guest. Each body is text in the folded form of WebAssembly text.
#[derive(Clone)]
pub(crate) struct Guest {
    /// Further imports and globals.
    pub(crate) head: String,
    /// Must leave the address of a `result<_, string>`; 16 holds one that is `ok`.
    pub(crate) init: String,
    pub(crate) self_test: String,
    /// Must leave the address of a decision.
    pub(crate) authenticate: String,
    /// Must leave the address of a decision. State and data are its parameters 11 to 14: address and
    /// length of each.
    pub(crate) proceed: String,
    /// Must leave the address of a `result<list<rule-set>, string>`.
    pub(crate) rule_sets: String,
    /// Further data segments.
    pub(crate) data: String,
    /// The name it gives itself.
    pub(crate) name: &'static str,
    /// What its world imports.
    pub(crate) imports: &'static str,
    /// Packages that the imports come from, if not from `wit/`.
    pub(crate) packages: &'static str,
}

impl Default for Guest {
    fn default() -> Self {
        Self {
            head: String::new(),
            init: "(i32.const 16)".into(),
            self_test: "(i32.const 16)".into(),
            authenticate: format!("(i32.const {ANSWER})"),
            proceed: "unreachable".into(),
            rule_sets: "(i32.const 16)".into(),
            data: String::new(),
            name: "test",
            imports: "",
            packages: "",
        }
    }
}

impl Guest {
    /// A guest that does this when it is asked about a login.
    pub(crate) fn answering(body: &str) -> Self {
        Self { authenticate: body.into(), ..Self::default() }
    }

    /// The component.
    pub(crate) fn component(&self) -> Vec<u8> {
        let mut module = wat::parse_str(self.text()).expect("the guest's text");
        let (resolve, world) = self.world();
        embed_component_metadata(&mut module, &resolve, world, StringEncoding::UTF8)
            .expect("metadata");
        let encoder = ComponentEncoder::default().module(&module).expect("a module");
        encoder.validate(true).encode().expect("a component")
    }

    fn world(&self) -> (Resolve, wit_parser::WorldId) {
        let mut resolve = Resolve::default();
        resolve.push_path(concat!(env!("CARGO_MANIFEST_DIR"), "/../../wit")).expect("wit/");
        let Self { imports, packages, .. } = self;
        let text = format!(
            "package theseus:test;
             {packages}
             world guest {{
                 {imports}
                 export theseus:plugin/lifecycle@0.1.0;
                 export theseus:plugin/authn@0.1.0;
                 export theseus:plugin/authz@0.1.0;
             }}"
        );
        let group = UnresolvedPackageGroup::parse("test.wit", &text).expect("a world");
        let package = resolve.push_group(group).expect("a package");
        let world = resolve.select_world(&[package], Some("guest")).expect("guest");
        (resolve, world)
    }

    fn text(&self) -> String {
        let Self { head, init, self_test, authenticate, proceed, rule_sets, data, name, .. } = self;
        let name_size = name.len();
        let client = "i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32";
        format!(
            r#"(module
              {head}
              (memory (export "memory") 4)
              (global $free (mut i32) (i32.const 0x20000))
              (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
                (local $at i32)
                (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
                (global.set $free (i32.add (local.get $at) (local.get 3)))
                (local.get $at))
              (data (i32.const 64) "{name}")
              (data (i32.const 128) "1.2.3")
              (data (i32.const 256) "\40\00\00\00\{name_size:02x}\00\00\00\80\00\00\00\05\00\00\00\80\00\00\00\05\00\00\00")
              (data (i32.const {MANY_X}) "{many_x}")
              {data}
              (func (export "theseus:plugin/lifecycle@0.1.0#describe") (result i32) (i32.const 256))
              (func (export "theseus:plugin/lifecycle@0.1.0#init") (result i32) {init})
              (func (export "theseus:plugin/lifecycle@0.1.0#self-test") (result i32) {self_test})
              (func (export "theseus:plugin/lifecycle@0.1.0#migrate") (param i32) (result i32)
                (i32.const 16))
              (func $authenticate (export "theseus:plugin/authn@0.1.0#authenticate")
                (param i32) (result i32) {authenticate})
              (func (export "cabi_post_theseus:plugin/authn@0.1.0#authenticate") (param i32)
                (global.set $free (i32.const 0x20000)))
              (func (export "theseus:plugin/authn@0.1.0#proceed")
                (param {client} i32 i32 i32 i32) (result i32) {proceed})
              (func (export "theseus:plugin/authn@0.1.0#revalidate") (param {client}) (result i32)
                unreachable)
              (func (export "theseus:plugin/authz@0.1.0#rule-sets") (result i32) {rule_sets})
              (func (export "theseus:plugin/authz@0.1.0#authorize")
                (param {client} i32 i32 i32 i32 i32) (result i32) unreachable)
            )"#,
            many_x = "x".repeat(0x1_0000),
        )
    }
}

/// A data segment of numbers of 32 bits.
pub(crate) fn words(at: u32, words: &[u32]) -> String {
    let bytes: String =
        words.iter().flat_map(|w| w.to_le_bytes()).map(|b| format!("\\{b:02x}")).collect();
    format!("(data (i32.const {at}) \"{bytes}\")")
}
