//! Authentication again by AUTH: everything goes on with the old grant until the answer, and with the
//! new one from then on; an exchange that takes too long ends its connection.

use theseus_mqtt::ReasonCode;

use super::model::Oracle;

/// What may be denied by a grant: all topics and filters that begin so.
pub(crate) const DENIED: &str = "alpha/";

/// What the core is told about a client.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Answer {
    Admitted {
        denies: bool,
        /// How long the grant holds; for ever without.
        seconds: Option<u64>,
    },
    Challenged,
    /// With what its DISCONNECT says.
    Refused(ReasonCode),
}

/// An exchange that is under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Exchange {
    /// Somebody is asked, and not the client.
    pub(crate) asked: bool,
    /// When it must be over, milliseconds.
    pub(crate) ends: u64,
}

impl Oracle {
    /// The server has read an AUTH that may come now.
    pub(crate) fn authenticate(&mut self, socket: usize) {
        let ends = self.now + u64::from(self.rules.exchange_max) * 1000;
        let Some(link) = self.sockets.get_mut(&socket) else { return };
        let exchange = link.exchange.get_or_insert(Exchange { asked: false, ends });
        assert!(!exchange.asked, "clients wait for the answer");
        exchange.asked = true;
    }

    /// The core is given the answer to a question about the client of this socket.
    pub(crate) fn answer(&mut self, socket: usize, answer: Answer) {
        let Some(link) = self.sockets.get_mut(&socket).filter(|link| link.open) else { return };
        let Some(exchange) = link.exchange.as_mut().filter(|exchange| exchange.asked) else {
            return;
        };
        match answer {
            Answer::Challenged => {
                exchange.asked = false;
                link.auths.push_back(ReasonCode::ContinueAuthentication);
                self.seen.note("a client was challenged");
            }
            Answer::Admitted { denies, seconds } => {
                link.exchange = None;
                link.grant_ends = seconds.map(|seconds| self.now + seconds * 1000);
                link.auths.push_back(ReasonCode::Success);
                let client = link.client;
                self.grant(client, denies);
            }
            Answer::Refused(reason) => self.end(socket, reason),
        }
    }

    /// Ends the connections whose exchange, or whose grant, has had its time by now.
    pub(crate) fn end_overdue(&mut self) {
        let is_over = |at: Option<u64>| at.is_some_and(|at| at <= self.now);
        let (mut exchanges, mut grants) = (Vec::new(), Vec::new());
        for (socket, link) in self.sockets.iter().filter(|(_, link)| link.open) {
            if is_over(link.grant_ends) {
                grants.push(*socket);
            } else if is_over(link.exchange.map(|exchange| exchange.ends)) {
                exchanges.push(*socket);
            }
        }
        self.seen.add("an exchange took too long", exchanges.len() as u64);
        self.seen.add("a grant was over", grants.len() as u64);
        let all = exchanges.into_iter().chain(grants);
        all.for_each(|socket| self.end(socket, ReasonCode::NotAuthorized));
    }

    /// A client has heard an AUTH.
    pub(crate) fn heard_auth(&mut self, socket: usize, reason: ReasonCode) {
        let link = self.sockets.get_mut(&socket).expect("it is connected");
        assert_eq!(link.auths.pop_front(), Some(reason), "AUTH on socket {socket}");
    }

    /// Subscriptions that the new grant denies are taken back.
    fn grant(&mut self, client: usize, denies: bool) {
        let Some(session) = self.sessions.get_mut(&client) else { return };
        session.denies = denies;
        self.seen.note_if(denies, "a grant was narrowed");
        if denies {
            session.subscriptions.retain(|filter, _| !filter.starts_with(DENIED));
            session.wanted.retain(|wanted| !wanted.filter.starts_with(DENIED));
        }
    }
}
