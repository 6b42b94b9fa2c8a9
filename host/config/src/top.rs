//! The keys above all sections.
//! Not what becomes of them: `config` resolves the folders.
//! Used by `config`.

use std::path::PathBuf;

use crate::kind::{Flag, Folder};
use crate::lists::Names;
use crate::section::{LIVE, section};

section! {
    /// Keys that stand before the first section of the file.
    pub(crate) struct Top[] {
        /// Lets clients in that bring no name and no password, and no certificate that names them, where nothing else
        /// decides. A listener can say otherwise.
        allow_anonymous: bool = false as Flag, LIVE;
        /// The plugins that are asked whether a client may connect, one after the other until one
        /// answers; where none does, the client is refused. A listener can name others.
        authentication: Vec<String> = [] as Names, LIVE;
        /// The plugins that say how much clients may do; what each of them says holds.
        limits: Vec<String> = [] as Names, LIVE;
        /// The plugins that watch what clients do and shut some of them out.
        bans: Vec<String> = [] as Names, LIVE;
        /// The plugins that see messages, of the topics they declare, and may change them; in this
        /// order.
        hooks: Vec<String> = [] as Names, LIVE;
        /// The folder for everything the broker writes. A relative path starts at the configuration
        /// file's folder, or at its parent where that folder is named `etc`.
        data_dir: PathBuf = "data" as Folder;
        /// The folder that is watched for plugins. Relative as above.
        plugins_dir: PathBuf = "plugins" as Folder;
    }
}
