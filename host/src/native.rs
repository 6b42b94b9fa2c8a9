//! What native plugins are loaded with: the folder, the program of their child processes, the marks.

use std::io;
use std::sync::Arc;

use theseus_config::Config;
use theseus_native::{Loader, Marks, Options, Program, WORD};
use theseus_trust::{Hash, Marker};
use tokio::runtime::Handle;

use crate::settings;

/// The one loader of this process.
pub(crate) fn loader(config: &Config, runtime: &Handle) -> Arc<Loader> {
    let policy = &config.policy;
    Loader::new(Options {
        dir: config.data_dir.join("native"),
        // The program that runs, also if another one lies in its place by now.
        program: Program { path: "/proc/self/exe".into(), args: vec![WORD.into()] },
        bounds: settings::plugin_bounds(policy),
        process_memory: policy.max_process_memory as u64,
        hanging_max: policy.max_hanging_calls,
        runtime: runtime.clone(),
        marks: Arc::new(InDataDir(Marker::of(&config.data_dir))),
    })
}

/// Where the next start looks for them.
struct InDataDir(Marker);

impl Marks for InDataDir {
    fn mark(&self, sha256: &[u8; 32]) -> io::Result<()> {
        self.0.mark_loading(Hash(*sha256))
    }

    fn unmark(&self, sha256: &[u8; 32]) -> io::Result<()> {
        self.0.unmark(Hash(*sha256))
    }
}
