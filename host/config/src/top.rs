//! The keys above all sections.
//! Not what becomes of them: `config` resolves the folder.
//! Used by `config`.

use std::path::PathBuf;

use crate::kind::{Flag, Folder};
use crate::section::section;

section! {
    /// Keys that stand before the first section of the file.
    pub(crate) struct Top[] {
        /// Lets clients in that bring no name, no password and no certificate, where nothing else
        /// decides. A listener can say otherwise.
        allow_anonymous: bool = false as Flag;
        /// The folder for everything the broker writes. A relative path starts at the configuration
        /// file's folder, or at its parent where that folder is named `etc`.
        data_dir: PathBuf = "data" as Folder;
    }
}
