//! What a file is, before anything of it is compiled or run: a whole component that speaks the
//! broker's interface, fills a slot and wants nothing that is not offered.

use theseus_policy::Slot;
use wasmparser::{Encoding, Parser, Payload, Validator, WasmFeatures};

use crate::bounds::Bounds;
use crate::interface::{Interface, PACKAGE};
use crate::rejection::Rejection;
use crate::{imports, wasi};

/// What WebAssembly a plugin may be made of: version 3 and components, without garbage collection,
/// exceptions, threads and component-model async.
pub(crate) const FEATURES: WasmFeatures = WasmFeatures::WASM3
    .union(WasmFeatures::COMPONENT_MODEL)
    .difference(WasmFeatures::GC_TYPES)
    .difference(WasmFeatures::GC)
    .difference(WasmFeatures::FUNCTION_REFERENCES)
    .difference(WasmFeatures::EXCEPTIONS)
    .difference(WasmFeatures::MEMORY64)
    .difference(WasmFeatures::THREADS);

const SLOTS: [(&str, Slot); 5] = [
    ("authn", Slot::Authn),
    ("authz", Slot::Authz),
    ("limit", Slot::Limit),
    ("ban", Slot::Ban),
    ("hook", Slot::Hook),
];

/// What a component is, as far as its imports and exports tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Inspected {
    /// The slots that it fills, in order.
    pub slots: Vec<Slot>,
    /// The newest version of the interface that it uses anything of.
    pub interface: Interface,
    /// The version of `ban`, if it fills that slot; of several the newest.
    pub(crate) ban: Option<Interface>,
}

/// Inspects the component in `bytes`.
///
/// # Errors
/// Why it is not one that this broker could run.
pub fn inspect(bytes: &[u8], bounds: &Bounds) -> Result<Inspected, Rejection> {
    check_kind(bytes, bounds)?;
    let surface = Surface::read(bytes)?;
    let mut found = Inspected { slots: Vec::new(), interface: Interface::V0_1, ban: None };
    for import in &surface.imports {
        found.interface = found.interface.max(check_import(import)?);
    }
    let mut lifecycle = false;
    for export in &surface.exports {
        let Some((name, version)) = own_interface(export)? else { continue };
        lifecycle |= name == "lifecycle";
        found.add(name, version);
    }
    if found.slots.is_empty() || !lifecycle {
        return Err(Rejection::new(missing_exports(lifecycle)));
    }
    found.slots.sort_unstable();
    found.slots.dedup();
    Ok(found)
}

impl Inspected {
    fn add(&mut self, name: &str, version: Interface) {
        self.interface = self.interface.max(version);
        let Some((_, slot)) = SLOTS.iter().find(|(slot, _)| *slot == name) else { return };
        self.slots.push(*slot);
        if *slot == Slot::Ban {
            self.ban = self.ban.max(Some(version));
        }
    }
}

fn missing_exports(lifecycle: bool) -> String {
    if lifecycle {
        "it fills no slot: it exports none of authn, authz, limit, ban and hook".into()
    } else {
        {
            let versions = Interface::spoken_in_words("lifecycle");
            format!("it is no plugin: it does not export `{PACKAGE}lifecycle@{versions}`")
        }
    }
}

fn check_kind(bytes: &[u8], bounds: &Bounds) -> Result<(), Rejection> {
    if bytes.len() > bounds.file_size_max {
        return Err(Rejection::new(format!(
            "it has {} bytes, more than policy.max_plugin_size ({})",
            bytes.len(),
            bounds.file_size_max
        )));
    }
    if !bytes.starts_with(b"\0asm") {
        let head = &bytes[..bytes.len().min(8)];
        // Line ends would make lines of the log; nobody needs them to know the file again.
        let begin = head.trim_ascii_end().escape_ascii();
        return Err(Rejection::new(match bytes {
            [] => "it is empty".into(),
            _ => format!("it is not WebAssembly (it begins with `{begin}`)"),
        }));
    }
    match Parser::new(0).parse_all(bytes).next() {
        Some(Ok(Payload::Version { encoding: Encoding::Module, .. })) => Err(Rejection::new(
            "it is a core WebAssembly module, not a component (build it for wasm32-wasip2)",
        )),
        Some(Ok(_)) => Ok(()),
        Some(Err(error)) => Err(damaged(&error)),
        None => Err(Rejection::new("it is truncated or damaged")),
    }
}

fn damaged(error: &wasmparser::BinaryReaderError) -> Rejection {
    Rejection::new(format!("it is truncated or damaged: {error}"))
}

/// The names that a component imports and exports.
struct Surface {
    imports: Vec<String>,
    exports: Vec<String>,
}

impl Surface {
    fn read(bytes: &[u8]) -> Result<Self, Rejection> {
        Validator::new_with_features(FEATURES).validate_all(bytes).map_err(|e| damaged(&e))?;
        let mut surface = Self { imports: Vec::new(), exports: Vec::new() };
        let mut depth = 0_usize;
        for payload in Parser::new(0).parse_all(bytes) {
            let payload = payload.map_err(|e| damaged(&e))?;
            match payload {
                Payload::ModuleSection { .. } | Payload::ComponentSection { .. } => depth += 1,
                Payload::End(_) => depth = depth.saturating_sub(1),
                payload if depth == 0 => surface.add(payload).map_err(|e| damaged(&e))?,
                _ => {}
            }
        }
        Ok(surface)
    }

    fn add(&mut self, payload: Payload<'_>) -> wasmparser::Result<()> {
        match payload {
            Payload::ComponentImportSection(section) => {
                for import in section {
                    self.imports.push(import?.name.name.to_owned());
                }
            }
            Payload::ComponentExportSection(section) => {
                for export in section {
                    self.exports.push(export?.name.name.to_owned());
                }
            }
            _ => {}
        }
        Ok(())
    }
}

/// The name and version of one of our interfaces; none if it is not ours.
fn own_interface(full: &str) -> Result<Option<(&str, Interface)>, Rejection> {
    let Some(rest) = full.strip_prefix(PACKAGE) else { return Ok(None) };
    let (name, version) = rest.split_once('@').unwrap_or((rest, ""));
    let Some(interface) = Interface::of(name, version) else {
        let spoken = Interface::spoken_in_words(name);
        let why = format!("it speaks {full}; this broker speaks {name} {spoken}");
        return Err(Rejection::new(why));
    };
    Ok(Some((name, interface)))
}

/// The version of the interface that an import is of.
fn check_import(full: &str) -> Result<Interface, Rejection> {
    if let Some((name, version)) = own_interface(full)? {
        if imports::OFFERED.contains(&name) {
            return Ok(version);
        }
        let why = format!("it wants `{full}`, which this broker does not offer yet");
        return Err(Rejection::new(why));
    }
    if is_offered_wasi(full) {
        return Ok(Interface::V0_1);
    }
    let package = full.strip_prefix("wasi:").and_then(|rest| rest.split_once('/'));
    let withheld = |(package, _): (&str, &str)| wasi::WITHHELD.iter().find(|(p, _)| *p == package);
    Err(Rejection::new(match package.and_then(withheld) {
        Some((_, what)) => format!("it wants {what} (`{full}`), which no plugin is given"),
        None => format!("it wants `{full}`, which this broker does not offer"),
    }))
}

fn is_offered_wasi(full: &str) -> bool {
    let Some((name, version)) = full.split_once('@') else { return false };
    let patch = version.strip_prefix("0.2.").is_some_and(|patch| patch.parse::<u32>().is_ok());
    patch && wasi::OFFERED.contains(&name)
}
