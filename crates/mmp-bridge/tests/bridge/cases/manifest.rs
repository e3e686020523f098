//! A manifest that is missing or wrong: the handshake succeeds, so that the reason reaches the server as the error of `Implemented`.

use serde_json::json;

use super::tests;
use crate::bundle::Bundle;
use crate::host::Host;
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![a_manifest_that_is_missing_or_wrong_is_told, the_plugin_is_loaded];

/// The error that the server logs for a bundle, with its path left out.
fn refusal(write: impl FnOnce(&Bundle)) -> String {
    let bundle = Bundle::new(&Script::default());
    write(&bundle);
    let mut host = Host::start(bundle);
    let error = host.implemented().unwrap_err();
    let shown = host.bundle.path().to_str().unwrap().to_owned();
    assert_eq!(host.bundle.journal(), Vec::<String>::new(), "no worker is started");
    // A second question gets the same answer: the server tries to activate a plugin twice.
    assert_eq!(host.implemented().unwrap_err(), error);
    host.finish();
    error.replace(&shown, "BUNDLE")
}

fn a_manifest_that_is_missing_or_wrong_is_told() {
    let missing = refusal(|bundle| std::fs::remove_file(bundle.path().join("plugin.json")).unwrap());
    assert!(missing.starts_with("no plugin.json was found in the directories above BUNDLE/server/dist/"), "{missing}");
    let broken = refusal(|bundle| bundle.manifest_text("{\"id\": \"a\",\n  server: {}}"));
    assert_eq!(broken, "BUNDLE/plugin.json, line 2, column 3: key must be a string");
    let other = refusal(|bundle| bundle.manifest(&json!({"id": "a", "server": {"runtime": "ruby"}})));
    let sentence = "server.runtime \"ruby\" is not known to this bridge; it runs \"python\" and \"grpc\"";
    assert_eq!(other, format!("BUNDLE/plugin.json: {sentence}"));
    let unknown = refusal(|bundle| bundle.set("entrypoint", "plugin.py".into()));
    assert!(
        unknown.contains("BUNDLE/plugin.json, line 1, column") && unknown.contains("unknown field `entrypoint`"),
        "{unknown}"
    );
    let limit = refusal(|bundle| bundle.set("start_timeout", "soon".into()));
    assert!(limit.contains("invalid type: string \"soon\", expected f64"), "{limit}");
}

fn the_plugin_is_loaded() {
    let script = Script { unknown_hooks: vec![999, 65_535], ..Script::default() };
    let mut host = Host::start(Bundle::new(&script));
    let hooks = host.implemented().unwrap();
    // The bridge has metrics and a support file of its own.
    let own = ["ServeMetrics".to_owned(), "GenerateSupportData".to_owned()];
    let mut expected: Vec<&String> = script.hooks.iter().map(|(name, _)| name).chain(&own).collect();
    expected.sort();
    let mut found: Vec<&String> = hooks.iter().collect();
    found.sort();
    assert_eq!(found, expected, "ids that no hook has are left out");
    let entry = host.logged("READY names hooks that do not exist");
    assert_eq!((entry.level.as_str(), entry.fields["ids"].as_str()), ("warn", "999, 65535"));
    host.activate().unwrap();
    assert_eq!(host.posted("edit it").0, "it");
    host.finish();
}
