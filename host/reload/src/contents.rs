//! The files that settings of plugins name: read, checked as far as the host can, and indexed once
//! for all instances. Not what a plugin makes of them. A file that is deleted keeps its content here.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use theseus_policy::FileContent;
use theseus_users::{Form, KeyedFile};

use crate::digest::Digest;
use crate::watch::{Content, Role, Seen, Subject};

/// One of them, as it was when it last came to rest.
pub(crate) struct SettingFile {
    pub(crate) content: Result<(FileContent, Digest), Broken>,
    /// Its place is empty; the content still counts.
    pub(crate) gone: bool,
    pub(crate) since: SystemTime,
    pub(crate) settled: Duration,
    pub(crate) read: Duration,
}

/// What is wrong with one.
#[derive(Clone, Debug)]
pub(crate) struct Broken {
    /// Sentences with file and line.
    pub(crate) lines: Vec<String>,
    /// What stands in it, if it could be read.
    pub(crate) digest: Option<Digest>,
}

/// All that have been seen.
pub(crate) type Contents = BTreeMap<Subject, SettingFile>;

/// Makes of what was seen what is remembered; `shown` is the path for a person. None: it is there as
/// it was, or gone, and what it held still counts.
pub(crate) fn take(subject: &Subject, seen: Seen, shown: &str) -> Option<SettingFile> {
    let (content, settled, read) = match seen {
        Seen::Content(content) => {
            let times = (content.settled, content.read);
            (parse(subject.role, content, shown), times.0, times.1)
        }
        Seen::Refused(why) => nothing(format!("{shown}: {why}")),
        Seen::Absent => nothing(format!("{shown}: there is no such file")),
        Seen::Gone | Seen::Back => return None,
    };
    Some(SettingFile { content, gone: false, since: SystemTime::now(), settled, read })
}

type Parsed = Result<(FileContent, Digest), Broken>;

fn nothing(why: String) -> (Parsed, Duration, Duration) {
    (Err(Broken { lines: vec![why], digest: None }), Duration::ZERO, Duration::ZERO)
}

fn parse(role: Role, content: Content, shown: &str) -> Parsed {
    let Content { bytes, digest, .. } = content;
    let broken = |lines| Broken { lines, digest: Some(digest) };
    let form = match role {
        Role::Keyed => Form::Keyed,
        Role::Users => Form::Users,
        _ => {
            let text = text(bytes, shown).map_err(broken);
            return text.map(|text| (FileContent::Text(text), digest));
        }
    };
    let indexed = KeyedFile::parse(bytes, form).map_err(|errors| {
        let lines = errors.iter().map(|(line, problem)| format!("{shown}:{line}: {problem}"));
        broken(lines.collect())
    });
    indexed.map(|file: KeyedFile| (FileContent::Keyed(Arc::new(file)), digest))
}

fn text(bytes: Vec<u8>, shown: &str) -> Result<Arc<str>, Vec<String>> {
    String::from_utf8(bytes).map(Arc::from).map_err(|error| {
        let good = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = 1 + good.filter(|byte| **byte == b'\n').count();
        vec![format!("{shown}:{line}: this is not UTF-8")]
    })
}
