//! Hooks that wait for a connection, in the order of their arrival.

use std::collections::VecDeque;
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
}

/// The hooks of one class that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    hooks: VecDeque<Queued>,
    bytes: usize,
}

impl Queue {
    pub(super) fn push(&mut self, hook: Queued) {
        self.bytes += hook.frame.len();
        self.hooks.push_back(hook);
    }

    pub(super) fn len(&self) -> usize {
        self.hooks.len()
    }

    pub(super) fn is_full(&self, hooks: usize, bytes: usize) -> bool {
        self.hooks.len() >= hooks || self.bytes >= bytes
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

    pub(super) fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.hooks.iter().map(|hook| hook.id)
    }
}
