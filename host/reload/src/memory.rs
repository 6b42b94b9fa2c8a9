//! The memory of all plugins together: what the instances of all that are named could take must fit, or
//! one plugin more would be the ruin of those that run. Not what they do take, which the engine counts.

use theseus_policy::Budget;

use crate::backend::Built;
use crate::paths;
use crate::plan::{Plan, Planner};

impl Planner<'_> {
    /// What the configuration lets this plugin cost.
    pub(crate) fn budget(&self, name: &str) -> Budget {
        let policy = self.loaded.config.policy_of(name);
        policy.map_or_else(Budget::default, |policy| Budget {
            instances: policy.max_instances,
            instance_memory: policy.max_instance_memory,
            login_cpu: policy.login_cpu_time,
            authorize_cpu: policy.authorize_cpu_time,
        })
    }

    /// Whether the instances of `built` fit beside those of all other named plugins, or in what numbers
    /// they do not.
    pub(crate) fn check_memory(
        &self,
        name: &str,
        built: &Built,
        plan: &Plan,
    ) -> Result<(), String> {
        let memory = built.code.memory_max(&self.budget(name));
        let running = self.running.get(name);
        let running = running.map_or(0, |it| it.built.code.memory_max(&it.inputs.budget));
        let others = self.others(name, plan);
        let sum = others.iter().fold(memory, |sum, (_, more)| sum.saturating_add(*more));
        // What runs goes on, and a version of the same size with it.
        if sum <= self.memory_max || (running > 0 && memory <= running) {
            return Ok(());
        }
        let others = others.iter().filter(|(_, more)| *more > 0);
        let others: Vec<_> =
            others.map(|(other, more)| format!("{} for `{other}`", megabytes(*more))).collect();
        let others = if others.is_empty() { "nothing else".to_owned() } else { others.join(", ") };
        let (place, keys) = self.asked_for(name, built);
        Err(format!(
            "{place}: the instances of `{name}` could take {} ({keys}), and beside {others} that is more \
             than policy.max_plugin_memory ({})",
            megabytes(memory),
            megabytes(self.memory_max)
        ))
    }

    /// Where it is said what the instances of a plugin could take, and by which keys.
    fn asked_for(&self, name: &str, built: &Built) -> (String, String) {
        let Budget { instances, instance_memory, .. } = self.budget(name);
        let own = |key: &str| format!("policy.plugins.{name}.{key}");
        let key = |is_own: bool, key: &str| if is_own { own(key) } else { format!("policy.{key}") };
        let count = key(instances.is_some(), "max_instances");
        let size = key(instance_memory.is_some(), "max_instance_memory");
        let place = match (instances, instance_memory) {
            (None, None) => self.file_of(built),
            (Some(_), _) => paths::place_of(self.loaded, &count),
            (None, Some(_)) => paths::place_of(self.loaded, &size),
        };
        (place, format!("{count} times {size}"))
    }

    /// The other named plugins that run or are about to, and what each could take under this
    /// configuration.
    fn others(&self, name: &str, plan: &Plan) -> Vec<(String, usize)> {
        let others = self.wanted.names().into_iter().filter(|other| *other != name);
        let live = |other: &str| plan.live.get(other).or_else(|| self.running.get(other)).cloned();
        let memory = |other: &str| Some(live(other)?.built.code.memory_max(&self.budget(other)));
        others.filter_map(|other| Some((other.to_owned(), memory(other)?))).collect()
    }
}

fn megabytes(bytes: usize) -> String {
    format!("{} MB", bytes.div_ceil(1 << 20))
}
