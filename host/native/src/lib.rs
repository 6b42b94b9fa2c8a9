//! The back end for native libraries: takes a file's bytes to a private place, tries them in a child
//! process, loads them, and asks them on threads of their own; or leaves them in a child process for good.
//!
//! Not which plugin is live, nor whom to trust, nor what questions and answers look like, which is the
//! same as for components (`theseus-wasm`). What a library does in this process nobody can undo: the
//! measures here are about noticing early, and about dying only once.
#![deny(unsafe_code)]

mod back_off;
mod child;
mod elf;
mod ending;
mod frame;
mod instance;
mod keep;
mod library;
mod loader;
mod marks;
mod process;
mod version;

pub use child::{WORD, serve};
pub use elf::check as check_elf;
pub use ending::Ending;
pub use loader::{Code, Loader, Options, Place, Program};
pub use marks::Marks;
pub use version::Version;
