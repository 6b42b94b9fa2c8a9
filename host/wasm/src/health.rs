//! How a version is. What becomes of its calls is counted by who asks it: `theseus_policy::Tended`.

/// How a version is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Health {
    /// Instances that exist.
    pub instances: usize,
    /// Instances that wait for a call.
    pub idle: usize,
}
