//! The encoding of every type of `wit/`, one macro for each interface. Each takes the module that has the
//! types of that interface, whoever generated it, and makes them [`Encode`](crate::Encode) and
//! [`Decode`](crate::Decode): fields in the order of their lines here, cases by their numbers. Neither ever
//! changes under one [`ABI`](crate::ABI).

/// A record: its fields in this order.
#[macro_export]
macro_rules! record {
    ($type:ty { $($field:ident),+ $(,)? }) => {
        impl $crate::Encode for $type {
            fn encode(&self, out: &mut ::std::vec::Vec<u8>) {
                $($crate::Encode::encode(&self.$field, out);)+
            }
        }
        impl $crate::Decode for $type {
            fn decode<S: $crate::Source>(from: &mut S) -> ::std::result::Result<Self, $crate::Malformed> {
                $(let $field = $crate::Decode::decode(from)?;)+
                ::std::result::Result::Ok(Self { $($field),+ })
            }
        }
    };
}

/// A variant or an enum: one byte for the case, then what the case holds. Cases are counted from 0.
#[macro_export]
macro_rules! variant {
    ($type:ty { $($number:literal $case:ident $(($inner:ident))?),+ $(,)? }) => {
        impl $crate::Encode for $type {
            fn encode(&self, out: &mut ::std::vec::Vec<u8>) {
                match self {
                    $(Self::$case $(($inner))? => {
                        out.push($number);
                        $($crate::Encode::encode($inner, out);)?
                    })+
                }
            }
        }
        impl $crate::Decode for $type {
            fn decode<S: $crate::Source>(from: &mut S) -> ::std::result::Result<Self, $crate::Malformed> {
                const CASES: &[u8] = &[$($number),+];
                match from.case(CASES.len() as u8)? {
                    $($number => {
                        $(let $inner = $crate::Decode::decode(from)?;)?
                        ::std::result::Result::Ok(Self::$case $(($inner))?)
                    })+
                    other => ::std::result::Result::Err($crate::Malformed::Case(other)),
                }
            }
        }
    };
}

/// Flags: one byte, the first flag is its lowest bit. No other bit may be set.
#[macro_export]
macro_rules! flags {
    ($type:ty { $($bit:literal $flag:ident),+ $(,)? }) => {
        impl $crate::Encode for $type {
            fn encode(&self, out: &mut ::std::vec::Vec<u8>) {
                let mut bits = 0;
                $(if self.contains(Self::$flag) { bits |= 1 << $bit; })+
                out.push(bits);
            }
        }
        impl $crate::Decode for $type {
            fn decode<S: $crate::Source>(from: &mut S) -> ::std::result::Result<Self, $crate::Malformed> {
                const BITS: &[u8] = &[$($bit),+];
                let bits = from.case(1 << BITS.len())?;
                let mut set = Self::empty();
                $(if bits & (1 << $bit) != 0 { set |= Self::$flag; })+
                ::std::result::Result::Ok(set)
            }
        }
    };
}

/// Interface `types`.
#[macro_export]
macro_rules! wire_types {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::variant!(wit::Protocol { 0 V31, 1 V311, 2 V5 });
            $crate::flags!(wit::QosSet { 0 AT_MOST_ONCE, 1 AT_LEAST_ONCE, 2 EXACTLY_ONCE });
            $crate::variant!(wit::Qos { 0 AtMostOnce, 1 AtLeastOnce, 2 ExactlyOnce });
            $crate::record!(wit::Client { client_id, username, address, port, listener, protocol });
            $crate::record!(wit::Attribute { name, value });
            $crate::variant!(wit::TextMatch { 0 Exactly(text), 1 Glob(glob) });
            $crate::variant!(wit::Effect { 0 Allow, 1 Deny, 2 Ask });
            $crate::flags!(wit::Actions { 0 PUBLISH, 1 SUBSCRIBE });
            $crate::variant!(wit::Retained { 0 Any, 1 Only, 2 Never });
            $crate::variant!(wit::Topics { 0 Matching(filter), 1 Exactly(text) });
            $crate::variant!(wit::Condition {
                0 ClientId(text), 1 Username(text), 2 Address(text), 3 Listener(text), 4 Attribute(pair),
            });
            $crate::record!(wit::Rule { conditions, effect, actions, qos, retained, topics });
            $crate::variant!(wit::Meter {
                0 Connects, 1 MessagesIn, 2 BytesIn, 3 MessagesOut, 4 BytesOut, 5 Subscribes,
            });
            $crate::variant!(wit::Scope {
                0 Connection, 1 Client, 2 User, 3 Address, 4 Prefix(bits), 5 Listener, 6 Node,
                7 Attribute(name), 8 TopicFilter(filter), 9 Shared(name),
            });
            $crate::variant!(wit::OverLimit { 0 Pause, 1 Drop, 2 Refuse, 3 Disconnect });
            $crate::record!(wit::Limit { name, meter, scope, amount, period_ms, burst, over });
            $crate::record!(wit::Grant {
                username, client_id, superuser, attributes, rules, limits, expires_in,
            });
            $crate::variant!(wit::RefusalReason {
                0 BadCredentials, 1 NotAuthorized, 2 BadClientId, 3 Banned, 4 BadMethod,
                5 QuotaExceeded, 6 Unavailable, 7 Busy,
            });
            $crate::record!(wit::Refusal { reason, message });
            $crate::record!(wit::UserProperty { name, value });
        };
    };
}

