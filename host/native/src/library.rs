//! A library in this process: opened once, never closed, asked through its table. All that the compiler
//! cannot check about native plugins is in this file.
#![expect(unsafe_code, reason = "a library is machine code behind two tables of C functions")]

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::rc::Rc;

use theseus_abi::{ABI, Bytes, ENTRY, Entry, HostTable, Table, slot, status};
use theseus_policy::Slot;
use theseus_wasm::{Interface, shown};

/// Bytes of one reply of a plugin; what they may hold is bounded by who reads them.
pub(crate) const REPLY_MAX: usize = 64 << 20;

/// The status of a reply that was not taken, as a child process tells of it; no library is to return it.
const NOT_TAKEN: i32 = i32::MIN;

/// A loaded library. It stays loaded until the process ends: a thread of the library's own, or one that ends
/// and destroys what the library left in it, may need its code at any time.
#[derive(Clone, Copy)]
pub(crate) struct Library {
    table: &'static Table,
}

/// What the table of a library says of it, as numbers, which a child process may make up.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Filled {
    /// Bits of [`slot`].
    pub(crate) slots: u32,
    /// The minor version of the interface.
    pub(crate) interface: u32,
}

impl Filled {
    pub(crate) fn to_bytes(self) -> [u8; 8] {
        let both = u64::from(self.slots) | u64::from(self.interface) << 32;
        both.to_le_bytes()
    }

    pub(crate) fn from_bytes(bytes: [u8; 8]) -> Self {
        let both = u64::from_le_bytes(bytes);
        Self { slots: both as u32, interface: (both >> 32) as u32 }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) status: i32,
    /// What the library said of it.
    pub(crate) words: String,
}

impl Failed {
    /// As the library, or its process, says it, which may say anything at any length.
    pub(crate) fn said(status: i32, words: &[u8]) -> Self {
        Self { status, words: shown(&String::from_utf8_lossy(words)) }
    }

    /// Whatever its status was: what came with it is not known.
    fn not_taken(status: i32, size: usize) -> Self {
        let status = if status == status::ANSWERED { NOT_TAKEN } else { status };
        Self { status, words: format!("{size} bytes of reply, more than {REPLY_MAX}") }
    }
}

impl fmt::Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.status {
            status::PANICKED => "it panicked",
            status::MALFORMED => "it does not understand the request",
            status::UNKNOWN => "it has no such function",
            NOT_TAKEN => "it answered too much",
            other => return write!(f, "it returned the status {other} {}", self.words),
        };
        if self.words.is_empty() { f.write_str(what) } else { write!(f, "{what}: {}", self.words) }
    }
}

/// Answers what a library asks within a call: the reply, or a status and a sentence.
pub(crate) type HostSide = Rc<dyn Fn(u32, &[u8]) -> Result<Vec<u8>, (i32, String)>>;

thread_local! {
    /// Who answers on this thread while a library is in a call.
    static HOST_SIDE: RefCell<Option<HostSide>> = const { RefCell::new(None) };
}

static HOST: HostTable =
    HostTable { size: size_of::<HostTable>() as u32, abi: ABI, call: host_call, free: host_free };

impl Library {
    /// Opens a file, which runs code of it, and agrees on the tables. The file must be one of the private
    /// folder: its path stands for this content alone.
    ///
    /// # Errors
    /// A sentence without a full stop.
    pub(crate) fn open(path: &Path) -> Result<Self, String> {
        // SAFETY: its initializers run, and may do anything: an operator has said that this very content
        // is trusted, and a child process has survived it.
        let library = unsafe { libloading::Library::new(path) };
        let library = library.map_err(|error| cannot_be_loaded(&error))?;
        // SAFETY: the symbol is the interface's, whose type it is in every library that exports it.
        let entry = unsafe { library.get::<Entry>(ENTRY) }.map(|entry| *entry);
        // Also where it is refused: what it has started runs on.
        std::mem::forget(library);
        let entry = entry.map_err(|_| format!("it is no plugin: it does not export `{ENTRY}`"))?;
        // SAFETY: the table is static, and the library is not unloaded.
        let table = unsafe { entry(&HOST) };
        Self::agree(table)
    }

