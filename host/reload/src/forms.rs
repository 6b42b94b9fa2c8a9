//! The two back ends side by side; which of them a file is for. That is found out once, here, and goes with
//! the file's content from then on.

use std::path::Path;
use std::sync::Arc;

use theseus_native::Loader;
use theseus_wasm::Engine;
use tokio::runtime::Handle;

use crate::backend::{Backend, Built};
use crate::component::Components;
use crate::digest::Digest;
use crate::library::Libraries;
use crate::refusal::Refusal;

/// What a file is made of. Its first bytes say so, since it is opened by them, and its name must say the same:
/// whoever reads the name of a file knows what it can do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `*.wasm`
    Component,
    /// `*.so`
    Library,
}

impl Form {
    /// What a file is judged and opened as. One that is neither is what its name says: who opens such things
    /// says what is wrong with it.
    pub(crate) fn of(path: &Path, bytes: &[u8]) -> Result<Self, Refusal> {
        let named = Self::of_name(path).unwrap_or(Self::Component);
        match Self::of_bytes(bytes) {
            Some(form) if form != named => Err(form.misnamed()),
            _ => Ok(named),
        }
    }

    fn of_bytes(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0, b'a', b's', b'm', ..] => Some(Self::Component),
            [0x7f, b'E', b'L', b'F', ..] => Some(Self::Library),
            _ => None,
        }
    }

    fn misnamed(self) -> Refusal {
        Refusal::lasting(match self {
            Self::Component => {
                "it is WebAssembly under the name of a native library: call it *.wasm"
            }
            Self::Library => "it is a native library under the name of a component: call it *.so",
        })
    }

    /// None: no plugin.
    pub(crate) fn of_name(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()? {
            "wasm" => Some(Self::Component),
            "so" => Some(Self::Library),
            _ => None,
        }
    }
}

/// Both.
pub(crate) struct Forms {
    components: Components,
    libraries: Libraries,
}

impl Forms {
    pub(crate) fn new(engine: Arc<Engine>, loader: Arc<Loader>, runtime: &Handle) -> Self {
        Self {
            components: Components::new(engine, runtime.clone()),
            libraries: Libraries::new(loader, runtime.clone()),
        }
    }
}

impl Backend for Forms {
    fn compile(&self, form: Form, bytes: &[u8], digest: Digest) -> Result<Built, Refusal> {
        match form {
            Form::Component => self.components.compile(bytes, digest),
            Form::Library => self.libraries.compile(bytes, digest),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_told_by_their_ends() {
        for (name, form) in [
            ("a.wasm", Some(Form::Component)),
            ("a.wasm.so", Some(Form::Library)),
            ("a.so.wasm", Some(Form::Component)),
            ("a.so.1", None),
            ("a.SO", None),
            ("so", None),
        ] {
            assert_eq!(Form::of_name(Path::new(name)), form, "{name}");
        }
    }

    #[test]
    fn the_first_bytes_decide_and_a_name_that_says_otherwise_is_refused() {
        let (library, component, neither) =
            (&b"\x7fELF\x02"[..], &b"\0asm\x0d"[..], &b"\x7fEL"[..]);
        let of = |name, bytes| Form::of(Path::new(name), bytes).map_err(|refusal| refusal.why);
        for bytes in [library, neither, b""] {
            assert_eq!(of("a.so", bytes), Ok(Form::Library));
        }
        for bytes in [component, neither, b""] {
            assert_eq!(of("a.wasm", bytes), Ok(Form::Component));
        }
        assert!(of("a.wasm", library).unwrap_err().starts_with("it is a native library under"));
        assert!(of("a.so", component).unwrap_err().starts_with("it is WebAssembly under"));
    }
}
