//! A bundle in a directory of its own, with the bridge and the fake interpreter.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::script::Script;

/// A bundle, and a directory for temporary files.
#[derive(Debug)]
pub(crate) struct Bundle {
    root: tempfile::TempDir,
    temporary: tempfile::TempDir,
}

/// Where the fake interpreter is in a bundle.
pub(crate) const PYTHON: &str = "server/python/bin/python3";

/// Where the bridge is.
const BRIDGE: &str = "server/dist/plugin-linux-amd64";

impl Bundle {
    /// A bundle whose worker does what the script says.
    pub(crate) fn new(script: &Script) -> Bundle {
        let root = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        // The path of a socket has at most 107 bytes, so this directory is not below the other.
        let bundle = Bundle { root, temporary: tempfile::Builder::new().prefix("mmpt").tempdir().unwrap() };
        link(Path::new(env!("CARGO_BIN_EXE_mattermost-plugin-bridge")), &bundle.path().join(BRIDGE));
        link(&std::env::current_exe().unwrap(), &bundle.path().join(PYTHON));
        bundle.script(script);
        std::fs::create_dir(bundle.path().join("nothing")).unwrap();
        bundle.manifest(&bundle.usual_manifest());
        bundle
    }

    /// The directory.
    pub(crate) fn path(&self) -> &Path {
        self.root.path()
    }

    /// The directory for temporary files.
    pub(crate) fn temporary(&self) -> &Path {
        self.temporary.path()
    }

    /// The bridge.
    pub(crate) fn bridge(&self) -> PathBuf {
        self.path().join(BRIDGE)
    }

    /// Writes the script of the workers that are started from now on.
    pub(crate) fn script(&self, script: &Script) {
        std::fs::write(self.path().join("script.json"), serde_json::to_vec(script).unwrap()).unwrap();
    }

    /// A manifest that is right. Hooks that are left to the test last as long as it does, on a machine that may be busy.
    pub(crate) fn usual_manifest(&self) -> Value {
        let hooks = json!({"MessageWillBePosted": {"timeout": 30}});
        json!({
            "id": "com.example.test",
            "server": {"executable": BRIDGE, "runtime": "python", "python": {}, "hooks": hooks},
        })
    }

    /// Writes the manifest.
    pub(crate) fn manifest(&self, manifest: &Value) {
        self.manifest_text(&manifest.to_string());
    }

    /// Writes the manifest as it is.
    pub(crate) fn manifest_text(&self, text: &str) {
        std::fs::write(self.path().join("plugin.json"), text).unwrap();
    }

    /// Sets one of the keys under `server.python`.
    pub(crate) fn set(&self, key: &str, value: Value) {
        let mut manifest = self.usual_manifest();
        manifest["server"]["python"][key] = value;
        self.manifest(&manifest);
    }

    /// Sets one of the keys under `server`.
    pub(crate) fn set_server(&self, key: &str, value: Value) {
        let mut manifest = self.usual_manifest();
        manifest["server"][key] = value;
        self.manifest(&manifest);
    }

    /// Sets several of the keys under `server`.
    pub(crate) fn set_all(&self, keys: &Value) {
        let mut manifest = self.usual_manifest();
        for (key, value) in keys.as_object().unwrap() {
            manifest["server"][key] = value.clone();
        }
        self.manifest(&manifest);
    }

    /// What the workers have noted, a line each.
    pub(crate) fn journal(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path().join("journal")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// What is left of the bridge's private directories.
    pub(crate) fn private_directories(&self) -> Vec<PathBuf> {
        std::fs::read_dir(self.temporary()).unwrap().map(|entry| entry.unwrap().path()).collect()
    }
}

/// Where the fake worker of a bundle meets its test: an abstract socket, which leaves no file behind. Only the end of a long path is used; it is unique.
pub(crate) fn relay_address(bundle: &Path) -> SocketAddr {
    let path = bundle.as_os_str().as_encoded_bytes();
    SocketAddr::from_abstract_name(&path[path.len().saturating_sub(100)..]).unwrap()
}

/// A hard link: a copy would be open for writing when another thread forks, and could not be run then.
fn link(from: &Path, to: &Path) {
    std::fs::create_dir_all(to.parent().unwrap()).unwrap();
    std::fs::hard_link(from, to).unwrap();
}
