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
    /// Plugins in the slots limit, ban and hook too, of which nothing is felt.
    pub(crate) every_slot: bool,
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
    /// The same source as a native library.
    Library,
    /// One in JavaScript, with the interpreter it brings along, that looks the password up in a file.
    JavaScript,
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

/// Limits that nobody reaches, of every kind that a message meets.
const EVERY_SLOT: &str = r#"
[plugins.rate]
for_all = [
    "a messages-in client 1000000000/1000 1000000000 pause",
    "b bytes-in listener 1000000000000/1000 1000000000000 pause",
    "c messages-out client 1000000000/1000 1000000000 pause",
]
"#;

/// What the users file is called in the broker's folder; a new one is written beside it.
pub(crate) const USERS_FILE: &str = "users";

/// What opens the door in JavaScript.
const BADGES_FILE: &str = "badges";

/// The gate as a library.
const LIBRARY: &str = "gate-even.so";

/// The folder of plugins there.
pub(crate) const PLUGINS: &str = "plugins";

impl Arrangement {
    /// Everybody may do everything.
    pub(crate) const OPEN: Self = Self::of(Door::Anonymous, Rules::None);

    /// With as many shards as the broker thinks right.
    pub(crate) const fn of(door: Door, rules: Rules) -> Self {
        Self { door, rules, every_slot: false, shards: 0 }
    }

    /// How clients log in.
    pub(crate) fn login(self) -> Option<Login> {
        match self.door {
            Door::Anonymous => None,
            Door::Gate | Door::Library | Door::JavaScript => {
                Some(Login { users: 1, password: "even" })
            }
            Door::Users(users) => Some(Login { users, password: PASSWORD }),
            Door::Argon => Some(Login { users: 1, password: PASSWORD }),
        }
    }

    fn authenticator(self) -> Option<&'static str> {
        match self.door {
            Door::Anonymous => None,
            Door::Gate | Door::Library => Some("gate"),
            Door::JavaScript => Some("door"),
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
        if self.every_slot {
            text += "limits = [\"rate\"]\nbans = [\"jail\"]\nhooks = [\"umpire\"]\n";
        }
        text += &format!("[node]\nshards = {}\n", self.shards);
        text += &format!("[listeners.tcp.default]\nbind = \"127.0.0.1:{port}\"\n");
        if matches!(self.door, Door::Users(_) | Door::Argon) {
            text += &format!("[plugins.password]\nusers_file = \"{USERS_FILE}\"\n");
        }
        if matches!(self.door, Door::JavaScript) {
            text += &format!("[plugins.door]\nbadges_file = \"{BADGES_FILE}\"\n");
        }
        if self.every_slot {
            text += EVERY_SLOT;
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
    let arrangement = contender.arrangement;
    let Arrangement { door, rules, every_slot, .. } = arrangement;
    let mut text = arrangement.config(port);
    if matches!(door, Door::Library) {
        text += &format!("[trust]\nsha256 = [\"{}\"]\n", sha256(contender, LIBRARY)?);
    }
    fs::write(config, text)?;
    fs::create_dir(dir.join(PLUGINS))?;
    let plugin = |file: &str, name: &str| {
        let (from, to) = (contender.plugins.join(file), dir.join(PLUGINS).join(name));
        let missing = |error| Fault::Usage(format!("{}: {error}", from.display()));
        fs::copy(&from, to).map(|_| ()).map_err(missing)
    };
    match door {
        Door::Anonymous => {}
        Door::Gate => plugin("gate-even.wasm", "gate.wasm")?,
        Door::Library => plugin(LIBRARY, "gate.so")?,
        Door::JavaScript => {
            fs::write(dir.join(BADGES_FILE), "even:0\n")?;
            plugin("js-door.wasm", "door.wasm")?;
        }
        Door::Users(users) => {
            write_users(&dir.join(USERS_FILE), users, 0)?;
            plugin("password.wasm", "password.wasm")?;
        }
        Door::Argon => {
            passwd(contender, &dir.join(USERS_FILE))?;
            plugin("password.wasm", "password.wasm")?;
        }
    }
    if every_slot {
        plugin("rate.wasm", "rate.wasm")?;
        plugin("jail-one.wasm", "jail.wasm")?;
        plugin("umpire.wasm", "umpire.wasm")?;
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

/// What a library is pinned by, as the broker itself says it.
fn sha256(contender: &Contender, library: &str) -> Result<String, Fault> {
    let file = contender.plugins.join(library);
    let said = Command::new(&contender.path).args(["plugin", "inspect"]).arg(&file).output()?;
    let text = String::from_utf8_lossy(&said.stdout);
    let hash = text.lines().find_map(|line| line.strip_prefix("sha256"));
    let unknown = || Fault::Usage(format!("{}: it cannot be inspected", file.display()));
    hash.map(|hash| hash.trim().to_owned()).ok_or_else(unknown)
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
        let closed = Arrangement::of(Door::Users(3), Rules::Site).config(1);
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
