//! `theseus passwd`: adds, changes and removes users in a users file. The broker that watches the
//! file sees the change by itself.

use std::io::{self, BufRead as _, IsTerminal as _, Read as _, Write as _};
use std::path::Path;

use rustix::termios::{LocalModes, OptionalActions, tcgetattr, tcsetattr};
use theseus_users::{Change, Entry, generate_password, hash, remove_user, set_user};

/// What is asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Passwd {
    pub(crate) user: String,
    /// Without it, `plugins.password.users_file` of the configuration.
    pub(crate) file: Option<std::path::PathBuf>,
    pub(crate) config: Option<std::path::PathBuf>,
    pub(crate) remove: bool,
    /// Chooses a password and prints it.
    pub(crate) generate: bool,
    /// `superuser` and `NAME=VALUE`; none keeps those the user has.
    pub(crate) fields: Vec<String>,
}

/// Longest password that is read, bytes; MQTT itself takes 65535.
const PASSWORD_MAX: usize = 1024;

/// Changes `file`; returns what to say.
pub(crate) fn run(passwd: &Passwd, file: &Path) -> Result<String, String> {
    let (user, shown) = (&passwd.user, file.display());
    if passwd.remove {
        let change = remove_user(file, user).map_err(|error| error.to_string())?;
        return match change {
            Change::Absent => Err(format!("{shown}: there is no user `{user}`")),
            _ => Ok(format!(
                "{shown}: user `{user}` removed; who is connected stays so until it disconnects"
            )),
        };
    }
    let generated = passwd.generate.then(generate_password);
    let password = match &generated {
        Some(password) => password.clone(),
        None => ask_password(user)?,
    };
    let fields = (!passwd.fields.is_empty()).then(|| passwd.fields.clone());
    let entry = Entry { hash: hash(password.as_bytes()), fields };
    let change = set_user(file, user, &entry).map_err(|error| error.to_string())?;
    let what = match change {
        Change::Changed => "changed",
        _ => "added",
    };
    let told = generated.map_or_else(String::new, |password| format!("\npassword: {password}"));
    Ok(format!("{shown}: user `{user}` {what}{told}"))
}

/// Asked twice at a terminal, without showing it; read as one line from anywhere else.
fn ask_password(user: &str) -> Result<String, String> {
    let read = |prompt: String| silent_line(&prompt).map_err(|error| error.to_string());
    if !is_asked_for() {
        return checked(line().map_err(|error| error.to_string())?);
    }
    let first = checked(read(format!("password for {user}: "))?)?;
    let second = read("the same again: ".to_owned())?;
    if first == second { Ok(first) } else { Err("the two are not the same".to_owned()) }
}

/// A secret from the terminal, which does not show it, or one line from anywhere else.
pub(crate) fn secret(prompt: &str) -> Result<String, String> {
    let read = if is_asked_for() { silent_line(prompt) } else { line() };
    read.map_err(|error| error.to_string())
}

/// Whether a person is there to be asked.
pub(crate) fn is_asked_for() -> bool {
    io::stdin().is_terminal()
}

fn checked(password: String) -> Result<String, String> {
    match password.len() {
        0 => Err("an empty password lets everybody in who knows the name".to_owned()),
        1..=PASSWORD_MAX => Ok(password),
        long => Err(format!("a password of {long} bytes; at most {PASSWORD_MAX}")),
    }
}

/// One line from the terminal, which does not show it. The terminal hands over each byte, and Ctrl-C
/// as one of them: ending here by a signal would leave it without echo.
fn silent_line(prompt: &str) -> io::Result<String> {
    let terminal = io::stdin();
    eprint!("{prompt}");
    io::stderr().flush()?;
    let before = tcgetattr(&terminal)?;
    let mut silent = before.clone();
    silent.local_modes.remove(LocalModes::ECHO | LocalModes::ICANON | LocalModes::ISIG);
    tcsetattr(&terminal, OptionalActions::Flush, &silent)?;
    let line = typed_line();
    tcsetattr(&terminal, OptionalActions::Flush, &before)?;
    eprintln!();
    line
}

const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const BACKSPACE: u8 = 8;
const DELETE: u8 = 127;

fn typed_line() -> io::Result<String> {
    let mut typed = Vec::new();
    for byte in io::stdin().lock().bytes() {
        match byte? {
            CTRL_C => return Err(io::Error::new(io::ErrorKind::Interrupted, "given up")),
            b'\n' | b'\r' | CTRL_D => break,
            BACKSPACE | DELETE => erase_character(&mut typed),
            byte if typed.len() <= PASSWORD_MAX => typed.push(byte),
            _ => {}
        }
    }
    String::from_utf8(typed).map_err(|_| io::Error::other("the password must be UTF-8"))
}

/// The last character, with all its bytes.
fn erase_character(typed: &mut Vec<u8>) {
    while let Some(byte) = typed.pop() {
        // A byte that goes on from another is 10xxxxxx.
        if byte & 0xC0 != 0x80 {
            return;
        }
    }
}

fn line() -> io::Result<String> {
    let mut line = String::new();
    let mut stdin = io::stdin().lock();
    (&mut stdin).take(PASSWORD_MAX as u64 + 2).read_line(&mut line)?;
    Ok(line.trim_end_matches(['\n', '\r']).to_owned())
}
