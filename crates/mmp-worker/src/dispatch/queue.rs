//! Hooks that wait for a connection, in the order of their arrival.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::Instant;

use super::Need;
use crate::messages::Mode;

/// A hook that waits for a connection: its frame is complete.
#[derive(Debug)]
pub struct Queued {
    /// The hook's id.
    pub id: u32,
    /// What it asks of a connection.
    pub need: Need,
    /// The frame.
    pub frame: Vec<u8>,
    /// Since when it waits.
    pub since: Instant,
    /// What it must not overtake, if anything: hooks of one lane run one after the other.
    pub lane: Option<Lane>,
}

/// Hooks that must run one after the other, in the order in which they came: a hash of what they have in common.
pub type Lane = u64;

/// The hooks of one class that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    hooks: VecDeque<Queued>,
    /// The lanes of which a hook runs or is among `hooks`, and the hooks behind it.
    lanes: HashMap<Lane, VecDeque<Queued>>,
    /// How many wait in the lanes.
    behind: usize,
    /// The bytes of all that wait.
    bytes: usize,
}

impl Queue {
    pub(super) fn push(&mut self, hook: Queued) {
        self.bytes += hook.frame.len();
        match hook.lane.map(|lane| self.lanes.entry(lane)) {
            Some(Entry::Occupied(mut behind)) => {
                behind.get_mut().push_back(hook);
                self.behind += 1;
            }
            Some(Entry::Vacant(lane)) => {
                lane.insert(VecDeque::new());
                self.hooks.push_back(hook);
            }
            None => self.hooks.push_back(hook),
        }
    }

    /// Whether a hook of this lane has to wait for another one.
    pub(super) fn is_lane_busy(&self, lane: Option<Lane>) -> bool {
        lane.is_some_and(|lane| self.lanes.contains_key(&lane))
    }

    /// A hook of a lane runs without having been queued.
    pub(super) fn occupy(&mut self, lane: Option<Lane>) {
        if let Some(lane) = lane {
            self.lanes.entry(lane).or_default();
        }
    }

    /// A hook of a lane is over: the next one may run.
    pub(super) fn release(&mut self, lane: Option<Lane>) {
        let Some(lane) = lane else { return };
        match self.lanes.get_mut(&lane).and_then(VecDeque::pop_front) {
            Some(next) => {
                self.behind -= 1;
                self.hooks.push_back(next);
            }
            None => {
                self.lanes.remove(&lane);
            }
        }
    }

    pub(super) fn len(&self) -> usize {
        self.hooks.len() + self.behind
    }

    pub(super) fn is_full(&self, hooks: usize, bytes: usize) -> bool {
        self.len() >= hooks || self.bytes >= bytes
    }

    /// Since when the first one waits.
    pub(super) fn since(&self) -> Option<Instant> {
        self.hooks.front().map(|hook| hook.since)
    }

    /// How many wait for a connection of this mode.
    pub(super) fn count(&self, mode: Mode) -> usize {
        self.hooks.iter().filter(|hook| hook.need.mode == mode).count()
    }

    /// The first that waits for a connection of this mode.
    pub(super) fn first(&self, mode: Mode) -> Option<(usize, Instant)> {
        let at = self.hooks.iter().position(|hook| hook.need.mode == mode)?;
        self.hooks.get(at).map(|hook| (at, hook.since))
    }

    pub(super) fn remove(&mut self, at: usize) -> Option<Queued> {
        let hook = self.hooks.remove(at)?;
        self.bytes -= hook.frame.len();
        Some(hook)
    }

    /// Takes out those that match; returns their ids.
    pub(super) fn take(&mut self, matches: impl Fn(&Queued) -> bool) -> Vec<u32> {
        let (taken, kept): (Vec<Queued>, Vec<Queued>) = self.hooks.drain(..).partition(matches);
        self.hooks.extend(kept);
        self.bytes -= taken.iter().map(|hook| hook.frame.len()).sum::<usize>();
        taken.into_iter().map(|hook| hook.id).collect()
    }

    /// Takes the hook with this id out, if it waits; whoever stands behind it in its lane moves up.
    pub(super) fn remove_id(&mut self, id: u32) -> Option<Queued> {
        if let Some(at) = self.hooks.iter().position(|hook| hook.id == id) {
            let hook = self.remove(at)?;
            self.release(hook.lane);
            return Some(hook);
        }
        for behind in self.lanes.values_mut() {
            if let Some(at) = behind.iter().position(|hook| hook.id == id) {
                let hook = behind.remove(at)?;
                self.behind -= 1;
                self.bytes -= hook.frame.len();
                return Some(hook);
            }
        }
        None
    }

    /// Takes out all that wait, in an order that keeps every lane's. The lanes of which a hook runs remain.
    pub(super) fn drain(&mut self) -> Vec<Queued> {
        let mut all: Vec<Queued> = self.hooks.drain(..).collect();
        for lane in all.iter().filter_map(|hook| hook.lane).collect::<Vec<_>>() {
            all.extend(self.lanes.remove(&lane).unwrap_or_default());
        }
        self.lanes.values_mut().for_each(|behind| all.extend(behind.drain(..)));
        (self.behind, self.bytes) = (0, 0);
        all
    }
}
