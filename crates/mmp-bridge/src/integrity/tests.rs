//! Bundles that are whole, and bundles that somebody has changed.

use std::fs;
use std::path::Path;

use sha2::{Digest as _, Sha256};

use super::{Checked, LIST, Tampered, check};

const FILES: [(&str, &[u8]); 5] = [
    ("plugin.json", b"{}"),
    ("plugin.py", b"print()"),
    ("server/bridge", &[7; 700_000]),
    ("server/site-packages/sdk/__init__.py", b""),
    ("webapp/main.js", b"x"),
];

/// A bundle with a right list.
fn bundle() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let mut list = String::new();
    for (name, content) in FILES {
        put(directory.path(), name, content);
        let hash: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
        list += &format!("{hash}  {name}\n");
    }
    put(directory.path(), LIST, list.as_bytes());
    directory
}

fn put(root: &Path, name: &str, content: &[u8]) {
    let path = root.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// What is said of a bundle that was changed so: the part of the sentence that is about files.
fn said(change: impl FnOnce(&Path)) -> String {
    let bundle = bundle();
    change(bundle.path());
    let error = check(bundle.path()).unwrap_err();
    let sentence = error.to_string();
    assert!(matches!(error, Tampered::Files(_)), "{sentence}");
    let sentence = sentence.strip_prefix("the plugin's files are not those of its bundle: ").unwrap();
    let (files, advice) = sentence.split_once("; they were changed on the server's machine").unwrap();
    assert!(advice.contains("upload it again, or set MATTERMOST_PLUGIN_DEVELOPMENT=1"), "{advice}");
    files.to_owned()
}

#[test]
fn a_whole_bundle_is_accepted() {
    let bundle = bundle();
    let bytes = FILES.iter().map(|(_, content)| content.len() as u64).sum();
    assert_eq!(check(bundle.path()).unwrap(), Checked::Unchanged { files: 5, bytes });
    // What a plugin writes itself, and what the server leaves, is outside of server/.
    put(bundle.path(), "data/cache.db", b"x");
    put(bundle.path(), ".filestore", b"");
    assert!(check(bundle.path()).is_ok());
    // Without another place the bridge listens beside its executable.
    let _socket = std::os::unix::net::UnixListener::bind(bundle.path().join("server/mmp-plugin1")).unwrap();
    assert!(check(bundle.path()).is_ok());
    // The server's directory of plugins may be a link.
    let link = tempfile::tempdir().unwrap().keep().join("link");
    std::os::unix::fs::symlink(bundle.path(), &link).unwrap();
    assert!(check(&link).is_ok());
    fs::remove_dir_all(link.parent().unwrap()).unwrap();
}

#[test]
fn without_a_list_nothing_is_checked() {
    let bundle = bundle();
    fs::remove_file(bundle.path().join(LIST)).unwrap();
    put(bundle.path(), "server/bridge", b"other");
    assert_eq!(check(bundle.path()).unwrap(), Checked::Unlisted);
}

#[test]
fn changed_and_missing_files_are_named() {
    // One byte at the end of a file that is longer than a piece.
    let mut longer = vec![7; 700_000];
    longer[699_999] = 8;
    assert_eq!(said(|root| put(root, "server/bridge", &longer)), "server/bridge has another content");
    assert_eq!(said(|root| put(root, "plugin.py", b"print() ")), "plugin.py has another content");
    assert_eq!(said(|root| fs::remove_file(root.join("webapp/main.js")).unwrap()), "webapp/main.js is missing");
    assert_eq!(said(|root| fs::remove_dir_all(root.join("webapp")).unwrap()), "webapp/main.js is missing");
}

#[test]
fn files_that_python_could_import_are_named() {
    let added = said(|root| put(root, "server/site-packages/sitecustomize.py", b""));
    assert_eq!(added, "server/site-packages/sitecustomize.py does not belong there");
    // A whole package is one difference, as is an empty directory, which is a package too.
    let package = said(|root| {
        put(root, "server/site-packages/evil/__init__.py", b"");
        put(root, "server/site-packages/evil/more.py", b"");
    });
    assert_eq!(package, "server/site-packages/evil does not belong there");
    let compiled = said(|root| put(root, "server/site-packages/sdk/__pycache__/__init__.cpython-311.pyc", b""));
    assert_eq!(compiled, "server/site-packages/sdk/__pycache__ does not belong there");
    let odd = said(|root| put(root, "server/a\nb\u{1b}", b""));
    assert_eq!(odd, "server/a\\nb\\u{1b} does not belong there");
}

#[test]
fn three_files_are_named_and_the_others_counted() {
    let many = said(|root| FILES.iter().for_each(|(name, _)| put(root, name, b"other")));
    assert_eq!(
        many,
        "plugin.json has another content, plugin.py has another content, server/bridge has another content (and 2 more)"
    );
    let flood = said(|root| (0..1500).for_each(|number| put(root, &format!("server/{number}"), b"")));
    assert!(flood.ends_with(" does not belong there (and many more)"), "{flood}");
}

#[test]
fn links_are_not_followed_and_pipes_not_waited_for() {
    let replace = |root: &Path, name: &str, target: &str| {
        fs::rename(root.join(name), root.join(target)).unwrap();
        std::os::unix::fs::symlink(root.join(target), root.join(name)).unwrap();
    };
    // The content behind the links is right.
    let file = said(|root| replace(root, "plugin.py", "elsewhere.py"));
    assert_eq!(file, "plugin.py cannot be read (it is a symbolic link)");
    let directory = said(|root| replace(root, "webapp", "elsewhere"));
    assert_eq!(directory, "webapp/main.js cannot be read (webapp is no directory)");
    let extra = said(|root| std::os::unix::fs::symlink("/", root.join("server/root")).unwrap());
    assert_eq!(extra, "server/root does not belong there");
    let pipe = said(|root| {
        fs::remove_file(root.join("plugin.py")).unwrap();
        let mode = rustix::fs::Mode::from_raw_mode(0o600);
        rustix::fs::mknodat(rustix::fs::CWD, root.join("plugin.py"), rustix::fs::FileType::Fifo, mode, 0).unwrap();
    });
    assert_eq!(pipe, "plugin.py cannot be read (it is no regular file)");
}

#[test]
fn a_list_that_cannot_be_used_is_no_missing_list() {
    let reason = |content: &[u8]| {
        let bundle = bundle();
        put(bundle.path(), LIST, content);
        let sentence = check(bundle.path()).unwrap_err().to_string();
        let sentence = sentence.strip_prefix("the list of the plugin's files, server/files.sha256, cannot be used: ");
        sentence.unwrap().split_once("; so it is not known").unwrap().0.to_owned()
    };
    assert!(reason(b"hello\n").starts_with("line 1 is not a hash"));
    let escape = format!("{}  ../../etc/passwd\n", "0".repeat(64));
    assert!(reason(escape.as_bytes()).starts_with("line 1 is not a hash"));
    assert_eq!(reason(b"\xff"), "it is not UTF-8");
    assert_eq!(reason(&vec![b'\n'; (16 << 20) + 1]), "it is longer than 16777216 bytes");
    let bundle = bundle();
    fs::rename(bundle.path().join("server"), bundle.path().join("other")).unwrap();
    std::os::unix::fs::symlink("other", bundle.path().join("server")).unwrap();
    assert!(check(bundle.path()).unwrap_err().to_string().contains("cannot be used: server is no directory; "));
}

#[test]
fn an_empty_list_allows_nothing_below_server() {
    let empty = said(|root| put(root, LIST, b""));
    assert!(empty.contains("server/bridge does not belong there"), "{empty}");
}
