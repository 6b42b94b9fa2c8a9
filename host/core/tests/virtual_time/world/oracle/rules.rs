//! What clients are told and held to in one run.

/// See the module.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    /// Of 3.x clients that ask for a persistent session, seconds.
    pub(crate) session_expiry_v3: u32,
    /// No v5 session is kept longer than that, seconds.
    pub(crate) session_expiry_max: Option<u32>,
    /// Seconds, whatever a v5 client says.
    pub(crate) keep_alive_imposed: Option<u16>,
    /// Seconds; a shorter one is lengthened to this.
    pub(crate) keep_alive_min: u16,
    /// Unacknowledged messages from one client.
    pub(crate) receive_maximum: u16,
    /// How long authentication by AUTH may take, seconds.
    pub(crate) exchange_max: u32,
    /// Topic aliases of one client.
    pub(crate) alias_max: u16,
}

impl Rules {
    /// A v5 client's Session Expiry Interval, within the bound; `u32::MAX` is never.
    pub(crate) fn session_expiry(&self, wanted: u32) -> u32 {
        wanted.min(self.session_expiry_max.unwrap_or(u32::MAX))
    }

    /// A client's keep-alive, seconds; 0 is none.
    pub(crate) fn keep_alive(&self, wanted: u16, v5: bool) -> u16 {
        let lengthened = if wanted == 0 { 0 } else { wanted.max(self.keep_alive_min) };
        self.keep_alive_imposed.filter(|_| v5).unwrap_or(lengthened)
    }
}
