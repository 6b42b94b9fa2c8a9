//! The child process: it has the library, answers the broker with it, and hands the library's own questions
//! back. It reads and writes nothing but the socket that is its standard input.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::rc::Rc;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Resource, Rlimit, Signal, getpid, kill_process, setrlimit};
use theseus_abi::status;

use crate::frame::{BYTES_MAX, Frame, Kind};
use crate::library::{Failed, HostSide, Library};

/// The word of the command line that has the broker's program be such a child, before a file and a number
/// of bytes. Nobody but the broker says it.
pub const WORD: &str = "plugin-child";

/// The number of the first message where there is no library to ask.
pub(crate) const REFUSED: u32 = u32::MAX;

/// Opens the library at `path` and serves it until the broker hangs up. It may take `memory` bytes beyond
/// what the process has at the start.
///
/// # Errors
/// The broker is gone, or is none.
pub fn serve(path: &Path, memory: u64) -> io::Result<()> {
    let socket = UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?);
    die_with(socket.try_clone()?)?;
    limit(memory)?;
    let socket = Rc::new(RefCell::new(socket));
    match Library::open(path) {
        Ok(library) => {
            let filled = library.filled().to_bytes();
            Frame::write(&mut *socket.borrow_mut(), Kind::Answer, 0, &filled)?;
            answer_all(library, &socket)
        }
        Err(why) => Frame::write(&mut *socket.borrow_mut(), Kind::Answer, REFUSED, why.as_bytes()),
    }
}

fn answer_all(library: Library, socket: &Rc<RefCell<UnixStream>>) -> io::Result<()> {
    let asking = socket.clone();
    let host: HostSide = Rc::new(move |function, request| {
        ask_host(&mut asking.borrow_mut(), function, request)
            .unwrap_or_else(|error| Err((status::NOT_NOW, error.to_string())))
    });
    loop {
        let frame = Frame::read(&mut *socket.borrow_mut(), BYTES_MAX)?;
        let answer = library.call(frame.number, &frame.bytes, &host);
        let (status, bytes) = match answer {
            Ok(bytes) => (status::ANSWERED, bytes),
            Err(Failed { status, words }) => (status, words.into_bytes()),
        };
        let mut socket = socket.borrow_mut();
        Frame::write(&mut *socket, Kind::Answer, status.cast_unsigned(), &bytes)?;
    }
}

type Answered = Result<Vec<u8>, (i32, String)>;

fn ask_host(socket: &mut UnixStream, function: u32, request: &[u8]) -> io::Result<Answered> {
    Frame::write(socket, Kind::AskHost, function, request)?;
    let Frame { number, bytes, .. } = Frame::read(socket, BYTES_MAX)?;
    Ok(match number.cast_signed() {
        status::ANSWERED => Ok(bytes),
        status => Err((status, String::from_utf8_lossy(&bytes).into_owned())),
    })
}

/// No memory without end, and no image of it on the disk: it has what clients sent.
fn limit(memory: u64) -> io::Result<()> {
    let there = std::fs::read_to_string("/proc/self/statm")?;
    let pages = there.split(' ').next().and_then(|pages| pages.parse::<u64>().ok());
    let there = pages.unwrap_or(0).saturating_mul(rustix::param::page_size() as u64);
    let bound = |bytes: u64| Rlimit { current: Some(bytes), maximum: Some(bytes) };
    setrlimit(Resource::As, bound(there.saturating_add(memory)))?;
    Ok(setrlimit(Resource::Core, bound(0))?)
}

/// Ends this process when the broker ends, or has enough of it, whatever the library is doing.
fn die_with(socket: UnixStream) -> io::Result<()> {
    std::thread::Builder::new().name("hang-up".to_owned()).stack_size(64 << 10).spawn(
        move || {
            while !is_hung_up(socket.as_fd()) {}
            // Not in order: the library's own code for the end may hang.
            let _ = kill_process(getpid(), Signal::KILL);
        },
    )?;
    Ok(())
}

/// Waits for it.
fn is_hung_up(socket: BorrowedFd<'_>) -> bool {
    let mut polled = [PollFd::from_borrowed_fd(socket, PollFlags::empty())];
    let ready = poll(&mut polled, None);
    ready.is_err_and(|error| error != rustix::io::Errno::INTR)
        || polled.iter().any(|it| it.revents().intersects(PollFlags::HUP | PollFlags::ERR))
}
