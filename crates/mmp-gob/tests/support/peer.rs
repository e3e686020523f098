//! The Go program under `tests/go`, built once, and the streams that it writes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The program, and the directory with one stream for every case.
pub(crate) struct Peer {
    program: PathBuf,
    root: PathBuf,
}

impl Peer {
    /// The program; None, with a loud message, if there is no Go to build it.
    pub(crate) fn get() -> Option<&'static Self> {
        static PEER: OnceLock<Option<Peer>> = OnceLock::new();
        PEER.get_or_init(Self::build).as_ref()
    }

    fn build() -> Option<Self> {
        if Command::new("go").arg("version").output().is_err() {
            eprintln!("SKIPPED: no Go to build the other side with");
            return None;
        }
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("gob-peer-{}", env!("CARGO_CRATE_NAME")));
        let peer = Self { program: root.join("gobpeer"), root };
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/go");
        run(Command::new("go").current_dir(source).args(["build", "-o"]).arg(&peer.program).arg("."));
        let written = peer.dir("go");
        run(Command::new(&peer.program).arg("write").arg(written));
        Some(peer)
    }

    /// An empty directory for streams.
    fn dir(&self, name: &str) -> PathBuf {
        let dir = self.root.join(name);
        let _ = std::fs::remove_dir_all(&dir);
        std::fs::create_dir_all(&dir).expect("a directory for streams");
        dir
    }

    /// Names and contents of the streams that Go wrote.
    pub(crate) fn streams(&self) -> Vec<(String, Vec<u8>)> {
        let entries = std::fs::read_dir(self.root.join("go")).expect("Go's streams");
        let mut streams: Vec<_> = entries
            .map(|entry| {
                let path = entry.expect("a directory entry").path();
                let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
                (name, std::fs::read(path).expect("a stream"))
            })
            .collect();
        streams.sort();
        assert!(!streams.is_empty());
        streams
    }

    /// One of the streams that Go wrote.
    pub(crate) fn stream(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.root.join("go").join(format!("{name}.gob"))).expect("a case of this name")
    }

    /// Streams whose first value is nested too deeply, and whose second one is not.
    #[allow(dead_code, reason = "not every test program looks at them")]
    pub(crate) fn deep_streams(&self) -> Vec<Vec<u8>> {
        let dir = self.dir("deep");
        run(Command::new(&self.program).arg("deep").arg(&dir));
        ["inside", "after"].map(|name| std::fs::read(dir.join(format!("{name}.gob"))).expect("a stream")).into()
    }

    /// Lets Go read streams and compare them with the cases of the same names.
    pub(crate) fn check(&self, label: &str, streams: &[(String, Vec<u8>)]) {
        let dir = self.dir(label);
        for (name, bytes) in streams {
            std::fs::write(dir.join(format!("{name}.gob")), bytes).expect("a stream is written");
        }
        let checked = run(Command::new(&self.program).arg("check").arg(dir));
        assert_eq!(checked.trim(), streams.len().to_string(), "Go checked all of {label}");
    }
}

fn run(command: &mut Command) -> String {
    let output = command.output().expect("the command runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}
