//! The words a file may use, and the nearest right one for a wrong one: also for those that other
//! brokers use for the same thing.

/// What a rule may say.
pub(crate) const KEYS: &[&str] = &[
    "permission",
    "action",
    "topics",
    "clientid",
    "username",
    "address",
    "listener",
    "attributes",
    "qos",
    "retain",
];

/// What people write who come from elsewhere.
const ELSEWHERE: &[(&str, &str)] = &[
    ("access", "permission"),
    ("effect", "permission"),
    ("actions", "action"),
    ("filter", "topics"),
    ("pattern", "topics"),
    ("topic", "topics"),
    ("client", "clientid"),
    ("client_id", "clientid"),
    ("user", "username"),
    ("user_name", "username"),
    ("ip", "address"),
    ("ip_address", "address"),
    ("ipaddr", "address"),
    ("ipaddress", "address"),
    ("peerhost", "address"),
    ("client_attrs", "attributes"),
    ("retained", "retain"),
    ("pub", "publish"),
    ("write", "publish"),
    ("sub", "subscribe"),
    ("read", "subscribe"),
    ("pubsub", "all"),
    ("readwrite", "all"),
];

/// The sentence for a word that is not one of `known`.
pub(crate) fn unknown(kind: &str, word: &str, known: &[&str]) -> String {
    let meant = ELSEWHERE.iter().find(|(other, ours)| *other == word && known.contains(ours));
    let near = || {
        let distances = known.iter().map(|known| (strsim::osa_distance(word, known), *known));
        // A third of the word wrong is no typing error any more.
        distances.min().filter(|(far, known)| far * 3 <= known.len()).map(|(_, known)| known)
    };
    match meant.map(|(_, ours)| *ours).or_else(near) {
        Some(word) => format!("unknown {kind}; did you mean `{word}`?"),
        None => format!("unknown {kind}; there are {}", known.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_and_other_brokers_words_get_ours() {
        for (word, ours) in
            [("permision", "permission"), ("topcis", "topics"), ("effect", "permission")]
        {
            let sentence = unknown("key", word, KEYS);
            assert_eq!(sentence, format!("unknown key; did you mean `{ours}`?"));
        }
        assert!(unknown("key", "frobnicate", KEYS).contains("there are permission, action"));
        assert!(unknown("key", "topic", &["rules"]).contains("there are rules"));
    }
}
