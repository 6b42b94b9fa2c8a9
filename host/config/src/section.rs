//! How a section declares its keys: once, with type, default, limits and meaning, as a struct that
//! reads itself. Not the sections themselves, which have a file each, nor the lookup of a key by
//! name (`schema`). Used by every section, and as data by `schema`, `read` and `reference`.

/// One declared key.
pub(crate) struct Key {
    /// Its last part: `max_inflight`.
    pub(crate) name: &'static str,
    /// A TOML literal; none when the key must be set.
    pub(crate) default: Option<&'static str>,
    /// What it means.
    pub(crate) doc: &'static str,
    /// What it may hold, in words.
    pub(crate) allowed: fn() -> String,
    /// Whether a change applies while the broker runs; otherwise at the next start.
    pub(crate) live: bool,
}

/// Marks a key whose change applies while the broker runs.
pub(crate) const LIVE: bool = true;

/// One declared section.
pub(crate) struct Section {
    /// Its parts; `*` stands for a name the operator chooses.
    pub(crate) path: &'static [&'static str],
    /// What it is for.
    pub(crate) doc: &'static str,
    /// Its keys, in the order of the declaration.
    pub(crate) keys: &'static [Key],
    /// Whether it takes any key, because somebody else knows which there are.
    pub(crate) free_keys: bool,
    /// Another section with the same keys, which says what they mean.
    pub(crate) explained_in: Option<&'static str>,
}

/// Declares a section: `pub struct Name["path", "of", "it"] { /// Meaning. key: Type = default as
/// kind; }`, with `, LIVE` before the semicolon where a change applies while the broker runs.
///
/// The default is a TOML literal; without one the key must be set. The kind (see `kind`) reads into
/// the type. `given field: Type, "doc"` after the path adds a field that the caller of `read` gives,
/// such as the name that stands for `*`.
macro_rules! section {
    (
        $(#[doc = $doc:literal])*
        $vis:vis struct $section:ident[$($part:literal),*]
        $(given $name:ident: $given:ty, $name_doc:literal)*
        {
            $(
                $(#[doc = $key_doc:literal])*
                $key:ident: $type:ty $(= $default:tt)? as $kind:expr $(, $live:path)?;
            )*
        }
    ) => {
        $(#[doc = $doc])*
        #[derive(Clone, Debug, PartialEq)]
        $vis struct $section {
            $(
                #[doc = $name_doc]
                pub $name: $given,
            )*
            $(
                $(#[doc = $key_doc])*
                #[doc = ""]
                $(#[doc = concat!("Default: `", stringify!($default), "`.")])?
                pub $key: $type,
            )*
        }

        impl $section {
            pub(crate) const SECTION: crate::section::Section = crate::section::Section {
                path: &[$($part),*],
                doc: concat!($($doc),*),
                keys: &[$(crate::section::Key {
                    name: stringify!($key),
                    default: {
                        const DEFAULT: &[&str] = &[$(stringify!($default))?];
                        DEFAULT.first().copied()
                    },
                    doc: concat!($($key_doc),*),
                    allowed: || crate::kind::Kind::allowed(&$kind),
                    live: {
                        const LIVE_MARKS: &[bool] = &[$($live)?];
                        !LIVE_MARKS.is_empty()
                    },
                }),*],
                free_keys: false,
                explained_in: None,
            };

            /// Reads the section that stands at the dotted path `at`; none when a key of it is
            /// wrong.
            pub(crate) fn read(
                reader: &mut crate::read::Reader<'_>,
                at: &str,
                $($name: $given,)*
            ) -> Option<Self> {
                let mut keys = Self::SECTION.keys.iter();
                $(let $key = reader.key(at, keys.next()?, &$kind);)*
                Some(Self { $($name,)* $($key: $key?,)* })
            }

            /// Reads a section with the same keys at the dotted path `at`, all of which may be left
            /// out: then the value of `self` holds. None when a key of it is wrong.
            #[allow(dead_code, reason = "few sections are overridden elsewhere")]
            pub(crate) fn read_over(
                &self,
                reader: &mut crate::read::Reader<'_>,
                at: &str,
            ) -> Option<Self> {
                let mut keys = Self::SECTION.keys.iter();
                $(let $key = reader.key_over(at, keys.next()?, &$kind, &self.$key);)*
                Some(Self { $($name: self.$name.clone(),)* $($key: $key?,)* })
            }
        }
    };
}

pub(crate) use section;
