//! One instance: a thread that asks the library, or a child process that has it. A call blocks that thread
//! and no other; one that does not come back is left behind with its thread.

use std::cell::{Cell, RefCell};
use std::io;
use std::path::Path;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use theseus_abi::function::is_question;
use theseus_abi::status;
use theseus_policy::{Fault, Login, Setup};
use theseus_wasm::{Conversation, Unanswered, Voice};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::library::{Failed, HostSide, Library};
use crate::loader::Program;
use crate::process::{Gone, Process};

/// What all instances of a version are made of.
pub(crate) struct Maker {
    pub(crate) body: Body,
    pub(crate) voice: Arc<Voice>,
    pub(crate) setup: Option<Arc<Setup>>,
    pub(crate) runtime: Handle,
    /// Threads that are in a call that is overdue.
    pub(crate) hanging: Arc<AtomicUsize>,
    pub(crate) alive: Arc<AtomicUsize>,
}

/// Where the library is.
#[derive(Clone)]
pub(crate) enum Body {
    Here(Library),
    Process { program: Arc<Program>, path: Arc<Path>, memory: u64 },
}

/// One that waits for a call.
pub(crate) struct Instance {
    jobs: Sender<Job>,
    thread: Arc<Thread>,
}

/// What both sides know of the thread.
struct Thread {
    /// It asks no more: its library failed.
    over: AtomicBool,
    /// It waits for the broker, which is not the library's doing.
    waiting: AtomicBool,
    /// Microseconds that it has done so in the present call.
    waited: AtomicU64,
    written_off: AtomicBool,
    hanging: Arc<AtomicUsize>,
    alive: Arc<AtomicUsize>,
}

/// One function to be asked.
pub(crate) struct Asked {
    pub(crate) function: u32,
    pub(crate) request: Vec<u8>,
    pub(crate) who: Option<Arc<Login>>,
    pub(crate) deadline: Instant,
}

struct Job {
    asked: Asked,
    reply: oneshot::Sender<Result<Vec<u8>, Fault>>,
}

impl Maker {
    /// Starts a thread; `init` is not called.
    pub(crate) fn make(&self) -> io::Result<Instance> {
        let (jobs, orders) = channel();
        let (hanging, alive) = (self.hanging.clone(), self.alive.clone());
        alive.fetch_add(1, Ordering::Relaxed);
        let thread = Arc::new(Thread {
            hanging,
            alive,
            over: AtomicBool::default(),
            waiting: AtomicBool::default(),
            waited: AtomicU64::default(),
            written_off: AtomicBool::default(),
        });
        let (body, runtime) = (self.body.clone(), self.runtime.clone());
        let conversation = Conversation::new(self.voice.clone(), self.setup.clone());
        let known = thread.clone();
        std::thread::Builder::new().name("plugin".to_owned()).spawn(move || {
            let conversation = Rc::new(RefCell::new(conversation));
            let deadline = Rc::new(Cell::new(Instant::now()));
            let host = host_side(&conversation, runtime, &known, &deadline);
            Worker { body, process: None, conversation, host, deadline }.work(&orders, &known);
            known.end();
        })?;
        Ok(Instance { jobs, thread })
    }
}

impl Instance {
    /// True if it must not be asked again.
    pub(crate) fn is_over(&self) -> bool {
        self.thread.over.load(Ordering::Acquire)
    }

    /// Asks, and waits for as long as there is time.
    pub(crate) async fn call(&self, asked: Asked) -> Result<Vec<u8>, Fault> {
        let deadline = tokio::time::Instant::from_std(asked.deadline);
        let (reply, answer) = oneshot::channel();
        let began = Instant::now();
        self.jobs.send(Job { asked, reply }).map_err(|_| ended())?;
        match tokio::time::timeout_at(deadline, answer).await {
            // It was the process that was waited for, and it is gone.
            Ok(Ok(Err(Fault::WallTime))) => Err(self.thread.overdue(began.elapsed())),
            Ok(Ok(result)) => result,
            Ok(Err(_)) => Err(ended()),
            Err(_) => {
                self.thread.over.store(true, Ordering::Release);
                let fault = self.thread.overdue(began.elapsed());
                // Else its library has it back soon, and it is written off then.
                if !self.thread.waiting.load(Ordering::Acquire) {
                    self.thread.write_off();
                }
                Err(fault)
            }
        }
    }
}

fn ended() -> Fault {
    Fault::Trap("its thread has ended".to_owned())
}

