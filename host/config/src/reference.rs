//! The reference of all keys as Markdown, written from the declarations.
//! Not prose: `docs/configuration.md` is this text, and a test keeps it so.
//! Used by the docs and by whoever wants to print it.

use std::fmt::Write;

use crate::config::Config;
use crate::schema::SECTIONS;
use crate::section::{Key, Section};

const INTRODUCTION: &str = "\
# Configuration

Theseus reads the file named by `--config FILE`, else `etc/theseus.toml`, else `/etc/theseus/theseus.toml`.
The format is TOML. Unknown keys are refused, and all errors of the file are reported together with line and key.

- **Precedence:** environment over file over default. Every key has a variable: `THESEUS_` and the path in upper case
  with `__` between the levels, so `mqtt.max_inflight` is `THESEUS_MQTT__MAX_INFLIGHT`. An unknown variable with that
  prefix is refused too, except `THESEUS_BIN`, `THESEUS_LOG` and `THESEUS_REQUIRE_CLIENTS`.
- **Durations** are a whole number and a unit in quotes: `\"250ms\"`, `\"15s\"`, `\"1m\"`, `\"2h\"`, `\"1d\"`.
- **Sizes** likewise: `\"512B\"`, `\"32KB\"`, `\"1MB\"`, `\"2GB\"`. 1 KB is 1024 bytes.
- **Lists** are arrays: `[\"password\", \"ldap\"]`. In a variable commas separate the entries, and an empty variable is an
  empty list.
- **Paths** that are relative start at the base folder: that of the configuration file, or its parent where that
  folder is named `etc`.
- **Changes** of the file apply to the running broker at once, or at its next start: each key says which.

This page is generated from the declarations in `host/config`; `UPDATE_EXPECT=1 cargo test -p theseus-config` renews it.
";

impl Config {
    /// All keys with what they may hold, their defaults and their meaning, as Markdown.
    pub fn reference() -> String {
        let mut page = INTRODUCTION.to_owned();
        for section in SECTIONS {
            write_section(&mut page, section);
        }
        page
    }
}

fn write_section(page: &mut String, section: &Section) {
    let path: Vec<_> =
        section.path.iter().map(|part| if *part == "*" { "NAME" } else { part }).collect();
    let title =
        if path.is_empty() { "Top level".to_owned() } else { format!("`[{}]`", path.join(".")) };
    // Writing to a String cannot fail.
    let _ = write!(page, "\n## {title}\n\n{}\n", sentence(section.doc));
    // Its keys stand there.
    if section.keys.is_empty() || section.explained_in.is_some() {
        return;
    }
    page.push_str("\n| key | allowed | default | a change applies | meaning |\n");
    page.push_str("|---|---|---|---|---|\n");
    for key in section.keys {
        write_key(page, key);
    }
}

fn write_key(page: &mut String, key: &Key) {
    let default =
        key.default.map_or_else(|| "none: must be set".to_owned(), |value| format!("`{value}`"));
    let allowed = (key.allowed)();
    let applies = if key.live { "at once" } else { "at the next start" };
    let Key { name, doc, .. } = key;
    let _ = writeln!(page, "| `{name}` | {allowed} | {default} | {applies} | {} |", sentence(doc));
}

/// Doc comments come line by line, each with the space after its slashes.
fn sentence(doc: &str) -> String {
    doc.split_whitespace().collect::<Vec<_>>().join(" ").replace('|', "\\|")
}
