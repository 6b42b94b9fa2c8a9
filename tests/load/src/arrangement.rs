//! How Theseus is configured for a case: who may come in, by which rules; and the files for it.
//! Not mosquitto's configuration, which is one line (`broker`).

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use crate::contender::Contender;
use crate::fault::Fault;
use crate::login::{CHEAP_HASH, Login, PASSWORD};

/// A configuration.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrangement {
    pub(crate) door: Door,
    pub(crate) rules: Rules,
    /// 0: as many as the broker thinks right.
    pub(crate) shards: usize,
}

/// How clients come in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Door {
    /// `allow_anonymous`, and nobody is asked.
    Anonymous,
    /// A component that compares the password with its own and answers at once.
    Gate,
    /// The plugin `password` with so many users of a cheap hash.
    Users(usize),
    /// The plugin `password` with one user as `theseus passwd` makes it, with argon2id.
    Argon,
}

/// Where rules come from.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Rules {
    /// No source: with `allow_anonymous` everything is allowed.
    None,
    /// The rules that the broker comes with.
    Shipped,
    /// Those of a made-up site of some fifty rules; the last ones are about our clients.
    Site,
}

const SHIPPED: &str = include_str!("../../../etc/acl.toml");
const SITE: &str = include_str!("site.toml");

/// What the users file is called in the broker's folder; a new one is written beside it.
pub(crate) const USERS_FILE: &str = "users";

/// The folder of plugins there.
pub(crate) const PLUGINS: &str = "plugins";

impl Arrangement {
    /// Everybody may do everything.
    pub(crate) const OPEN: Self = Self { door: Door::Anonymous, rules: Rules::None, shards: 0 };

    /// How clients log in.
    pub(crate) fn login(self) -> Option<Login> {
        match self.door {
            Door::Anonymous => None,
            Door::Gate => Some(Login { users: 1, password: "even" }),
            Door::Users(users) => Some(Login { users, password: PASSWORD }),
            Door::Argon => Some(Login { users: 1, password: PASSWORD }),
        }
    }

    fn authenticator(self) -> Option<&'static str> {
        match self.door {
            Door::Anonymous => None,
            Door::Gate => Some("gate"),
            Door::Users(_) | Door::Argon => Some("password"),
        }
    }

    /// The text of the configuration file.
    fn config(self, port: u16) -> String {
        let mut text = "data_dir = \"data\"\n".to_owned();
        match self.authenticator() {
            None => text += "allow_anonymous = true\n",
            Some(name) => text += &format!("authentication = [\"{name}\"]\n"),
        }
        text += &format!("[node]\nshards = {}\n", self.shards);
        text += &format!("[listeners.tcp.default]\nbind = \"127.0.0.1:{port}\"\n");
        if matches!(self.door, Door::Users(_) | Door::Argon) {
            text += &format!("[plugins.password]\nusers_file = \"{USERS_FILE}\"\n");
        }
        if !matches!(self.rules, Rules::None) {
            text +=
                "[authorization]\nsources = [\"acl\"]\n[plugins.acl]\nrules_file = \"acl.toml\"\n";
        }
        text
    }
}

/// Writes everything that `contender` reads at its start into `dir`; its configuration is `config`.
pub(crate) fn write(
    contender: &Contender,
    dir: &Path,
    config: &Path,
    port: u16,
) -> Result<(), Fault> {
    let Arrangement { door, rules, .. } = contender.arrangement;
    fs::write(config, contender.arrangement.config(port))?;
    fs::create_dir(dir.join(PLUGINS))?;
    let plugin = |file: &str, name: &str| {
        let (from, to) = (contender.plugins.join(file), dir.join(PLUGINS).join(name));
        let missing = |error| Fault::Usage(format!("{}: {error}", from.display()));
        fs::copy(&from, to).map(|_| ()).map_err(missing)
    };
    match door {
        Door::Anonymous => {}
        Door::Gate => plugin("gate-even.wasm", "gate.wasm")?,
        Door::Users(users) => {
            write_users(&dir.join(USERS_FILE), users, 0)?;
            plugin("password.wasm", "password.wasm")?;
        }
        Door::Argon => {
            passwd(contender, &dir.join(USERS_FILE))?;
            plugin("password.wasm", "password.wasm")?;
        }
    }
    let rules = match rules {
        Rules::None => return Ok(()),
        Rules::Shipped => SHIPPED,
        Rules::Site => SITE,
    };
    fs::write(dir.join("acl.toml"), rules)?;
    plugin("acl.wasm", "acl.wasm")
}

/// So many users with the cheap hash. `revision` makes files of one size differ.
pub(crate) fn write_users(path: &Path, users: usize, revision: u32) -> Result<(), Fault> {
    let mut out = BufWriter::new(File::create(path)?);
    writeln!(out, "# revision {revision:4}")?;
    for user in 0..users {
        writeln!(out, "{user}:{CHEAP_HASH}")?;
    }
    out.into_inner().map_err(|error| Fault::Io(error.into_error()))?;
    Ok(())
}

/// One user by the broker's own `passwd`, with the hash that it makes.
fn passwd(contender: &Contender, users: &Path) -> Result<(), Fault> {
    let mut child = Command::new(&contender.path)
        .args(["passwd", "--file"])
        .arg(users)
        .arg("0")
        .env_remove("THESEUS_PLUGINS")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()?;
    if let Some(mut stdin) = child.stdin.take() {
        writeln!(stdin, "{PASSWORD}")?;
    }
    match child.wait()? {
        status if status.success() => Ok(()),
        status => Err(Fault::Broker(format!("passwd ended: {status}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_open_broker_has_no_plugins_and_a_closed_one_its_files() {
        let open = Arrangement::OPEN.config(1);
        assert!(open.contains("allow_anonymous = true") && !open.contains("plugins"), "{open}");
        let closed = Arrangement { door: Door::Users(3), rules: Rules::Site, shards: 0 }.config(1);
        for part in ["[\"password\"]", "users_file = \"users\"", "sources = [\"acl\"]"] {
            assert!(closed.contains(part), "{part} in {closed}");
        }
        assert!(!closed.contains("allow_anonymous"), "{closed}");
    }

    #[test]
    fn the_site_has_about_fifty_rules_and_the_last_are_ours() {
        let rules: Vec<&str> = SITE.split("[[rules]]").skip(1).collect();
        assert!((45..=55).contains(&rules.len()), "{}", rules.len());
        let ours = |rule: &&str| rule.contains("load/");
        assert!(rules[rules.len() - 2..].iter().all(ours));
        assert!(!rules[..rules.len() - 2].iter().any(ours));
    }
}
