//! Whether the broker can do its work: who should be asked can be asked.

use super::Sources;

/// What is missing, a sentence each; nothing if it is ready.
pub(super) fn problems(sources: &Sources) -> Vec<String> {
    let missing = sources.policies.missing();
    let sentence = |plugin: String| format!("plugin {plugin} is named and has no healthy version");
    missing.into_iter().map(sentence).collect()
}