    fn agree(table: *const Table) -> Result<Self, String> {
        if table.is_null() {
            return Err(format!(
                "it does not speak the native ABI {ABI}, which this broker speaks"
            ));
        }
        // SAFETY: whatever its ABI, a table begins with its size and number, and stays where it is.
        let (size, abi) = unsafe { ((*table).size, (*table).abi) };
        if abi != ABI {
            return Err(format!("it speaks the native ABI {abi}; this broker speaks {ABI}"));
        }
        if (size as usize) < size_of::<Table>() {
            return Err(format!("its table has {size} bytes, fewer than ABI {ABI} has"));
        }
        // SAFETY: it is as large as that, and stays as it is until the process ends.
        let table = unsafe { &*table };
        if slots(table.slots).is_empty() {
            return Err("it fills no slot: none of authn, authz, limit, ban and hook".to_owned());
        }
        if Interface::of_library(table.interface).is_none() {
            let (minor, spoken) = (table.interface, Interface::ALL.map(|it| it.to_string()));
            return Err(format!(
                "it was built for theseus:plugin@0.{minor}.0; this broker speaks {}",
                spoken.join(" and ")
            ));
        }
        Ok(Self { table })
    }

    /// What its table says of it.
    pub(crate) const fn filled(self) -> Filled {
        Filled { slots: self.table.slots, interface: self.table.interface }
    }

    /// Asks one function on this thread, which is an instance. `host` answers what it asks meanwhile.
    pub(crate) fn call(
        self,
        function: u32,
        request: &[u8],
        host: &HostSide,
    ) -> Result<Vec<u8>, Failed> {
        let mut reply = Bytes::EMPTY;
        let before = HOST_SIDE.replace(Some(host.clone()));
        // SAFETY: the request is borrowed for the call, and the reply is ours to be written to.
        let status =
            unsafe { (self.table.call)(function, request.as_ptr(), request.len(), &raw mut reply) };
        HOST_SIDE.set(before);
        let taken = Self::taken(reply);
        // SAFETY: the reply is given back to the table that gave it, once.
        unsafe { (self.table.free)(reply) };
        let bytes = taken.ok_or_else(|| Failed::not_taken(status, reply.size))?;
        match status {
            status::ANSWERED => Ok(bytes),
            status => Err(Failed::said(status, &bytes)),
        }
    }

    fn taken(reply: Bytes) -> Option<Vec<u8>> {
        if reply.data.is_null() || reply.size == 0 {
            return Some(Vec::new());
        }
        if reply.size > REPLY_MAX {
            return None;
        }
        // SAFETY: the library has written a reply of this size, which stays until it is given back.
        Some(unsafe { std::slice::from_raw_parts(reply.data, reply.size) }.to_vec())
    }
}

fn cannot_be_loaded(error: &libloading::Error) -> String {
    // What the system says stands behind the error.
    let system = std::error::Error::source(error).map(ToString::to_string);
    format!("it cannot be loaded: {}", system.unwrap_or_else(|| error.to_string()))
}

/// The slots of a table's bits.
pub(crate) fn slots(bits: u32) -> Vec<Slot> {
    let all = [
        (slot::AUTHN, Slot::Authn),
        (slot::AUTHZ, Slot::Authz),
        (slot::LIMIT, Slot::Limit),
        (slot::BAN, Slot::Ban),
        (slot::HOOK, Slot::Hook),
    ];
    all.iter().filter(|(bit, _)| bits & bit != 0).map(|(_, slot)| *slot).collect()
}

/// Called by libraries. Nothing unwinds into their code.
///
/// # Safety
/// `request` points to `size` bytes, and `reply` to a place for a reply.
unsafe extern "C" fn host_call(
    function: u32,
    request: *const u8,
    size: usize,
    reply: *mut Bytes,
) -> i32 {
    let request = if size == 0 || request.is_null() {
        &[]
    } else {
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts(request, size) }
    };
    let answered = catch_unwind(AssertUnwindSafe(|| {
        let host = HOST_SIDE.with_borrow(Clone::clone);
        host.map(|host| host(function, request))
    }));
    let (status, bytes) = match answered {
        Ok(Some(Ok(bytes))) => (status::ANSWERED, bytes),
        Ok(Some(Err((status, words)))) => (status, words.into_bytes()),
        Ok(None) => (status::NOT_NOW, Vec::new()),
        Err(_) => (status::PANICKED, Vec::new()),
    };
    let bytes = Box::leak(bytes.into_boxed_slice());
    if !reply.is_null() {
        // SAFETY: as the caller promises.
        unsafe { reply.write(Bytes { data: bytes.as_mut_ptr(), size: bytes.len() }) };
    }
    status
}

/// Takes back what [`host_call`] gave.
///
/// # Safety
/// It was given by it, and is given back once.
unsafe extern "C" fn host_free(bytes: Bytes) {
    if bytes.size > 0 && !bytes.data.is_null() {
        // SAFETY: it was made of a box of this very size.
        drop(unsafe { Box::from_raw(std::ptr::slice_from_raw_parts_mut(bytes.data, bytes.size)) });
    }
}
