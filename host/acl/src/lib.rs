//! Access rules as data: parsed once, matched against topics without allocating.
//! Not where rules come from, nor what is done about a denied packet.
//! Used by the core (a login's own rules) and by the policy (rule sets of plugins).
#![forbid(unsafe_code)]
