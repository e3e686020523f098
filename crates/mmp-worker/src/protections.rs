//! Protections against faults of a worker, each of which can be switched off in a build for tests.
//!
//! A test of a fault is worth something only if it fails without the protection. Builds with the feature `unprotected` read the list of those that are off
//! from the environment; all other builds have every protection, and no code that asks.

/// The environment variable with the names of the protections that are off, separated by commas. Only builds with the feature `unprotected` read it.
#[cfg(feature = "unprotected")]
pub const VARIABLE: &str = "MMP_PROTECTIONS_OFF";

macro_rules! protections {
    ($($(#[$doc:meta])* $variant:ident = $name:literal,)*) => {
        /// What keeps a fault of a worker from doing harm.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Protection {
            $($(#[$doc])* $variant,)*
        }

        impl Protection {
            /// All of them.
            pub const ALL: &'static [Protection] = &[$(Protection::$variant,)*];

            /// Its name in the list of those that are off.
            pub fn name(self) -> &'static str {
                match self { $(Protection::$variant => $name,)* }
            }
        }
    };
}

protections! {
    /// The server gets its handshake before the plugin is loaded.
    EarlyHandshake = "early-handshake",
    /// Why a plugin cannot be loaded reaches the server.
    LoadReport = "load-report",
    /// A failed OnActivate reaches the server.
    ActivationError = "activation-error",
    /// A worker that has ended is started again.
    Restart = "restart",
    /// Restarts become rarer, and end in the degraded state.
    Backoff = "backoff",
    /// A hook that is late gets its failure answer.
    Deadline = "deadline",
    /// A worker that does not answer is started again.
    Recycle = "recycle",
    /// No process of a worker outlives the bridge.
    Guard = "guard",
    /// Stopping has a limit in time.
    StopDeadline = "stop-deadline",
    /// Output is limited by a token bucket.
    OutputLimit = "output-limit",
    /// A worker that needs too much memory is started again.
    MemoryLimit = "memory-limit",
    /// A worker has a bounded number of processes and descriptors.
    ProcessLimit = "process-limit",
    /// Streams have windows.
    Backpressure = "backpressure",
    /// A client that leaves ends what was done for it.
    ClientGone = "client-gone",
    /// Memory is made for bytes that have come, not for those that a length announces.
    WireCaps = "wire-caps",
    /// Only this user's processes that know the token get to the worker link.
    LinkAuthentication = "link-authentication",
    /// Another directory is used where the one for temporary files cannot be.
    TemporaryDirectory = "temporary-directory",
}

/// Whether a protection is off, for a test that has to see it missed.
#[cfg(feature = "unprotected")]
pub fn is_off(protection: Protection) -> bool {
    std::env::var(VARIABLE).is_ok_and(|off| off.split(',').any(|name| name == protection.name()))
}

/// Never, in this build.
#[cfg(not(feature = "unprotected"))]
#[inline]
pub const fn is_off(_protection: Protection) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        let names: std::collections::HashSet<&str> = Protection::ALL.iter().map(|one| one.name()).collect();
        assert_eq!(names.len(), Protection::ALL.len());
    }
}
