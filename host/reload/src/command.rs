//! What an operator has the reloading do, and its answers: a sentence each, good or bad.
//! Not how the words of it are typed, which is the host's.

use tokio::sync::oneshot;

use crate::inbox::{Errand, Waker};
use crate::reload::Reload;

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// The plugin's candidate takes the place of what runs.
    Promote(String),
    /// The version before takes the place of what runs, which is put in quarantine.
    Rollback(String),
    /// The content whose SHA-256 begins with these digits may be loaded again.
    Lift(String),
}

/// Where it is told, from any thread.
#[derive(Clone)]
pub struct Control(pub(crate) Waker);

/// What was done, or why it was not.
pub type Outcome = Result<String, String>;

impl Control {
    /// Has it done, between two looks of the reloading.
    ///
    /// # Errors
    /// A sentence: it cannot be done, or the broker is ending.
    pub async fn carry_out(&self, command: Command) -> Outcome {
        let (answer, answered) = oneshot::channel();
        let full = || "too much is asked of the reloading at once; try again".to_owned();
        self.0.send(Errand::Command(command, answer)).map_err(|()| full())?;
        answered.await.unwrap_or_else(|_| Err("the broker is ending".to_owned()))
    }
}

impl Reload {
    /// Where commands are told; they are carried out once it is [`spawn`](Self::spawn)ed.
    pub fn control(&self) -> Control {
        Control(self.waker.clone())
    }

    pub(crate) fn obey(&mut self, command: Command) -> Outcome {
        let outcome = match command {
            Command::Promote(name) => self.promote(&name),
            Command::Rollback(name) => self.roll_back(&name),
            Command::Lift(digits) => self.lift(&digits),
        };
        self.report();
        outcome
    }

    fn roll_back(&mut self, name: &str) -> Outcome {
        let Some(live) = self.running.get(name) else {
            return Err(format!("no plugin `{name}` runs"));
        };
        let title = live.built.title();
        let taken_back = self.take_back(name, "was rolled back by hand");
        taken_back.map_err(|why| format!("there is nothing to go back to: {why}"))?;
        // What the files say now is for the next step: an operator waits for no start.
        self.put_off = true;
        let now = &self.running[name].built;
        let generation = self.generation;
        Ok(format!("{title} is in quarantine, {} runs: generation {generation}", now.title()))
    }
}
