//! What manifests mean, and what is said of wrong ones.

use super::*;

fn read(json: &str) -> Result<Bundle, String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("plugin.json"), json).unwrap();
    let shown = directory.path().join("plugin.json").display().to_string();
    Bundle::read(directory.path()).map_err(|error| error.to_string().replace(&shown, "plugin.json"))
}

fn python(bundle: Bundle) -> Python {
    match bundle.runtime {
        Runtime::Python(python) => python,
        Runtime::Grpc(command) => panic!("not Python, but {command:?}"),
    }
}

#[test]
fn a_small_manifest_has_sensible_defaults() {
    let bundle = read(r#"{"id": "a.b", "server": {"runtime": "python"}, "unknown": 1}"#).unwrap();
    assert_eq!(bundle.start_timeout, Duration::from_secs(120));
    assert!(!bundle.database && bundle.grpc.is_none());
    let python = python(bundle);
    assert_eq!(python.entry_point, "plugin.py");
    assert!(python.requires.allows((3, 10, 0)) && !python.requires.allows((3, 9, 20)));
}

#[test]
fn the_database_is_there_if_it_is_asked_for() {
    for (database, expected) in [("true", true), ("false", false)] {
        let json = format!(r#"{{"id": "a.b", "server": {{"runtime": "python", "database": {database}}}}}"#);
        assert_eq!(read(&json).unwrap().database, expected);
    }
}

#[test]
fn the_earlier_sdks_keys_are_honoured() {
    let bundle = read(
        r#"{"id": "a.b", "server": {"executable": "plugin.py", "runtime": "python", "python_version": "3.11",
            "python": {"dependency_mode": "venv", "venv_path": "venv", "requirements_path": "requirements.txt"}}}"#,
    )
    .unwrap();
    let python = python(bundle);
    assert!(python.venv.unwrap().ends_with("venv"));
    assert!(!python.requires.allows((3, 10, 9)) && python.requires.allows((3, 12, 0)));
}

#[test]
fn a_worker_on_grpc_is_a_command() {
    let bundle = read(
        r#"{"id": "a.b", "server": {"runtime": "grpc", "worker": ["./server/plugin", "--fast"], "start_timeout": 3,
            "grpc_max_message_mib": 16}}"#,
    )
    .unwrap();
    assert_eq!(bundle.grpc, Some(Grpc { max_message: 16 << 20 }));
    assert_eq!(bundle.start_timeout, Duration::from_secs(3));
    let Runtime::Grpc(command) = bundle.runtime else { panic!("{:?}", bundle.runtime) };
    assert!(command[0].starts_with('/') && command[0].ends_with("/server/plugin"), "{command:?}");
    assert_eq!(command[1], "--fast");
}

#[test]
fn the_api_over_grpc_is_there_beside_python_if_it_is_asked_for() {
    let bundle = read(r#"{"id": "a.b", "server": {"runtime": "python", "grpc": true}}"#).unwrap();
    assert_eq!(bundle.grpc, Some(Grpc { max_message: 128 << 20 }));
    python(bundle);
}

#[test]
fn every_fault_names_the_key_and_what_to_do() {
    let cases = [
        ("{", "plugin.json, line 1, column 1: EOF while parsing an object"),
        (r#"{"server": {"runtime": "python"}}"#, "plugin.json: id is missing"),
        (r#"{"id": "a"}"#, "plugin.json: server.runtime is missing; a plugin in Python says \"python\" here"),
        (r#"{"id": "a", "server": {"runtime": "ruby"}}"#, "plugin.json: server.runtime \"ruby\" is not known"),
        (
            r#"{"id": "a", "server": {"runtime": "python", "python": {"entry_point": "../x.py"}}}"#,
            "plugin.json: server.python.entry_point must be",
        ),
        (
            r#"{"id": "a", "server": {"runtime": "python", "python": {"entrypoint": "x.py"}}}"#,
            "unknown field `entrypoint`",
        ),
        (
            r#"{"id": "a", "server": {"runtime": "python", "python": {"requires_python": "new"}}}"#,
            "plugin.json: server.python.requires_python ",
        ),
        (
            r#"{"id": "a", "server": {"runtime": "python", "env": ["MM_SQLSETTINGS_DATASOURCE"]}}"#,
            "plugin.json: server.env names MM_SQLSETTINGS_DATASOURCE, which",
        ),
        (
            r#"{"id": "a", "server": {"runtime": "grpc"}}"#,
            "plugin.json: server.worker is missing; name the plugin's program",
        ),
        (
            r#"{"id": "a", "server": {"runtime": "grpc", "worker": ["../run"]}}"#,
            "plugin.json: server.worker begins with \"../run\", which must be",
        ),
        (
            r#"{"id": "a", "server": {"runtime": "grpc", "worker": ["run"], "grpc_max_message_mib": 0}}"#,
            "plugin.json: server.grpc_max_message_mib must be between 1 and 240",
        ),
        (
            r#"{"id": "a", "server": {"runtime": "grpc", "worker": ["run"], "start_timeout": 4000}}"#,
            "plugin.json: server.start_timeout must be between",
        ),
        (
            r#"{"id": "a", "server": {"runtime": "python", "hooks": {"OnActivate": {"timeout": 5}}}}"#,
            "plugin.json: server.hooks gives OnActivate a timeout; this hook has what is left of start_timeout",
        ),
        (
            r#"{"id": "a", "server": {"runtime": "python", "hooks": {"OnDeactivate": {"timeout": 5}}}}"#,
            "plugin.json: server.hooks gives OnDeactivate a timeout; this hook has its share",
        ),
        (
            r#"{"id": "a", "server": {"runtime": "python", "database": "yes"}}"#,
            "invalid type: string \"yes\", expected a boolean",
        ),
        (
            r#"{"id": "a", "server": {"runtime": "python", "python": {"start_timeout": 0}}}"#,
            "plugin.json: server.python.start_timeout must",
        ),
        (
            r#"{"id": "a", "server": {"runtime": "python", "python": {"dependency_mode": "venv"}}}"#,
            "plugin.json: server.python.venv_path is missing",
        ),
    ];
    for (json, expected) in cases {
        let error = read(json).unwrap_err();
        assert!(error.contains(expected), "{json}: {error}");
    }
}
