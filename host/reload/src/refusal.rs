//! Why the back end did not do what it was asked. Not what is said about it to a person.

/// One sentence without a full stop.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) why: String,
    /// The machine was busy: the same may work at another time.
    pub(crate) transient: bool,
}

impl Refusal {
    /// For good, as long as the content is the same.
    pub(crate) fn lasting(why: impl Into<String>) -> Self {
        Self { why: why.into(), transient: false }
    }

    /// For a person: that nothing has to be done about load is worth knowing.
    pub(crate) fn sentence(&self) -> String {
        let hint = if self.transient { "; it is tried again" } else { "" };
        format!("{}{hint}", self.why)
    }
}
