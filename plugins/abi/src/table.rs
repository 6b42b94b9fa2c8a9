//! The tables that both sides hand each other, as C sees them. Both only ever grow at their end: who
//! reads a field looks at `size` first.

/// Bytes that belong to whoever made them; given back by the `free` of the same table.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct Bytes {
    /// May be null where `size` is 0.
    pub data: *mut u8,
    /// How many.
    pub size: usize,
}

impl Bytes {
    /// None.
    pub const EMPTY: Self = Self { data: std::ptr::null_mut(), size: 0 };
}

/// Carries out one function (see [`function`](crate::function)): `request` is read and not kept, `reply` is written with
/// what `free` takes back. Returns a [`status`].
pub type Call =
    unsafe extern "C" fn(function: u32, request: *const u8, size: usize, reply: *mut Bytes) -> i32;

/// Takes back what `call` has put into `reply`.
pub type Free = unsafe extern "C" fn(bytes: Bytes);

/// What a library gives the broker: it stands there unchanged for as long as the library is loaded.
#[repr(C)]
#[derive(Debug)]
pub struct Table {
    /// Bytes of this table, as the library knows it.
    pub size: u32,
    /// The [`ABI`](crate::ABI) that it speaks.
    pub abi: u32,
    /// The slots that it fills: bits of [`slot`].
    pub slots: u32,
    /// The minor version of `theseus:plugin` that it was built for; 0 stands for 0.1.0 too, where
    /// this field was reserved.
    pub interface: u32,
    /// Asks the plugin.
    pub call: Call,
    /// Gives back a reply.
    pub free: Free,
}

/// What the broker gives a library at its entry: it stands there unchanged until the process ends.
#[repr(C)]
#[derive(Debug)]
pub struct HostTable {
    /// Bytes of this table, as the broker knows it.
    pub size: u32,
    /// The [`ABI`](crate::ABI) that it speaks.
    pub abi: u32,
    /// Asks the broker. Only from within a call, on the thread of that call.
    pub call: Call,
    /// Gives back a reply.
    pub free: Free,
}

/// The exported function: null if the library cannot speak with this broker.
pub type Entry = unsafe extern "C" fn(host: *const HostTable) -> *const Table;

/// What `call` returns. With any other than [`ANSWERED`](status::ANSWERED) the reply is a sentence in
/// UTF-8, or nothing.
pub mod status {
    /// The reply is the function's result.
    pub const ANSWERED: i32 = 0;
    /// The code of the plugin panicked; its instance must not be asked again.
    pub const PANICKED: i32 = 1;
    /// The request is not what the function takes.
    pub const MALFORMED: i32 = 2;
    /// There is no such function.
    pub const UNKNOWN: i32 = 3;
    /// The broker was asked outside of a call, or gave up the call meanwhile.
    pub const NOT_NOW: i32 = 4;
}

/// Bits of [`Table::slots`].
pub mod slot {
    /// Who may come in.
    pub const AUTHN: u32 = 1;
    /// Who may publish and subscribe to what.
    pub const AUTHZ: u32 = 2;
    /// How much clients may do.
    pub const LIMIT: u32 = 4;
    /// Who is shut out for a while.
    pub const BAN: u32 = 8;
    /// Messages of declared filters.
    pub const HOOK: u32 = 16;
}
