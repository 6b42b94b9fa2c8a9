//! The C ABI of a native build (`docs/native-abi.md`): the entry, the table behind it, and the way to the
//! broker. Not what the bytes say, which is `serve` for questions of the broker and `broker` for those to
//! it. Every entry catches what unwinds, so that a panic is a status and not the end of the broker.
#![expect(unsafe_code, reason = "this is the line between two programs")]

pub(crate) mod broker;
pub mod serve;
mod wire;

use std::any::Any;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicPtr, Ordering};

use theseus_abi::{ABI, Bytes, HostTable, slot, status};

pub use serve::{Served, Unserved};
pub use theseus_abi::Table;

/// The table of the broker that loaded this library; null where nobody did, as in a test.
static HOST: AtomicPtr<HostTable> = AtomicPtr::new(std::ptr::null_mut());

/// Answers one function of the plugin; `None` if it has none of this number.
pub type Serve = fn(function: u32, request: &[u8]) -> Option<Served>;

/// The native half of [`export!`](crate::export!): the one symbol of the library.
#[doc(hidden)]
#[macro_export]
macro_rules! __export_library {
    ($component:ident: $($slot:ident),+) => {
        const _: () = {
            use $crate::native;

            fn serve(function: u32, request: &[u8]) -> ::std::option::Option<native::Served> {
                native::serve::lifecycle::<$component>(function, request)
                    $(.or_else(|| native::serve::$slot::<$component>(function, request)))+
            }

            unsafe extern "C" fn call(
                function: u32,
                request: *const u8,
                size: usize,
                reply: *mut native::Reply,
            ) -> i32 {
                // SAFETY: the broker keeps to the same contract with this function.
                unsafe { native::call(serve, function, request, size, reply) }
            }

            static TABLE: native::Table =
                native::table(0 $(| native::slot_named(::std::stringify!($slot)))+, call);

            #[unsafe(no_mangle)]
            unsafe extern "C" fn theseus_plugin(host: *const native::Host) -> *const native::Table {
                // SAFETY: the broker keeps to the same contract with this function.
                unsafe { native::enter(host, &TABLE) }
            }
        };
    };
}

/// The minor version of `theseus:plugin` whose bindings are used here.
const INTERFACE: u32 = 2;

/// What a reply is written to.
pub type Reply = Bytes;
/// What the entry is given.
pub type Host = HostTable;

/// The table of a plugin that fills these slots.
#[must_use]
pub const fn table(slots: u32, call: theseus_abi::Call) -> Table {
    Table { size: size_of::<Table>() as u32, abi: ABI, slots, interface: INTERFACE, call, free }
}

/// The bit of a slot.
#[must_use]
pub const fn slot_named(name: &str) -> u32 {
    match name.as_bytes() {
        b"authn" => slot::AUTHN,
        b"authz" => slot::AUTHZ,
        b"limit" => slot::LIMIT,
        b"ban" => slot::BAN,
        b"hook" => slot::HOOK,
        _ => 0,
    }
}

/// Remembers the broker's table, if both speak the same.
///
/// # Safety
/// `host` is null, or points to a table that stays as it is until the process ends.
pub unsafe fn enter(host: *const HostTable, table: &'static Table) -> *const Table {
    // SAFETY: as the caller promises.
    let Some(known) = (unsafe { host.as_ref() }) else { return std::ptr::null() };
    if known.abi != ABI || (known.size as usize) < size_of::<HostTable>() {
        return std::ptr::null();
    }
    HOST.store(host.cast_mut(), Ordering::Release);
    table
}

/// Answers one call of the broker.
///
/// # Safety
/// `request` points to `size` bytes that nobody changes meanwhile, and `reply` to a place for a reply.
pub unsafe fn call(
    serve: Serve,
    function: u32,
    request: *const u8,
    size: usize,
    reply: *mut Bytes,
) -> i32 {
    let request = if size == 0 {
        &[]
    } else {
        // SAFETY: as the caller promises.
        unsafe { std::slice::from_raw_parts(request, size) }
    };
    let (status, bytes) = match catch_unwind(AssertUnwindSafe(|| serve(function, request))) {
        Ok(Some(Ok(bytes))) => (status::ANSWERED, bytes),
        Ok(Some(Err(Unserved(malformed)))) => {
            (status::MALFORMED, malformed.to_string().into_bytes())
        }
        Ok(None) => (status::UNKNOWN, Vec::new()),
        Err(panic) => (status::PANICKED, words_of(panic)),
    };
    // SAFETY: as the caller promises.
    unsafe { reply.write(given(bytes)) };
    status
}

/// What a panic said. Its payload is forgotten: to drop it would run code of the plugin, which may panic
/// once more, and outside of every catch.
fn words_of(panic: Box<dyn Any + Send>) -> Vec<u8> {
    let words = panic.downcast_ref::<&str>().map(|words| (*words).to_owned());
    let words = words.or_else(|| panic.downcast_ref::<String>().cloned());
    std::mem::forget(panic);
    words.unwrap_or_default().into_bytes()
}

fn given(bytes: Vec<u8>) -> Bytes {
    let bytes = Box::leak(bytes.into_boxed_slice());
    Bytes { data: bytes.as_mut_ptr(), size: bytes.len() }
}

/// Takes back what [`given`] gave.
unsafe extern "C" fn free(bytes: Bytes) {
    if bytes.size > 0 {
        let bytes = std::ptr::slice_from_raw_parts_mut(bytes.data, bytes.size);
        // SAFETY: it was made by `given`, of a box of this very size, and is given back once.
        drop(unsafe { Box::from_raw(bytes) });
    }
}

/// True if a broker has loaded this library.
pub(crate) fn is_loaded() -> bool {
    !HOST.load(Ordering::Relaxed).is_null()
}

/// Asks the broker: its reply, or the status and what it says.
pub(crate) fn ask(function: u32, request: &[u8]) -> Result<Vec<u8>, (i32, String)> {
    // SAFETY: null, or what `enter` was given: a table that stays as it is.
    let host = unsafe { HOST.load(Ordering::Acquire).as_ref() };
    let Some(host) = host else { return Err((status::NOT_NOW, "there is no broker".to_owned())) };
    let mut reply = Bytes::EMPTY;
    // SAFETY: the request is borrowed for the call, and the reply is ours.
    let status = unsafe { (host.call)(function, request.as_ptr(), request.len(), &raw mut reply) };
    let bytes = if reply.data.is_null() {
        Vec::new()
    } else {
        // SAFETY: the broker has written a reply of this size, which stays until it is given back.
        unsafe { std::slice::from_raw_parts(reply.data, reply.size) }.to_vec()
    };
    // SAFETY: the reply is given back to the table that gave it, once.
    unsafe { (host.free)(reply) };
    match status {
        status::ANSWERED => Ok(bytes),
        other => Err((other, String::from_utf8_lossy(&bytes).into_owned())),
    }
}
