//! The worker's program: its command and its environment.

use std::ffi::{OsStr, OsString};
use std::path::Path;

use mmp_grpc::settings;
use mmp_worker::limits::Limits;
use mmp_worker::process::Program;

use crate::interpreter::{Interpreter, environment};
use crate::manifest::{Bundle, Grpc, Python, Runtime};

/// The plugin's packages, and the SDK, inside a bundle.
pub(crate) const PACKAGES: &str = "server/site-packages";

/// Set to 1 in the server's environment, this makes plugins easier to develop: the files of a bundle may be changed, and the API over gRPC can be asked for its own description.
pub(crate) const DEVELOPMENT: &str = "MATTERMOST_PLUGIN_DEVELOPMENT";

/// Since this version Python knows PYTHONSAFEPATH.
const SAFE_PATH_SINCE: (u32, u32, u32) = (3, 11, 0);

/// What `-m mattermost_plugin` does, in older ones: `sys` is built in, so nothing is imported before the bundle is off the path.
const WITHOUT_SAFE_PATH: &str = "import sys; sys.path.pop(0); import runpy; runpy.run_module('mattermost_plugin', run_name='__main__', alter_sys=True)";

/// This executable; the guard, which starts the program, runs it too.
const OWN_EXECUTABLE: &str = "/proc/self/exe";

/// The program of a bundle's worker, which finds the bridge at `socket`; None if it needs an interpreter that is not there.
pub(crate) fn of(bundle: &Bundle, interpreter: Option<&Interpreter>, index: usize, socket: &Path) -> Option<Program> {
    let mut variables = Variables(environment(bundle, std::env::vars_os()));
    variables.set(settings::SOCKET, socket);
    variables.set("MATTERMOST_PLUGIN_ID", &bundle.id);
    variables.set("MATTERMOST_PLUGIN_PATH", &bundle.path);
    variables.set("MATTERMOST_PLUGIN_WORKER_INDEX", index.to_string());
    variables.set("MATTERMOST_PLUGIN_WORKERS", bundle.workers().to_string());
    let command = match &bundle.runtime {
        Runtime::Python(python) => in_python(bundle, python, interpreter?, &mut variables),
        Runtime::Grpc(command) => command.iter().map(OsString::from).collect(),
    };
    let command = match bundle.grpc {
        Some(grpc) => behind_gateway(bundle, grpc, command, &mut variables),
        None => command,
    };
    let limits = Limits { processes: bundle.process_limit.into(), ..Limits::default() };
    Some(Program { command, environment: variables.0, directory: bundle.path.clone(), limits })
}

/// The interpreter with the SDK as its main module and the bundle's packages first.
fn in_python(bundle: &Bundle, python: &Python, interpreter: &Interpreter, variables: &mut Variables) -> Vec<OsString> {
    variables.set("MATTERMOST_PLUGIN_ENTRY_POINT", &python.entry_point);
    variables.set("PYTHONPATH", bundle.path.join(PACKAGES));
    // A file of the bundle must not stand in for a module of the standard library; the SDK adds the bundle behind it.
    variables.set("PYTHONSAFEPATH", "1");
    variables.set("PYTHONNOUSERSITE", "1");
    variables.set("PYTHONUNBUFFERED", "1");
    variables.set("PYTHONUTF8", "1");
    variables.set("PYTHONDONTWRITEBYTECODE", "1");
    let python = interpreter.path.clone().into_os_string();
    match interpreter.version >= SAFE_PATH_SINCE {
        true => vec![python, "-m".into(), "mattermost_plugin".into()],
        false => vec![python, "-c".into(), WITHOUT_SAFE_PATH.into()],
    }
}

