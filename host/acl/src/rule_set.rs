//! Rules with a name, and an index so that 100,000 rules for one user each cost a look-up.
//!
//! The index only leaves out what cannot match; what it finds is judged in order and whole. Made
//! once per version of a plugin, then read by every shard.

use std::collections::HashMap;
use std::ops::Range;

use crate::{Effect, Request, Rule, Subject};

/// A named list of rules, of which the first that matches decides.
#[derive(Clone, Debug)]
pub struct RuleSet {
    name: Box<str>,
    rules: Box<[Rule]>,
    /// Positions of rules for one client id.
    by_client_id: Index,
    /// Positions of rules for one user name, but not for one client id.
    by_user_name: Index,
    /// Positions of all others.
    general: Box<[u32]>,
}

impl RuleSet {
    /// Takes rules in their order. Rules behind the first 2³² are never looked at; an authz plugin
    /// may give 100,000.
    #[must_use]
    pub fn new(name: &str, rules: Vec<Rule>) -> Self {
        let (mut client_ids, mut user_names) = (Listed::new(), Listed::new());
        let mut general = Vec::new();
        for (rule, position) in rules.iter().zip(0..) {
            match (rule.client_id(), rule.user_name()) {
                (Some(client_id), _) => client_ids.entry(client_id).or_default().push(position),
                (None, Some(name)) => user_names.entry(name).or_default().push(position),
                (None, None) => general.push(position),
            }
        }
        let (by_client_id, by_user_name) = (Index::of(client_ids), Index::of(user_names));
        let rules = rules.into();
        Self { name: name.into(), by_client_id, by_user_name, general: general.into(), rules }
    }

    /// Its name, for operators.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How many rules it has.
    #[must_use]
    pub fn len(&self) -> usize {
        self.rules.len()
    }

    /// Whether it has no rule.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.rules.is_empty()
    }

    /// The first rule that matches: its effect and its position.
    #[must_use]
    pub fn judge(&self, who: &Subject<'_>, request: &Request<'_>) -> Option<(Effect, usize)> {
        self.judge_from(0, who, request)
    }

    /// The same among the rules from this position on: how to go on behind an ask rule whose
    /// plugin answered `next`.
    #[must_use]
    pub fn judge_from(
        &self,
        start: usize,
        who: &Subject<'_>,
        request: &Request<'_>,
    ) -> Option<(Effect, usize)> {
        let target = request.target();
        let mut candidates = self.candidates(start, who);
        candidates.find_map(|at| Some((self.rules[at].judge(who, request, &target)?, at)))
    }

    /// The positions of rules that may match a client, ascending.
    fn candidates(&self, start: usize, who: &Subject<'_>) -> impl Iterator<Item = usize> {
        let of_user = who.user_name.map_or(&[][..], |name| self.by_user_name.positions(name));
        let lists = [self.by_client_id.positions(who.client_id), of_user, &self.general];
        let behind = |list: &[u32]| list.partition_point(|&position| (position as usize) < start);
        let mut lists = lists.map(|list| &list[behind(list)..]);
        std::iter::from_fn(move || {
            let next =
                lists.iter_mut().filter(|list| !list.is_empty()).min_by_key(|list| list[0])?;
            let (position, rest) = next.split_first()?;
            *next = rest;
            Some(*position as usize)
        })
    }
}

/// Positions under each key, while an index is built.
type Listed<'a> = HashMap<&'a str, Vec<u32>>;

/// Positions under each key, in one piece of memory. The hash is seeded per process: clients choose
/// their client ids.
#[derive(Clone, Debug, Default)]
struct Index {
    ranges: HashMap<Box<str>, Range<u32>>,
    positions: Box<[u32]>,
}

impl Index {
    fn of(listed: Listed<'_>) -> Self {
        let mut positions = Vec::new();
        let mut ranges = HashMap::with_capacity(listed.len());
        for (key, of_key) in listed {
            let begin = positions.len() as u32;
            positions.extend(of_key);
            ranges.insert(key.into(), begin..positions.len() as u32);
        }
        Self { ranges, positions: positions.into() }
    }

    fn positions(&self, key: &str) -> &[u32] {
        let range = self.ranges.get(key);
        range.map_or(&[], |range| &self.positions[range.start as usize..range.end as usize])
    }
}
