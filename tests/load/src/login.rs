//! Who the generator's clients log in as, and the hash of their password for a users file.
//! Not the file (`arrangement` writes it).

/// How clients log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Login {
    /// So many users there are; their names are their numbers.
    pub(crate) users: usize,
    /// The same for all.
    pub(crate) password: &'static str,
}

impl Login {
    /// The name of the user of number `nth`, from the beginning again where there are fewer.
    pub(crate) fn user(self, nth: usize) -> String {
        (nth % self.users.max(1)).to_string()
    }
}

/// The password of every user of a users file.
pub(crate) const PASSWORD: &str = "ahoy";

/// Its hash in mosquitto's form: SHA-512 with a salt, once. It costs a microsecond, so that what is
/// left of a CONNECT's cost is the broker's own.
pub(crate) const CHEAP_HASH: &str = "$6$dGhlc2V1cw==$\
    iLVu+1Ghm5qwBVtDGTWzSMbyLkU2BOVcsYJkWif2SEd9m4mpegZNSeOpx+O71YqJ5qOgS+Fe0hymL6N9ymQEeQ==";
