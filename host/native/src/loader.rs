//! From bytes to code, and from code to versions: what is loaded into this process, how often, and what of
//! it stays.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::Mutex;
use theseus_abi::{function, status};
use theseus_policy::{Description, Setup, Slot};
use theseus_wasm::{Bounds, Conversation, Interface, Rejection, Voice, encoded};
use tokio::runtime::Handle;

use crate::elf;
use crate::instance::Body;
use crate::keep::Folder;
use crate::library::{Filled, HostSide, Library, slots};
use crate::marks::{Marks, Pending};
use crate::process::{Gone, Process};
use crate::version::Version;

/// What native plugins need.
pub struct Options {
    /// The private folder that libraries are loaded from: `data_dir/native`.
    pub dir: PathBuf,
    /// What child processes run.
    pub program: Program,
    /// What plugins may cost, whatever they are made of.
    pub bounds: Bounds,
    /// Bytes that a child process may take beyond what it has at the start.
    pub process_memory: u64,
    /// Calls of a version that may be overdue before it is not asked any more.
    pub hanging_max: usize,
    /// The runtime that plugins' questions to the broker are answered on.
    pub runtime: Handle,
    /// Where loading marks are kept.
    pub marks: Arc<dyn Marks>,
}

/// A program that is a child with a library if it is told a file and a number of bytes after these words:
/// `theseus plugin-child FILE BYTES`.
#[derive(Clone, Debug)]
pub struct Program {
    /// The executable.
    pub path: PathBuf,
    /// What comes before.
    pub args: Vec<OsString>,
}

/// Where a library runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// In this process.
    Here,
    /// In a process of its own (`isolate = "process"`).
    Process,
}

/// So many libraries in one process are worth a warning.
const LOADED_MANY: usize = 20;

/// Loads libraries; one for the process.
pub struct Loader {
    options: Options,
    program: Arc<Program>,
    pending: Arc<Pending>,
    folder: Folder,
    loaded: Mutex<BTreeMap<[u8; 32], Loaded>>,
}

/// What is in this process for good.
struct Loaded {
    library: Library,
    size: usize,
    /// It keeps its file.
    _path: Arc<Path>,
}

/// A library that a child process has opened and asked who it is.
pub struct Code {
    loader: Arc<Loader>,
    path: Arc<Path>,
    sha256: [u8; 32],
    size: usize,
    slots: Vec<Slot>,
    interface: Interface,
    description: Description,
}

impl Loader {
    /// One with an empty folder: what an earlier process has left there is removed.
    pub fn new(options: Options) -> Arc<Self> {
        let folder = Folder::empty(options.dir.clone());
        let program = Arc::new(options.program.clone());
        let pending = Pending::new(options.marks.clone());
        Arc::new(Self { options, program, pending, folder, loaded: Mutex::default() })
    }

    /// Takes bytes to the private folder, and lets a child process open them and ask who they are: what a
    /// file does to the process that opens it, it does there. Blocks, at most for `call_wall`. `sha256` is the
    /// digest of `bytes`, which somebody trusts.
    ///
    /// # Errors
    /// Why it is no plugin of this broker.
    pub fn prepare(self: &Arc<Self>, bytes: &[u8], sha256: [u8; 32]) -> Result<Code, Rejection> {
        let max = self.options.bounds.file_size_max;
        if bytes.len() > max {
            let size = bytes.len();
            let why = format!("it has {size} bytes, more than policy.max_plugin_size ({max})");
            return Err(Rejection::new(why));
        }
        elf::check(bytes).map_err(Rejection::new)?;
        // Those that were here before this one, and are nobody's by now.
        self.folder.clear();
        let path = (self.folder.keep(bytes, &sha256))
            .map_err(|error| Rejection::new(format!("it cannot be copied to load it: {error}")))?;
        let (filled, description) = match self.describe(&path, &sha256) {
            Ok(described) => described,
            Err(rejection) => {
                drop(path);
                self.folder.clear();
                return Err(rejection);
            }
        };
        let newer = || Rejection::new("its process says that it is newer than this broker");
        let interface = Interface::of_library(filled.interface).ok_or_else(newer)?;
        let (loader, size, slots) = (self.clone(), bytes.len(), slots(filled.slots));
        Ok(Code { loader, path, sha256, size, slots, interface, description })
    }