/// The gateway with the program behind it: this executable again, which speaks gRPC with the program and frames with the bridge.
fn behind_gateway(bundle: &Bundle, grpc: Grpc, program: Vec<OsString>, variables: &mut Variables) -> Vec<OsString> {
    variables.set(settings::START_TIMEOUT, bundle.start_timeout.as_secs_f64().to_string());
    variables.set(settings::MAX_MESSAGE, grpc.max_message.to_string());
    if bundle.database {
        variables.set(settings::DATABASE, "1");
    }
    if in_development() {
        variables.set(settings::DEVELOPMENT, "1");
    }
    let mut command = vec![OsString::from(OWN_EXECUTABLE), OsString::from(mmp_grpc::GATEWAY_ARGUMENT)];
    if matches!(bundle.runtime, Runtime::Grpc(_)) {
        command.push("--hooks".into());
    }
    command.push("--".into());
    command.extend(program);
    command
}

/// Whether plugins are developed on this server.
pub(crate) fn in_development() -> bool {
    std::env::var_os(DEVELOPMENT).is_some_and(|value| value == "1")
}

/// An environment in the making.
struct Variables(Vec<(OsString, OsString)>);

impl Variables {
    fn set(&mut self, name: &str, value: impl AsRef<OsStr>) {
        self.0.push((name.into(), value.as_ref().to_owned()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn program(server: &str) -> Program {
        program_with(server, (3, 11, 0))
    }

    fn program_with(server: &str, version: (u32, u32, u32)) -> Program {
        let directory = tempfile::tempdir().unwrap();
        let json = format!(r#"{{"id": "com.example.a", "server": {server}}}"#);
        std::fs::write(directory.path().join("plugin.json"), json).unwrap();
        let bundle = Bundle::read(directory.path()).unwrap();
        let interpreter = Interpreter { path: "/usr/bin/python3".into(), version };
        of(&bundle, Some(&interpreter), 0, Path::new("/run/worker.sock")).unwrap()
    }

    fn value<'a>(program: &'a Program, name: &str) -> Option<&'a str> {
        let found = program.environment.iter().find(|(key, _)| key == name);
        found.and_then(|(_, value)| value.to_str())
    }

    #[test]
    fn python_is_started_as_it_is() {
        let program = program(r#"{"runtime": "python"}"#);
        assert_eq!(program.command, ["/usr/bin/python3", "-m", "mattermost_plugin"]);
        assert_eq!(value(&program, "MATTERMOST_PLUGIN_WORKER_SOCKET"), Some("/run/worker.sock"));
        assert_eq!(value(&program, "MMP_GATEWAY_MAX_MESSAGE"), None);
    }

    #[test]
    fn an_old_python_does_not_import_from_the_bundle_first() {
        let program = program_with(r#"{"runtime": "python"}"#, (3, 10, 13));
        assert_eq!(program.command[..2], ["/usr/bin/python3", "-c"]);
        assert!(program.command[2].to_str().unwrap().starts_with("import sys; sys.path.pop(0); "));
    }

    #[test]
    fn python_with_the_api_over_grpc_is_behind_the_gateway() {
        let program = program(r#"{"runtime": "python", "grpc": true, "database": true}"#);
        let gateway = [OWN_EXECUTABLE, mmp_grpc::GATEWAY_ARGUMENT, "--"];
        assert_eq!(program.command, [&gateway[..], &["/usr/bin/python3", "-m", "mattermost_plugin"]].concat());
        assert_eq!(value(&program, "MATTERMOST_PLUGIN_ENTRY_POINT"), Some("plugin.py"));
        assert_eq!(value(&program, "MMP_GATEWAY_DATABASE"), Some("1"));
    }

    #[test]
    fn a_program_on_grpc_has_its_hooks_called_by_the_gateway() {
        let program = program(
            r#"{"runtime": "grpc", "worker": ["node", "a.js"], "start_timeout": 2.5, "grpc_max_message_mib": 1}"#,
        );
        assert_eq!(program.command, [OWN_EXECUTABLE, mmp_grpc::GATEWAY_ARGUMENT, "--hooks", "--", "node", "a.js"]);
        assert_eq!(value(&program, "MMP_GATEWAY_START_TIMEOUT"), Some("2.5"));
        assert_eq!(value(&program, "MMP_GATEWAY_MAX_MESSAGE"), Some("1048576"));
        assert_eq!(value(&program, "MMP_GATEWAY_DATABASE"), None);
        assert_eq!(value(&program, "PYTHONPATH"), None);
    }
}
