//! A folder laid out like an installation: `etc/`, `plugins/`, `data/`; and the broker that is started
//! on it. Files arrive there as an operator brings them.

use crate::process::theseus;
use crate::{Broker, Ended, Folder, Process, built_plugin, checkout};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// The folder; it goes with its owner.
#[derive(Debug)]
pub struct Site(Folder);

impl Site {
    /// An installation without plugins; what it holds is up to the test.
    #[must_use]
    pub fn new() -> Self {
        let site = Self(Folder::new());
        for folder in ["etc", "plugins"] {
            fs::create_dir(site.path(folder)).unwrap();
        }
        site
    }

    /// With the plugins `password` and `acl`, one user, and rules that allow it everything.
    #[must_use]
    pub fn guarded(user: &str, password: &str) -> Self {
        let site = Self::new();
        site.config(GUARDED);
        site.write("etc/acl.toml", ALLOW_ALL);
        site.user(user, password, &[]);
        site.drop_in("password", "password.wasm");
        site.drop_in("acl", "acl.wasm");
        site
    }

    /// What a person has after unpacking: the files of `etc/` as they are shipped, and the plugins.
    #[must_use]
    pub fn shipped() -> Self {
        let site = Self::new();
        for file in ["etc/theseus.toml", "etc/acl.toml"] {
            fs::copy(checkout().join(file), site.path(file)).unwrap();
        }
        site.drop_in("password", "password.wasm");
        site.drop_in("acl", "acl.wasm");
        site
    }

    /// The path of a file below the folder.
    #[must_use]
    pub fn path(&self, file: &str) -> PathBuf {
        self.0.path().join(file)
    }

    /// Writes `etc/theseus.toml`: these keys and tables, and where they say nothing of it a listener
    /// on 127.0.0.1:0 and a log that tells of every login.
    pub fn config(&self, toml: &str) {
        let mut text = format!("data_dir = \"data\"\n{toml}\n");
        if !toml.contains("[listeners.") {
            text += "[listeners.tcp.default]\nbind = \"127.0.0.1:0\"\n";
        }
        if !toml.contains("[log]") {
            text += "[log]\nlevel = \"debug\"\n";
        }
        self.write("etc/theseus.toml", &text);
    }

    /// Changes one place of a text file, which must be there once.
    pub fn edit(&self, file: &str, from: &str, to: &str) {
        let text = fs::read_to_string(self.path(file)).unwrap();
        assert_eq!(text.matches(from).count(), 1, "`{from}` in {file}:\n{text}");
        self.write(file, text.replace(from, to));
    }

    /// The number of the line of a file that holds `text`, which must be one.
    #[must_use]
    pub fn line_of(&self, file: &str, text: &str) -> usize {
        let all = fs::read_to_string(self.path(file)).unwrap();
        let lines: Vec<usize> =
            (1..).zip(all.lines()).filter(|(_, line)| line.contains(text)).map(|it| it.0).collect();
        assert_eq!(lines.len(), 1, "lines with `{text}` in {file}:\n{all}");
        lines[0]
    }

    /// Writes a file under another name and renames it, as editors and careful programs do.
    pub fn write(&self, file: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(file);
        let name = path.file_name().unwrap().to_str().unwrap();
        let temporary = path.with_file_name(format!(".{name}.new"));
        fs::write(&temporary, content).unwrap();
        fs::rename(&temporary, &path).unwrap();
        path
    }

    /// A built plugin as `plugins/FILE_NAME`, by rename.
    pub fn drop_in(&self, built: &str, file_name: &str) -> PathBuf {
        self.write(&format!("plugins/{file_name}"), fs::read(built_plugin(built)).unwrap())
    }

    /// Removes a file.
    pub fn remove(&self, file: &str) {
        fs::remove_file(self.path(file)).unwrap();
    }

    /// Adds a user to `etc/users`, or changes one, by `theseus passwd`.
    pub fn user(&self, name: &str, password: &str, options: &[&str]) {
        let file = self.path("etc/users");
        let mut arguments = vec!["passwd", "--file", file.to_str().unwrap()];
        arguments.extend(options);
        arguments.push(name);
        let ended = theseus_says(&arguments, &format!("{password}\n"));
        assert!(ended.status.success(), "passwd: {}{}", ended.stdout, ended.stderr);
    }

    /// Makes certificates in this folder by `theseus certs dev`: `ca.pem`, and `server` and `client` with their keys.
    pub fn certificates(&self, folder: &str) {
        let folder = self.path(folder);
        let ended = theseus_says(&["certs", "dev", "--dir", folder.to_str().unwrap()], "");
        assert!(ended.status.success(), "certs dev: {}{}", ended.stdout, ended.stderr);
    }

    /// Starts the broker and waits until it listens.
    #[must_use]
    pub fn start(&self) -> Broker {
        self.start_with(&[])
    }

    /// The same with variables of the environment.
    #[must_use]
    pub fn start_with(&self, variables: &[(&str, &str)]) -> Broker {
        let config = self.path("etc/theseus.toml");
        let mut command = theseus();
        command.arg("--config").arg(config).envs(variables.iter().copied()).stdin(Stdio::null());
        Broker::of(Process::of(command), self.path("data"))
    }

    /// The same, for one that does not get as far as listening.
    #[must_use]
    pub fn fails_to_start(&self, variables: &[(&str, &str)]) -> Ended {
        let mut command = theseus();
        command.arg("--config").arg(self.path("etc/theseus.toml"));
        command.envs(variables.iter().copied()).stdin(Stdio::null());
        Process::of(command).wait()
    }

    /// Runs `theseus ctl` or `theseus passwd` with this site's configuration.
    #[must_use]
    pub fn theseus(&self, arguments: &[&str], input: &str) -> Ended {
        let config = self.path("etc/theseus.toml");
        let (verb, rest) = arguments.split_first().unwrap();
        let named = [&[*verb, "--config", config.to_str().unwrap()], rest].concat();
        theseus_says(&named, input)
    }

    /// The folder itself.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.0.path()
    }
}

impl Default for Site {
    fn default() -> Self {
        Self::new()
    }
}

const GUARDED: &str = r#"
authentication = ["password"]
allow_anonymous = false
[authorization]
sources = ["acl"]
[plugins.password]
users_file = "etc/users"
[plugins.acl]
rules_file = "etc/acl.toml"
"#;

const ALLOW_ALL: &str = r##"
[[rules]]
permission = "allow"
action = "all"
topics = ["#"]
"##;

/// Runs `theseus` with these arguments and this standard input to its end.
#[must_use]
pub fn theseus_says(arguments: &[&str], input: &str) -> Ended {
    let mut command = theseus();
    command.args(arguments).stdin(Stdio::piped());
    let mut process = Process::of(command);
    process.write_to_stdin(input);
    process.wait()
}
