//! `theseus ctl`: a running broker answers questions over a Unix socket in its `data_dir`.
//! One line goes in, one JSON document comes back, and the socket is closed. The line is the verb with
//! the words behind it, as a JSON array of texts; or plain words, where none of them holds a space.
//! `serve` is the broker's end, `ask` the end of the person at the prompt, `show` the words.

mod answer;
mod ask;
mod bans;
mod plugins;
mod revalidate;
mod serve;
mod show;
mod versions;

pub(crate) use ask::ask;
pub(crate) use serve::{Socket, Sources};

/// The socket's name in `data_dir`.
const SOCKET: &str = "theseus.sock";

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verb {
    /// How the broker is.
    Status,
    /// Every plugin file and version, and what is to become of one.
    Plugins,
    /// Who is banned.
    Bans,
    /// Bans somebody, or lets somebody in again.
    Ban,
    /// Has connected clients asked about again.
    Revalidate,
}

impl Verb {
    pub(crate) const ALL: [Self; 5] =
        [Self::Status, Self::Plugins, Self::Bans, Self::Ban, Self::Revalidate];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::Plugins => "plugins",
            Self::Bans => "bans",
            Self::Ban => "ban",
            Self::Revalidate => "revalidate",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|verb| verb.name() == name)
    }

    /// True if more words may stand behind it.
    pub(crate) const fn takes_words(self) -> bool {
        matches!(self, Self::Ban | Self::Plugins | Self::Revalidate)
    }
}

/// A verb, and the words behind it. What they may be, the broker says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Question {
    pub(crate) verb: Verb,
    pub(crate) words: Vec<String>,
}

impl Question {
    /// As one line, without its end.
    fn line(&self) -> Result<String, serde_json::Error> {
        let name = std::iter::once(self.verb.name());
        let words: Vec<&str> = name.chain(self.words.iter().map(String::as_str)).collect();
        serde_json::to_string(&words)
    }

    /// Reads such a line; nothing if it begins with no verb.
    fn read(line: &str) -> Option<Self> {
        let plain = || line.split_whitespace().map(str::to_owned).collect();
        let mut words: Vec<String> = serde_json::from_str(line).unwrap_or_else(|_| plain());
        let verb = Verb::named(words.first()?)?;
        words.remove(0);
        (words.is_empty() || verb.takes_words()).then_some(Self { verb, words })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_question_is_read_as_it_is_written() {
        let words = ["add", "client-id:a \"b\"\n", ""].map(str::to_owned).to_vec();
        let question = Question { verb: Verb::Ban, words };
        let line = question.line().unwrap();
        assert!(!line.contains('\n'), "{line}");
        assert_eq!(Question::read(&line), Some(question));
        let plain = Question { verb: Verb::Ban, words: vec!["remove".into(), "::1".into()] };
        assert_eq!(Question::read("ban remove ::1\n"), Some(plain));
        for nothing in ["", "[]", "[1]", "bann", "status now", "[\"status\", \"now\"]"] {
            assert_eq!(Question::read(nothing), None, "{nothing}");
        }
    }
}
