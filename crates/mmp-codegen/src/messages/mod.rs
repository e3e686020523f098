//! The arguments and results of methods as fields of protobuf messages: their names and numbers.
//!
//! Names are the public contract for every language, so none is a guess: what has no name of its own in Go and no model that lends it
//! one is named in `overrides.toml`. Numbers are those of `lock.toml`.

mod names;
mod settings;

pub(crate) use names::{check_fields, field_name, name};
pub use settings::Settings;

use crate::calls::{Call, Calls, Slot};
use crate::lock::{Lock, Numbers};

/// Fields that the first message of a stream has behind the arguments: what frames carry beside them.
const BESIDE_ARGUMENTS: [(&str, &[&str]); 2] =
    [("ServeHTTP", &["headers"]), ("ServeMetrics", &["headers", "bridge_metrics"])];

/// The fields of the first message of this method's stream that are no arguments.
pub(crate) fn beside_arguments(method: &str) -> &'static [&'static str] {
    BESIDE_ARGUMENTS.iter().find(|(name, _)| *name == method).map_or(&[], |(_, fields)| fields)
}

/// The names of all fields of the request, in order.
pub(crate) fn request_fields(call: &Call) -> Vec<String> {
    let beside = beside_arguments(&call.method.name).iter().map(|name| (*name).to_owned());
    call.args.iter().map(|slot| slot.field_in_proto.clone()).chain(beside).collect()
}

/// The names of all fields of the response, in order.
pub(crate) fn response_fields(call: &Call) -> Vec<String> {
    call.results.iter().map(|slot| slot.field_in_proto.clone()).collect()
}

/// Gives every argument and result its number.
pub(crate) fn number(calls: &mut Calls, lock: &Lock) {
    let number = |slots: &mut [Slot], numbers: Option<&Numbers>| {
        for slot in slots {
            slot.tag = numbers.and_then(|numbers| numbers.get(&slot.field_in_proto)).copied().map_or(0, u32::from);
        }
    };
    for call in calls.api.iter_mut().chain(&mut calls.hooks).chain(&mut calls.driver) {
        number(&mut call.args, lock.request.get(&call.method.name));
        number(&mut call.results, lock.response.get(&call.method.name));
    }
}
