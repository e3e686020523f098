//! What the worker gets from the server, and what it does not.

use std::os::unix::fs::{FileTypeExt as _, MetadataExt as _, PermissionsExt as _};

use serde_json::{Value, json};

use super::tests;
use crate::bundle::Bundle;
use crate::host::{Host, Start};
use crate::processes;
use crate::runner::Test;
use crate::script::Script;

pub(crate) const TESTS: &[Test] = tests![the_worker_gets_no_secrets, the_socket_is_private];

fn the_worker_gets_no_secrets() {
    let bundle = Bundle::new(&Script::default());
    let mut manifest = bundle.usual_manifest();
    manifest["server"]["env"] = json!(["OPENAI_API_KEY"]);
    bundle.manifest(&manifest);
    let mut host = Start::new(bundle).with("OPENAI_API_KEY", "key").run();
    host.implemented().unwrap();
    host.activate().unwrap();
    let (_, said) = host.posted("environment");
    let said: Value = serde_json::from_str(&said).unwrap();
    let variables = said["variables"].as_object().unwrap();
    let bundle = host.bundle.path().to_str().unwrap();
    for (name, value) in [
        ("LC_ALL", "C.UTF-8"),
        ("HTTPS_PROXY", "http://proxy.example:3128"),
        ("OPENAI_API_KEY", "key"),
        ("MATTERMOST_PLUGIN_ID", "com.example.test"),
        ("MATTERMOST_PLUGIN_PATH", bundle),
        ("MATTERMOST_PLUGIN_ENTRY_POINT", "plugin.py"),
    ] {
        assert_eq!(variables.get(name), Some(&value.into()), "{name}");
    }
    for name in ["MM_SQLSETTINGS_DATASOURCE", "AWS_SECRET_ACCESS_KEY", "MATTERMOST_PLUGIN", "PLUGIN_MIN_PORT"] {
        assert_eq!(variables.get(name), None, "{name}");
    }
    assert_eq!(said["directory"].as_str(), Some(bundle));
    let secrets: Vec<&Value> = variables.values().filter(|value| looks_like_a_token(value.as_str().unwrap())).collect();
    assert_eq!(secrets, Vec::<&Value>::new());
    for process in processes::of_bundle(host.bundle.path(), 0) {
        assert!(!looks_like_a_token(&process.command), "{process:?}");
    }
    host.finish();
}

/// Whether a text has 64 hexadecimal digits in a row.
fn looks_like_a_token(text: &str) -> bool {
    let mut run = 0;
    text.chars().any(|c| {
        run = if c.is_ascii_hexdigit() { run + 1 } else { 0 };
        run == 64
    })
}

fn the_socket_is_private() {
    let mut host = Host::start(Bundle::new(&Script::default()));
    host.implemented().unwrap();
    let directories: Vec<_> =
        host.bundle.private_directories().into_iter().filter(|path| path.join("worker-0.sock").exists()).collect();
    let [directory] = &directories[..] else { panic!("{directories:?}") };
    let metadata = directory.metadata().unwrap();
    assert_eq!((metadata.mode() & 0o7777, metadata.is_dir()), (0o700, true));
    let socket = directory.join("worker-0.sock").metadata().unwrap();
    assert_eq!(socket.permissions().mode() & 0o7777, 0o600);
    assert!(socket.file_type().is_socket());
    assert_eq!(host.quit().0, Some(0));
    assert_eq!(host.bundle.private_directories(), Vec::<std::path::PathBuf>::new(), "nothing is left behind");
    host.finish();
}
