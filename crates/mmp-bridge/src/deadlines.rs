//! When something is due for a hook: its deadline, or the end of its patience in the queue.

use std::collections::{BTreeSet, HashMap};
use std::time::Instant;

/// What is due when, by the ids of hooks.
#[derive(Debug, Default)]
pub(crate) struct Deadlines {
    order: BTreeSet<(Instant, u32)>,
    of: HashMap<u32, Instant>,
}

impl Deadlines {
    /// A hook has this deadline from now on, and no other.
    pub(crate) fn set(&mut self, id: u32, at: Instant) {
        if let Some(before) = self.of.insert(id, at) {
            self.order.remove(&(before, id));
        }
        self.order.insert((at, id));
    }

    /// A hook has no deadline any more.
    pub(crate) fn remove(&mut self, id: u32) {
        if let Some(at) = self.of.remove(&id) {
            self.order.remove(&(at, id));
        }
    }

    /// When the next one is due.
    pub(crate) fn next(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Takes out a hook that is due.
    pub(crate) fn take_due(&mut self, now: Instant) -> Option<u32> {
        let (at, id) = *self.order.first()?;
        if at > now {
            return None;
        }
        self.remove(id);
        Some(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn the_first_that_is_due_comes_first() {
        let now = Instant::now();
        let after = |seconds| now + Duration::from_secs(seconds);
        let mut deadlines = Deadlines::default();
        for (id, seconds) in [(1, 5), (2, 3), (3, 3), (4, 9)] {
            deadlines.set(id, after(seconds));
        }
        deadlines.set(1, after(1));
        deadlines.remove(3);
        deadlines.remove(3);
        assert_eq!(deadlines.next(), Some(after(1)));
        assert_eq!(deadlines.take_due(after(0)), None);
        assert_eq!(deadlines.take_due(after(4)), Some(1));
        assert_eq!(deadlines.take_due(after(4)), Some(2));
        assert_eq!(deadlines.take_due(after(4)), None);
        assert_eq!(deadlines.next(), Some(after(9)));
    }
}
