//! The lines of the log that say how the state of a worker changes.

use super::tests;
use crate::bundle::Bundle;
use crate::host::{Entry, Host, LIMIT};
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![every_change_has_one_line];

/// The states that the lines tell of a worker; every line begins where the last one has ended. Lines before the activation come on standard error.
#[track_caller]
fn states(host: &mut Host) -> Vec<String> {
    let (mut lines, later): (Vec<Entry>, Vec<Entry>) = host.entries().into_iter().partition(|entry| !entry.through_api);
    lines.extend(later);
    let mut states = vec!["waiting".to_owned()];
    for line in lines.iter().filter(|line| line.fields.contains_key("state")) {
        assert_eq!(line.fields["worker"], "0");
        assert_eq!(Some(&line.fields["previous"]), states.last(), "{line}\n{}", host.report());
        states.push(line.fields["state"].clone());
    }
    states
}

fn every_change_has_one_line() {
    let mut host = Host::active(Bundle::new(&Script::degrading()));
    host.degrade();
    host.reload("the plugin is not degraded any more");
    host.reload("the plugin's worker has ended, and is started again");
    host.until("a worker that is ready again", LIMIT, |host| {
        host.entries().iter().any(|entry| entry.message.ends_with("started again and is active")).then_some(())
    });
    let mut expected = vec!["waiting", "starting", "loaded", "ready", "restarting"];
    (0..4).for_each(|_| expected.extend(["starting", "restarting"]));
    expected.extend(["starting", "degraded", "restarting", "starting", "loaded", "ready"]);
    expected.extend(["draining", "restarting", "starting", "loaded", "ready"]);
    assert_eq!(states(&mut host), expected, "{}", host.report());
    host.quit();
    host.logged("the plugin ends, and its worker with it");
    host.finish();
}