impl Thread {
    /// Whose fault it is that a call has taken so long: not the library's if it waits for the broker, or has
    /// done so most of the time.
    fn overdue(&self, took: Duration) -> Fault {
        let waited = Duration::from_micros(self.waited.load(Ordering::Acquire));
        let waits = self.waiting.load(Ordering::Acquire) || waited * 2 >= took;
        if waits { Fault::Waited } else { Fault::WallTime }
    }

    fn write_off(&self) {
        if !self.written_off.swap(true, Ordering::Relaxed) {
            self.hanging.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Also of one that came back at last.
    fn end(&self) {
        self.alive.fetch_sub(1, Ordering::Relaxed);
        if self.written_off.load(Ordering::Relaxed) {
            self.hanging.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// How much longer than the call a wait for the broker may last: who waits for the call looks first.
const GRACE: Duration = Duration::from_millis(50);

/// What the broker answers the library within a call. The thread is none of the runtime's, so it may wait,
/// but not for longer than somebody waits for it.
fn host_side(
    conversation: &Rc<RefCell<Conversation>>,
    runtime: Handle,
    thread: &Arc<Thread>,
    deadline: &Rc<Cell<Instant>>,
) -> HostSide {
    let (conversation, thread, deadline) = (conversation.clone(), thread.clone(), deadline.clone());
    Rc::new(move |function, request| {
        let mut conversation = conversation.borrow_mut();
        let end = tokio::time::Instant::from_std(deadline.get() + GRACE);
        let since = Instant::now();
        thread.waiting.store(true, Ordering::Release);
        let answer = runtime.block_on(async {
            tokio::time::timeout_at(end, conversation.answer(function, request)).await
        });
        let waited = u64::try_from(since.elapsed().as_micros()).unwrap_or(u64::MAX);
        thread.waited.fetch_add(waited, Ordering::AcqRel);
        thread.waiting.store(false, Ordering::Release);
        let Ok(answer) = answer else {
            thread.write_off();
            return Err((status::NOT_NOW, "the time of the call is over".to_owned()));
        };
        answer.map_err(|unanswered| match unanswered {
            Unanswered::Unknown => (status::UNKNOWN, "this broker does not offer it".to_owned()),
            Unanswered::Malformed(why) => (status::MALFORMED, why.to_string()),
        })
    })
}

/// What the thread has.
struct Worker {
    body: Body,
    process: Option<Process>,
    conversation: Rc<RefCell<Conversation>>,
    host: HostSide,
    /// Of the call under way.
    deadline: Rc<Cell<Instant>>,
}

impl Worker {
    /// Until nobody asks any more, or the instance must not be asked again.
    fn work(mut self, orders: &Receiver<Job>, thread: &Thread) {
        while let Ok(Job { asked, reply }) = orders.recv() {
            self.conversation.borrow_mut().begin(asked.who.clone(), is_question(asked.function));
            self.deadline.set(asked.deadline);
            thread.waited.store(0, Ordering::Release);
            let result = self.ask(&asked);
            let is_over = result.is_err();
            // Whoever waited for it may have said so already.
            thread.over.fetch_or(is_over, Ordering::AcqRel);
            let busy = self.conversation.borrow_mut().end();
            let _ = reply.send(if busy { Err(Fault::Busy) } else { result });
            if is_over {
                return;
            }
        }
    }

    fn ask(&mut self, asked: &Asked) -> Result<Vec<u8>, Fault> {
        let Asked { function, request, deadline, .. } = asked;
        match &self.body {
            Body::Here(library) => {
                library.call(*function, request, &self.host).map_err(|failed| fault_of(&failed))
            }
            Body::Process { program, path, memory } => {
                let process = match &mut self.process {
                    Some(process) => process,
                    none => none.insert(
                        Process::start(program, path, *memory, *deadline).map_err(|gone| {
                            // It has answered the child process that tried it: the system is to blame.
                            match gone {
                                Gone::Refused(why) => Fault::NotReady(why),
                                gone => fault_of_process(gone),
                            }
                        })?,
                    ),
                };
                process.call(*function, request, *deadline, &self.host).map_err(fault_of_process)
            }
        }
    }
}

fn fault_of(failed: &Failed) -> Fault {
    match failed.status {
        status::PANICKED => Fault::Trap(failed.to_string()),
        _ => Fault::Invalid(failed.to_string()),
    }
}

fn fault_of_process(gone: Gone) -> Fault {
    match gone {
        Gone::TooLate => Fault::WallTime,
        Gone::Failed(failed) => fault_of(&failed),
        Gone::Refused(why) | Gone::Ended(why) => Fault::Trap(why),
    }
}
