//! The table against a list that is searched from end to end.

#![expect(clippy::unwrap_used, reason = "a failed step is a failed test")]

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use proptest::collection::vec;
use proptest::prelude::*;
use theseus_ban::{Author, Bounds, Refused, Table, Target};

const ENTRIES_MAX: usize = 8;

#[derive(Clone, Debug)]
enum Step {
    Add {
        target: Target,
        lasts: Option<u64>,
        author: Author,
    },
    Remove {
        target: Target,
        author: Author,
    },
    Wait(u64),
    /// Not after each step: what is over must not hit before somebody has swept it away.
    List,
    FromAddress(IpAddr),
    WithNames {
        client_id: String,
        user_name: Option<String>,
    },
}

/// A ban as the list has it: whom, until when, by whom.
type Listed = (Target, Option<u64>, Author);

/// The obvious way to do it.
#[derive(Default)]
struct Naive(Vec<Listed>);

impl Naive {
    fn add(&mut self, now: u64, target: &Target, ends: Option<u64>, author: &Author) -> bool {
        self.forget(now);
        let is_operator = *author == Author::Operator;
        if let Some(known) = self.0.iter_mut().find(|known| known.0 == *target) {
            if is_operator || known.2 != Author::Operator {
                (known.1, known.2) = (ends, author.clone());
            }
            return true;
        }
        let has_room = self.0.len() < ENTRIES_MAX;
        if has_room {
            self.0.push((target.clone(), ends, author.clone()));
        }
        has_room
    }

    fn remove(&mut self, now: u64, target: &Target, author: &Author) -> bool {
        self.forget(now);
        let before = self.0.len();
        let is_operator = *author == Author::Operator;
        self.0.retain(|ban| ban.0 != *target || (ban.2 == Author::Operator && !is_operator));
        self.0.len() < before
    }

    fn forget(&mut self, now: u64) {
        self.0.retain(|ban| ban.1.is_none_or(|ends| now < ends));
    }

    fn hits(&mut self, now: u64, is_hit: impl Fn(&Target) -> bool) -> bool {
        self.forget(now);
        self.0.iter().any(|ban| is_hit(&ban.0))
    }
}

/// By its bits, as a person would do it on paper.
fn is_in(address: IpAddr, network: &str) -> bool {
    let (first, bits) = network.split_once('/').unwrap_or((network, "all"));
    let in_bits = |address: IpAddr| match address {
        IpAddr::V4(address) => format!("4{:032b}", address.to_bits()),
        IpAddr::V6(address) => match address.to_ipv4_mapped() {
            Some(address) => format!("4{:032b}", address.to_bits()),
            None => format!("6{:0128b}", address.to_bits()),
        },
    };
    let (first, address) = (in_bits(first.parse().unwrap()), in_bits(address));
    let same = bits.parse().unwrap_or(first.len() - 1) + 1;
    first.len() == address.len() && first[..same] == address[..same]
}

fn address() -> impl Strategy<Value = IpAddr> {
    prop_oneof![
        (0..3_u32, 0..3_u32).prop_map(|(a, b)| IpAddr::V4((0x0A00_0000 | a << 8 | b).into())),
        (0..3_u32, 0..3_u32).prop_map(|(a, b)| {
            let mapped = Ipv4Addr::from(0x0A00_0000 | a << 8 | b).to_ipv6_mapped();
            IpAddr::V6(mapped)
        }),
        (0..3_u128, 0..3_u128)
            .prop_map(|(a, b)| IpAddr::V6(Ipv6Addr::from(0x2001_u128 << 112 | a << 64 | b))),
    ]
}

fn network() -> impl Strategy<Value = Target> {
    let bits = prop_oneof![Just(16_u8), Just(23), Just(24), Just(31), Just(32)];
    let wide = prop_oneof![Just(32_u8), Just(63), Just(64), Just(65), Just(127), Just(128)];
    (address(), bits, wide).prop_map(|(address, bits, wide)| {
        let text = match address.to_canonical() {
            IpAddr::V4(a) => {
                format!("{}/{bits}", Ipv4Addr::from(a.to_bits() & (u32::MAX << (32 - bits))))
            }
            IpAddr::V6(a) => {
                format!("{}/{wide}", Ipv6Addr::from(a.to_bits() & (u128::MAX << (128 - wide))))
            }
        };
        Target::prefix(&text).unwrap()
    })
}

fn target() -> impl Strategy<Value = Target> {
    prop_oneof![
        "[a-c]".prop_map(|name| Target::client_id(&name).unwrap()),
        "[a-c]".prop_map(|name| Target::user_name(&name).unwrap()),
        address().prop_map(|address| Target::address(&address.to_string()).unwrap()),
        network(),
    ]
}

fn author() -> impl Strategy<Value = Author> {
    prop_oneof![
        1 => Just(Author::Operator),
        3 => "[pq]".prop_map(|name| Author::Plugin(name.into())),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (target(), proptest::option::of(1..20_u64), author())
            .prop_map(|(target, lasts, author)| Step::Add { target, lasts, author }),
        1 => (target(), author()).prop_map(|(target, author)| Step::Remove { target, author }),
        1 => Just(Step::List),
        2 => (1..10_u64).prop_map(Step::Wait),
        3 => address().prop_map(Step::FromAddress),
        3 => ("[a-c]", proptest::option::of("[a-c]"))
            .prop_map(|(client_id, user_name)| Step::WithNames { client_id, user_name }),
    ]
}

proptest! {
    #[test]
    fn agrees_with_a_list(steps in vec(step(), 1..120)) {
        let table = Table::new(Bounds { entries_max: ENTRIES_MAX, ipv4_bits_min: 16, ipv6_bits_min: 32 });
        let mut naive = Naive::default();
        let mut now = 5;
        for step in steps {
            match step {
                Step::Add { target, lasts, author } => {
                    let ends = lasts.map(|lasts| now + lasts);
                    let lasts = lasts.map(Duration::from_millis);
                    let expected = naive.add(now, &target, ends, &author);
                    match table.add(now, target, lasts, "", author) {
                        Ok(_) => prop_assert!(expected),
                        Err(refused) => prop_assert!(!expected && refused == Refused::Full),
                    }
                }
                Step::Remove { target, author } => {
                    let expected = naive.remove(now, &target, &author);
                    prop_assert_eq!(table.remove(now, &target, &author), expected);
                }
                Step::Wait(millis) => now += millis,
                Step::List => {
                    naive.forget(now);
                    prop_assert_eq!(table.list(now).len(), naive.0.len());
                }
                Step::FromAddress(address) => {
                    let found = table.find_address(now, address).is_some();
                    let expected = naive.hits(now, |target| match target {
                        Target::Network(network) => is_in(address, &network.to_string()),
                        _ => false,
                    });
                    prop_assert_eq!(found, expected, "{}", address);
                }
                Step::WithNames { client_id, user_name } => {
                    let found = table.find_client(now, &client_id, user_name.as_deref()).is_some();
                    let expected = naive.hits(now, |target| match target {
                        Target::ClientId(id) => **id == *client_id,
                        Target::UserName(name) => user_name.as_deref() == Some(&**name),
                        Target::Network(_) => false,
                    });
                    prop_assert_eq!(found, expected);
                }
            }
        }
    }
}
