//! How a candidate does beside the live version, as it is shown.

use std::collections::BTreeMap;
use std::sync::Arc;

use theseus_policy::{Comparison, Example, Fault, Shadow};

use crate::candidate::{Candidate, Promotion, Standing};
use crate::figures::Calls;
use crate::live::Live;
use crate::status::{ComparisonStatus, ExampleStatus, ShadowStatus};

impl ShadowStatus {
    /// At the time of a look; what is counted comes with [`refresh`](Self::refresh).
    pub(crate) fn of(
        name: &str,
        candidate: &Candidate,
        live: &Live,
        promotion: &Promotion,
    ) -> Self {
        let standing = match candidate.standing(promotion) {
            Standing::Replaying => "it is asked what was decided lately".to_owned(),
            Standing::Waiting => "it waits to be promoted".to_owned(),
            Standing::Leaving => "it answers what it was asked, and goes live".to_owned(),
            Standing::Ready => "it may go live".to_owned(),
            Standing::Blocked(why) => format!("it is not promoted by itself: it {why}"),
            Standing::Refused(why) => format!("it is rejected: it {why}"),
        };
        Self {
            name: name.to_owned(),
            candidate: candidate.live.built.version(),
            live: live.built.version(),
            standing,
            sample: candidate.sample,
            replay: candidate.replayed().map(comparison_status).unwrap_or_default(),
            ..Self::default()
        }
    }

    /// Brings in what has been counted up to now.
    pub(crate) fn refresh(
        &mut self,
        shadows: &BTreeMap<String, Arc<Shadow>>,
        versions: &[Arc<Live>],
    ) {
        if let Some(shadow) = shadows.get(&self.name) {
            self.shadow = comparison_status(&shadow.comparison());
            self.left_out = shadow.left_out();
        }
        let figures = |version: &str| {
            let mut named = versions.iter().filter(|it| it.built.description.name == self.name);
            let found = named.find(|it| it.built.version() == version);
            found.map(|live| Calls::of(&live.tended).slots).unwrap_or_default()
        };
        let (live, candidate) = (figures(&self.live), figures(&self.candidate));
        (self.live_figures, self.candidate_figures) = (live, candidate);
    }
}

fn comparison_status(comparison: &Comparison) -> ComparisonStatus {
    let faults = Fault::KINDS.iter().zip(comparison.faults).filter(|(_, count)| *count > 0);
    ComparisonStatus {
        compared: comparison.compared,
        agreed: comparison.agreed,
        differences: comparison.differences.clone(),
        deny_to_allow: comparison.opened,
        decided_before: comparison.decided_before,
        left_out: comparison.left_out,
        faults: faults.map(|(kind, count)| ((*kind).to_owned(), count)).collect(),
        examples: comparison.examples.iter().map(example_status).collect(),
    }
}

fn example_status(example: &Example) -> ExampleStatus {
    ExampleStatus {
        difference: example.difference.clone(),
        call: example.call.clone(),
        client_id: example.client_id.clone(),
        username: example.user_name.clone(),
        listener: example.listener.clone(),
        topic: example.topic.clone(),
    }
}
