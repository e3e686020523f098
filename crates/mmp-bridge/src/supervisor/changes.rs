//! What is said, and kept, when a worker's state changes.

use std::collections::VecDeque;
use std::time::SystemTime;

use crate::core::Core;
use crate::log::Level;

/// How many changes are kept for reports.
const KEPT: usize = 50;

/// How much of a sentence is kept.
const SENTENCE: usize = 500;

/// A change of a worker's state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    /// When.
    pub(crate) at: SystemTime,
    /// Of which worker.
    pub(crate) worker: usize,
    /// From this state.
    pub(crate) previous: &'static str,
    /// To this one.
    pub(crate) state: &'static str,
    /// What was said.
    pub(crate) sentence: String,
}

/// The last changes, oldest first.
#[derive(Debug, Default)]
pub(crate) struct Changes(VecDeque<Change>);

impl Changes {
    fn push(&mut self, change: Change) {
        if self.0.len() == KEPT {
            self.0.pop_front();
        }
        self.0.push_back(change);
    }

    /// Those that are kept.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Change> {
        self.0.iter()
    }
}

impl Core {
    /// The one line for a change of a worker's state.
    pub(crate) fn log_state(&mut self, index: usize, level: Level, sentence: &str) {
        let Some(worker) = self.workers.get_mut(index) else { return };
        let state = worker.life.state().name();
        let previous = std::mem::replace(&mut worker.said, state);
        let (number, restarts) = (index.to_string(), worker.restarts.to_string());
        let fields = [("state", state), ("previous", previous), ("worker", &number), ("restarts", &restarts)];
        self.log.push(level, sentence, &fields);
        let sentence = sentence.chars().take(SENTENCE).collect();
        self.changes.push(Change { at: SystemTime::now(), worker: index, previous, state, sentence });
    }

    /// The same, if its state has changed at all.
    pub(crate) fn log_if_changed(&mut self, index: usize, level: Level, sentence: &str) {
        if self.workers.get(index).is_some_and(|worker| worker.said != worker.life.state().name()) {
            self.log_state(index, level, sentence);
        }
    }

    /// The plugin cannot be loaded.
    pub(crate) fn give_up(&mut self, sentence: &str) {
        self.workers.give_up(sentence);
        for index in 0..self.workers.len() {
            self.log_if_changed(index, Level::Debug, "the worker is given up: the plugin cannot be loaded");
        }
    }

    /// The bridge ends: nothing is started again.
    pub(crate) fn stopping(&mut self) {
        self.workers.stopping();
        for index in 0..self.workers.len() {
            self.log_if_changed(index, Level::Debug, "the plugin ends, and its worker with it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_changes_are_kept() {
        let mut changes = Changes::default();
        for worker in 0..KEPT + 3 {
            let at = SystemTime::now();
            changes.push(Change { at, worker, previous: "ready", state: "draining", sentence: String::new() });
        }
        let kept: Vec<usize> = changes.iter().map(|change| change.worker).collect();
        assert_eq!(kept, (3..KEPT + 3).collect::<Vec<_>>());
    }
}
