//! The verb `plugins`: every version and file, and what an operator may do with them.

use theseus_reload::{Command, StatusView};

use super::Sources;
use super::answer::{Answer, Done, Libraries, Plugins};

/// What may stand behind `plugins`.
const USAGE: &str = "nothing behind it, promote NAME, rollback NAME, shadow NAME, quarantine, or quarantine lift HASH";

/// The answer to `plugins` with these words behind it.
pub(super) async fn answer(sources: &Sources, words: &[String]) -> Answer {
    let files = &sources.files;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let command = match *words {
        [] => return Answer::Plugins(all(sources)),
        ["quarantine"] => return Answer::Quarantine(files.status().quarantine.clone()),
        ["shadow", name] => return shadow(files, name),
        ["promote", name] => Command::Promote(name.to_owned()),
        ["rollback", name] => Command::Rollback(name.to_owned()),
        ["quarantine", "lift", digits] => Command::Lift(digits.to_owned()),
        _ => return Answer::Wrong(format!("plugins needs {USAGE}")),
    };
    match sources.control.carry_out(command).await {
        Ok(done) => Answer::Done(Done { done }),
        Err(why) => Answer::Wrong(why),
    }
}

fn all(sources: &Sources) -> Plugins {
    let (count, bytes) = sources.loader.mapped();
    Plugins { status: sources.files.status(), libraries: Libraries { count, bytes } }
}

fn shadow(files: &StatusView, name: &str) -> Answer {
    let status = files.status();
    match status.shadows.iter().find(|shadow| shadow.name == name) {
        Some(shadow) => Answer::Shadow(Box::new(shadow.clone())),
        None => Answer::Wrong(format!("`{name}` has no version in shadow")),
    }
}
