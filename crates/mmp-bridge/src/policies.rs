//! How long a hook may take, and what is answered when it has no answer: by its kind, unless the author has chosen something else in the handler's decorator or in the manifest.

use std::ops::RangeInclusive;
use std::time::Duration;

use mmp_transcode::generated;
use mmp_transcode::schema::{Deadline, Method};
use mmp_worker::dispatch::Class;
use mmp_worker::messages::{DeclaredHook, OnFailure};

pub(crate) const ON_DEACTIVATE: &str = "OnDeactivate";

/// Which hooks share their bounds: those with streams last as long as a client likes, and nobody waits for events.
pub(crate) fn class(method: &Method) -> Class {
    match method.deadline {
        Deadline::Http => Class::Http,
        Deadline::File => Class::File,
        Deadline::Event => Class::Event,
        _ => Class::Plain,
    }
}

/// What was chosen for a hook.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Choice {
    /// How long it may take.
    pub(crate) timeout: Option<Duration>,
    /// What is answered when it has no answer.
    pub(crate) on_failure: Option<OnFailure>,
}

/// The seconds that may be chosen as a hook's timeout.
pub(crate) const TIMEOUTS: RangeInclusive<f64> = 0.01..=86_400.0;

/// What was chosen for all hooks.
#[derive(Debug, Clone, Default)]
pub(crate) struct Policies {
    /// From the manifest, by method id.
    manifest: Vec<(u16, Choice)>,
    /// Both together, by method id.
    chosen: Vec<Choice>,
}

impl Policies {
    /// The manifest's choices alone.
    pub(crate) fn new(manifest: &[(u16, Choice)]) -> Policies {
        let mut policies = Policies { manifest: manifest.to_vec(), chosen: Vec::new() };
        policies.add_manifest(|_| true);
        policies
    }

    /// A worker has declared its hooks: what the manifest does not say is as it says. A hook that it does not have any more refuses nothing, whatever the manifest says: nobody would ever open that gate.
    ///
    /// `elsewhere`: the hooks that other workers have, which need not all have the same.
    pub(crate) fn declare(&mut self, hooks: &[DeclaredHook], elsewhere: impl Fn(u16) -> bool) {
        for (id, choice) in (0..).zip(&mut self.chosen) {
            if !elsewhere(id) {
                *choice = Choice::default();
            }
        }
        for DeclaredHook(id, _, options) in hooks {
            // The SDKs check this; what another program says is as if it said nothing.
            let timeout = options.timeout.filter(|seconds| TIMEOUTS.contains(seconds)).map(Duration::from_secs_f64);
            *self.slot(*id) = Choice { timeout, on_failure: options.on_failure };
        }
        self.add_manifest(|id| elsewhere(id) || hooks.iter().any(|hook| hook.0 == id));
    }

    fn add_manifest(&mut self, declared: impl Fn(u16) -> bool) {
        for (id, choice) in self.manifest.clone().into_iter().filter(|(id, _)| declared(*id)) {
            let slot = self.slot(id);
            slot.timeout = choice.timeout.or(slot.timeout);
            slot.on_failure = choice.on_failure.or(slot.on_failure);
        }
    }

    fn slot(&mut self, id: u16) -> &mut Choice {
        let at = usize::from(id);
        if at >= self.chosen.len() {
            self.chosen.resize(at + 1, Choice::default());
        }
        &mut self.chosen[at]
    }

    fn choice(&self, method: &Method) -> Choice {
        self.chosen.get(usize::from(method.id)).copied().unwrap_or_default()
    }

    /// How long a hook may take, or how long nothing may move for one with streams. None: as long as it likes.
    pub(crate) fn limit(&self, method: &Method) -> Option<Duration> {
        let default = generated::default_deadline(method.deadline)?;
        Some(self.choice(method).timeout.unwrap_or(default))
    }

    /// Whether a hook that has no answer is rejected.
    pub(crate) fn rejects(&self, method: &Method) -> bool {
        self.choice(method).on_failure == Some(OnFailure::Reject)
    }

    /// Whether nothing was said about what becomes of a hook that has no answer.
    pub(crate) fn is_unsaid(&self, method: &Method) -> bool {
        self.choice(method).on_failure.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mmp_worker::messages::{HookOptions, Mode};

    fn method(name: &str) -> &'static Method {
        generated::hook_by_name(name).unwrap()
    }

    #[test]
    fn every_kind_has_its_limit() {
        let policies = Policies::new(&[]);
        for (name, limit) in [
            ("MessageWillBePosted", Some(5)),
            ("ExecuteCommand", Some(30)),
            ("MessageHasBeenPosted", None),
            ("ServeHTTP", Some(300)),
            ("FileWillBeUploaded", Some(30)),
            ("GenerateSupportData", Some(60)),
            ("OnSharedChannelsPing", Some(5)),
            ("OnSAMLLogin", Some(5)),
        ] {
            assert_eq!(policies.limit(method(name)), limit.map(Duration::from_secs), "{name}");
        }
    }

    #[test]
    fn a_hook_that_the_plugin_has_no_more_refuses_nothing() {
        let id = method("UserWillLogIn").id;
        let mut policies = Policies::new(&[(id, Choice { timeout: None, on_failure: Some(OnFailure::Reject) })]);
        assert!(policies.rejects(method("UserWillLogIn")), "before anything was loaded");
        policies.declare(&[DeclaredHook(id, Mode::Sync, HookOptions::default())], |_| false);
        assert!(policies.rejects(method("UserWillLogIn")));
        policies
            .declare(&[DeclaredHook(method("MessageWillBePosted").id, Mode::Sync, HookOptions::default())], |_| false);
        assert!(!policies.rejects(method("UserWillLogIn")));
    }

    #[test]
    fn workers_need_not_have_the_same_hooks() {
        let (login, post) = (method("UserWillLogIn").id, method("MessageWillBePosted").id);
        let mut policies = Policies::new(&[(login, Choice { timeout: None, on_failure: Some(OnFailure::Reject) })]);
        let options = HookOptions { timeout: Some(9.0), on_failure: None };
        policies.declare(&[DeclaredHook(login, Mode::Sync, options)], |_| false);
        policies.declare(&[DeclaredHook(post, Mode::Sync, HookOptions::default())], |id| id == login);
        assert!(policies.rejects(method("UserWillLogIn")));
        assert_eq!(policies.limit(method("UserWillLogIn")), Some(Duration::from_secs(9)));
    }

    #[test]
    fn the_manifest_wins_over_the_decorator() {
        let id = method("UserWillLogIn").id;
        let mut policies = Policies::new(&[(id, Choice { timeout: Some(Duration::from_secs(1)), on_failure: None })]);
        assert!(policies.is_unsaid(method("UserWillLogIn")));
        let options = HookOptions { timeout: Some(9.0), on_failure: Some(OnFailure::Reject) };
        policies.declare(&[DeclaredHook(id, Mode::Sync, options)], |_| false);
        assert_eq!(policies.limit(method("UserWillLogIn")), Some(Duration::from_secs(1)));
        assert!(policies.rejects(method("UserWillLogIn")) && !policies.rejects(method("MessageWillBePosted")));
        for impossible in [1e19, f64::NAN, -1.0, 0.0, 86_401.0] {
            let options = HookOptions { timeout: Some(impossible), on_failure: None };
            policies.declare(&[DeclaredHook(method("MessageWillBePosted").id, Mode::Sync, options)], |_| false);
            assert_eq!(policies.limit(method("MessageWillBePosted")), Some(Duration::from_secs(5)), "{impossible}");
        }
        assert!(!policies.rejects(method("UserWillLogIn")));
    }
}