    fn describe(&self, path: &Path, sha256: &[u8; 32]) -> Result<(Filled, Description), Rejection> {
        let deadline = Instant::now() + self.options.bounds.call_wall;
        let memory = self.options.process_memory;
        let mut process =
            Process::start(&self.program, path, memory, deadline).map_err(|gone| match gone {
                Gone::Refused(why) => Rejection::new(why),
                gone => tried("load", &gone),
            })?;
        let said = process.call(function::DESCRIBE, &[], deadline, &self.stranger(sha256));
        let said = said.map_err(|gone| tried("describe", &gone))?;
        Ok((process.filled, encoded::description(&said)?))
    }

    /// Answers one that has not said its name.
    fn stranger(&self, sha256: &[u8; 32]) -> HostSide {
        let short: String = sha256[..4].iter().map(|byte| format!("{byte:02x}")).collect();
        let voice = Arc::new(Voice::new("unknown", short));
        let runtime = self.options.runtime.clone();
        let conversation = std::cell::RefCell::new(Conversation::new(voice, None));
        Rc::new(move |function, request| {
            let answer = runtime.block_on(conversation.borrow_mut().answer(function, request));
            answer.map_err(|_| (status::UNKNOWN, "not while it describes itself".to_owned()))
        })
    }

    /// Loads a content into this process, once.
    fn load(&self, code: &Code) -> Result<Library, Rejection> {
        let there = self.loaded.lock().get(&code.sha256).map(|loaded| loaded.library);
        if let Some(library) = there {
            return Ok(library);
        }
        self.pending.mark(code.sha256).map_err(|error| {
            Rejection::new(format!("it is not loaded, for its loading mark cannot be set: {error}"))
        })?;
        let library = Library::open(&code.path).map_err(Rejection::new);
        self.pending.clear_later(code.sha256, &self.options.runtime);
        let library = library?;
        let (count, bytes) = {
            let mut loaded = self.loaded.lock();
            let (size, path) = (code.size, code.path.clone());
            loaded.insert(code.sha256, Loaded { library, size, _path: path });
            (loaded.len(), loaded.values().map(|it| it.size).sum::<usize>())
        };
        if count > LOADED_MANY {
            tracing::warn!(
                "{count} native libraries have been loaded since the start, and their {bytes} bytes stay: \
                 a restart lets go of those that are not needed"
            );
        }
        Ok(library)
    }

    /// Libraries in this process, and the bytes of their files: none is ever unloaded.
    pub fn mapped(&self) -> (usize, usize) {
        let loaded = self.loaded.lock();
        (loaded.len(), loaded.values().map(|it| it.size).sum())
    }

    /// The process ends in order: no library has ended it, and none is loaded any more.
    pub fn end(&self) {
        self.pending.clear_all();
    }
}

/// A failure of a child process that tries a library.
fn tried(call: &str, gone: &Gone) -> Rejection {
    let why = format!("`{call}` failed in a process of its own: {gone}");
    match gone {
        Gone::TooLate => Rejection::transient(why),
        _ => Rejection::new(why),
    }
}

impl Code {
    /// The slots it fills.
    pub fn slots(&self) -> &[Slot] {
        &self.slots
    }

    /// The version of the interface that it was built for.
    pub const fn interface(&self) -> Interface {
        self.interface
    }

    /// What it says of itself.
    pub const fn description(&self) -> &Description {
        &self.description
    }

    /// Makes a version with its first instance, which is initialized. Loads the library into this process
    /// if that is its place: nobody should before a version of [`Place::Process`] was well.
    ///
    /// # Errors
    /// It cannot be loaded, or `init` fails, takes too long, or says what is wrong with the settings.
    pub async fn start(
        &self,
        place: Place,
        description: &Description,
        setup: Arc<Setup>,
    ) -> Result<Version, Rejection> {
        let Options { process_memory, hanging_max, bounds, runtime, .. } = &self.loader.options;
        let body = match place {
            Place::Here => Body::Here(self.loader.load(self)?),
            Place::Process => Body::Process {
                program: self.loader.program.clone(),
                path: self.path.clone(),
                memory: *process_memory,
            },
        };
        let voice = Voice::new(&*description.name, description.version.to_string())
            .counted_by(setup.state.hits());
        let bounds = bounds.with(&setup.budget);
        let (voice, interface) = (Arc::new(voice), self.interface);
        Version::start(body, interface, voice, setup, bounds, *hanging_max, runtime.clone()).await
    }
}