/// Interface `lifecycle`.
#[macro_export]
macro_rules! wire_lifecycle {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::variant!(wit::Kind {
                0 Boolean, 1 Integer, 2 Number, 3 Text, 4 Texts, 5 TextFile, 6 KeyedFile, 7 UsersFile,
            });
            $crate::record!(wit::Setting { key, kind, required, meaning });
            $crate::record!(wit::Connector { kind, name });
            $crate::record!(wit::Description {
                name, version, summary, settings, connectors, hook_filters, state_schema,
            });
        };
    };
}

/// Interface `authn`.
#[macro_export]
macro_rules! wire_authn {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::record!(wit::Credentials { password, method, data });
            $crate::record!(wit::Admission { grant, auth_data });
            $crate::record!(wit::Step { data, state });
            $crate::variant!(wit::Decision { 0 Allow(admission), 1 Deny(refusal), 2 Next, 3 Challenge(step) });
            $crate::variant!(wit::Revalidation { 0 Keep, 1 Renew(grant), 2 Deny(refusal), 3 Next });
        };
    };
}

/// Interface `authz`.
#[macro_export]
macro_rules! wire_authz {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::record!(wit::RuleSet { name, rules });
            $crate::record!(wit::Request { action, topic, qos, retain });
            $crate::variant!(wit::Verdict { 0 Allow, 1 Deny, 2 Next });
            $crate::record!(wit::Answer { verdict, cache_seconds });
        };
    };
}

/// Interface `ban`.
#[macro_export]
macro_rules! wire_ban {
    ($($module:ident)::+, exceeded: $($exceeded:ident),+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::record!(wit::Exceeded { $($exceeded),+ });
            $crate::record!(wit::Ended { reason_code, by_client, duration_ms });
            $crate::variant!(wit::Happening {
                0 ConnectSeen, 1 Connected, 2 Refused(code), 3 AuthFailed, 4 ProtocolError,
                5 LimitExceeded(exceeded), 6 Disconnected(ended),
            });
            $crate::record!(wit::Event { happening, at_ms, who, count });
        };
    };
}

/// Interface `hook`.
#[macro_export]
macro_rules! wire_hook {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::record!(wit::Message {
                topic, payload, qos, retain, payload_is_text, message_expiry, response_topic,
                correlation_data, content_type, user_properties,
            });
            $crate::variant!(wit::Verdict { 0 Keep, 1 Drop, 2 Deny, 3 Replace(message) });
        };
    };
}

/// Interface `log`.
#[macro_export]
macro_rules! wire_log {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::variant!(wit::Level { 0 Error, 1 Warn, 2 Info, 3 Debug });
        };
    };
}

/// Interface `config`.
#[macro_export]
macro_rules! wire_config {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::variant!(wit::Value {
                0 Boolean(value), 1 Integer(value), 2 Number(value), 3 Text(value), 4 Texts(values),
            });
        };
    };
}

/// Interface `passwords`.
#[macro_export]
macro_rules! wire_passwords {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::variant!(wit::Failure { 0 Busy, 1 UnknownHash });
        };
    };
}

/// Interface `kv`.
#[macro_export]
macro_rules! wire_kv {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::variant!(wit::Failure { 0 TooLarge, 1 Full });
        };
    };
}

/// Interface `bans`.
#[macro_export]
macro_rules! wire_bans {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::variant!(wit::Target { 0 ClientId(id), 1 Username(name), 2 Address(address), 3 Prefix(prefix) });
            $crate::record!(wit::Ban { target, seconds, reason });
            $crate::variant!(wit::Failure { 0 Invalid(why), 1 Full });
        };
    };
}

/// Interface `http`.
#[macro_export]
macro_rules! wire_http {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::record!(wit::Header { name, value });
            $crate::record!(wit::Request { method, path, headers, body });
            $crate::record!(wit::Response { status, headers, body });
            $crate::variant!(wit::Failure {
                0 NotGranted, 1 TimedOut, 2 Unavailable, 3 TooLarge, 4 Invalid(why),
            });
        };
    };
}

/// Interface `sql`.
#[macro_export]
macro_rules! wire_sql {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::variant!(wit::Value {
                0 Null, 1 Boolean(value), 2 Integer(value), 3 Number(value), 4 Text(value), 5 Bytes(value),
            });
            $crate::variant!(wit::Failure {
                0 NotGranted, 1 TimedOut, 2 Unavailable, 3 Refused(why), 4 TooLarge,
            });
        };
    };
}

/// Interface `redis`.
#[macro_export]
macro_rules! wire_redis {
    ($($module:ident)::+) => {
        const _: () = {
            use $($module)::+ as wit;
            $crate::variant!(wit::Reply { 0 Nil, 1 Integer(value), 2 Bytes(value), 3 Many(values) });
            $crate::variant!(wit::Failure {
                0 NotGranted, 1 TimedOut, 2 Unavailable, 3 Refused(why), 4 TooLarge,
            });
        };
    };
}
