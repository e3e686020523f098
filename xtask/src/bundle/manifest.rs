//! The plugin's manifest, as far as a bundle depends on it.

use std::path::{Component, Path, PathBuf};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::schema;
use crate::project::Project;

/// The bridge's own reading of `server.python.requires_python`, so that both sides agree.
#[allow(dead_code, reason = "the bridge uses more of it")]
#[path = "../../../crates/mmp-bridge/src/version.rs"]
mod version;

pub(crate) use version::Requirement;

/// What the bridge's file is usually called; the platform follows.
const USUAL: &str = "server/mattermost-plugin-bridge";

/// What a bundle needs to know of its manifest.
#[derive(Debug)]
pub(crate) struct Manifest {
    /// The plugin's id.
    pub(crate) id: String,
    /// The plugin's version.
    pub(crate) version: String,
    /// Where the server looks for the bridge, below the bundle.
    pub(crate) executable: PathBuf,
    /// What the plugin is made of.
    pub(crate) kind: Kind,
    /// Files that the manifest names, with the keys that do.
    named: Vec<(&'static str, String)>,
}

/// What a plugin is made of.
#[derive(Debug)]
pub(crate) enum Kind {
    /// The bridge and a worker in Python.
    Python(PythonWorker),
    /// The bridge and any program that speaks gRPC; the plugin's own `build` makes it.
    Grpc,
    /// A program that is the plugin itself: a package of this workspace.
    Native {
        /// The package's name.
        package: String,
    },
}

/// What a worker in Python needs.
#[derive(Debug)]
pub(crate) struct PythonWorker {
    /// Which versions the plugin runs on.
    pub(crate) requires: Requirement,
    /// The file that lists the plugin's dependencies.
    pub(crate) requirements: Option<PathBuf>,
}

impl Manifest {
    /// Reads and checks the manifest of the plugin in `dir`.
    pub(crate) fn read(project: &Project, dir: &Path, platform: &str) -> Result<Manifest> {
        if let Some(other) = ["plugin.yml", "plugin.yaml"].iter().map(|name| dir.join(name)).find(|path| path.exists())
        {
            bail!(
                "{} would be read by the server instead of plugin.json; write its keys into plugin.json",
                other.display()
            );
        }
        let path = dir.join("plugin.json");
        let text = std::fs::read_to_string(&path)
            .with_context(|| format!("{} cannot be read; a plugin's directory has one", path.display()))?;
        let value: Value = serde_json::from_str(&text).with_context(|| format!("{} is not JSON", path.display()))?;
        let problems = schema::check(&schema::load(project)?, &value)?;
        if !problems.is_empty() {
            bail!("{}: {}", path.display(), problems.join("; "));
        }
        Manifest::from_json(dir, &value, platform).with_context(|| path.display().to_string())
    }

    fn from_json(dir: &Path, value: &Value, platform: &str) -> Result<Manifest> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(version) = text("/version") else { bail!("version: is missing; write one such as 0.1.0") };
        let kind = match text("/server/runtime") {
            Some("python") => Kind::Python(PythonWorker::from_json(dir, value)?),
            Some("grpc") => Kind::Grpc,
            None if dir.join("Cargo.toml").is_file() => Kind::Native { package: package(&dir.join("Cargo.toml"))? },
            _ => bail!(
                "server.runtime: is neither \"python\" nor \"grpc\", and there is no Cargo.toml of a plugin in Rust; other plugins need no bundle of this kind"
            ),
        };
        let Some(executable) = text(&format!("/server/executables/{platform}")) else {
            bail!("server.executables.{platform}: is missing; write \"{platform}\": \"{USUAL}-{platform}\"");
        };
        if !stays_inside(executable) {
            bail!("server.executables.{platform}: {executable:?} must be a path inside the bundle");
        }
        let named = [
            ("server.python.entry_point", kind.entry_file(text("/server/python/entry_point"))),
            ("webapp.bundle_path", text("/webapp/bundle_path").map(str::to_owned)),
            ("icon_path", text("/icon_path").map(str::to_owned)),
        ];
        Ok(Manifest {
            id: text("/id").unwrap_or_default().to_owned(),
            version: version.to_owned(),
            executable: PathBuf::from(executable),
            kind,
            named: named.into_iter().filter_map(|(key, file)| Some((key, file?))).collect(),
        })
    }

    /// Fails if a file that the manifest names is not in the bundle.
    pub(crate) fn check_files(&self, bundle: &Path) -> Result<()> {
        for (key, file) in &self.named {
            if !stays_inside(file) {
                bail!("plugin.json: {key}: {file:?} must be a path inside the bundle");
            }
            if !bundle.join(file).is_file() {
                bail!("plugin.json: {key}: there is no {file} among the plugin's files");
            }
        }
        Ok(())
    }
}

impl Kind {
    /// The file that a worker in Python begins with, if it is one.
    fn entry_file(&self, named: Option<&str>) -> Option<String> {
        matches!(self, Kind::Python(_)).then(|| entry_file(named.unwrap_or("plugin.py"))).flatten()
    }
}

impl PythonWorker {
    fn from_json(dir: &Path, value: &Value) -> Result<PythonWorker> {
        let text = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).filter(|text| !text.is_empty());
        let requires = text("/server/python/requires_python").map(str::to_owned);
        let requires = requires.or_else(|| text("/server/python_version").map(|version| format!(">={version}")));
        let requires = Requirement::parse(requires.as_deref().unwrap_or(">=3.10"))
            .map_err(|problem| anyhow::anyhow!("server.python.requires_python: {problem}"))?;
        let requirements = requirements(dir, text("/server/python/requirements_path"))?;
        Ok(PythonWorker { requires, requirements })
    }
}

/// The name of the package in a Cargo.toml.
fn package(path: &Path) -> Result<String> {
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?;
    let value: toml::Table = text.parse().with_context(|| path.display().to_string())?;
    let name = value.get("package").and_then(|package| package.get("name")).and_then(toml::Value::as_str);
    Ok(name.with_context(|| format!("{} names no package", path.display()))?.to_owned())
}

/// The file of an entry point such as `plugin.py` or `plugin.py:MyPlugin`; None for a module, which may be anywhere.
fn entry_file(entry_point: &str) -> Option<String> {
    let target = entry_point.split(':').next().unwrap_or(entry_point);
    (target.ends_with(".py") || target.contains('/')).then(|| target.to_owned())
}

fn requirements(dir: &Path, named: Option<&str>) -> Result<Option<PathBuf>> {
    let path = dir.join(named.unwrap_or("requirements.txt"));
    match (named, path.is_file()) {
        (_, true) => Ok(Some(path)),
        (None, false) => Ok(None),
        (Some(name), false) => bail!("server.python.requirements_path: there is no {name} in the plugin's directory"),
    }
}

fn stays_inside(path: &str) -> bool {
    Path::new(path).components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"{"id": "com.example.a", "version": "1.0.0", "server": {"runtime": "python",
        "executables": {"linux-amd64": "server/bridge"}, "python": {"requires_python": ">=3.11"}}}"#;

    fn read(json: &str) -> Result<Manifest> {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("plugin.json"), json).unwrap();
        Manifest::read(&Project::load().unwrap(), directory.path(), "linux-amd64")
    }

    #[test]
    fn a_good_manifest_says_all() {
        let manifest = read(GOOD).unwrap();
        assert_eq!((manifest.id.as_str(), manifest.version.as_str()), ("com.example.a", "1.0.0"));
        assert_eq!(manifest.executable, Path::new("server/bridge"));
        let Kind::Python(worker) = &manifest.kind else { panic!("{:?}", manifest.kind) };
        assert!(worker.requires.allows((3, 11, 0)) && !worker.requires.allows((3, 10, 9)));
        let empty = tempfile::tempdir().unwrap();
        let error = manifest.check_files(empty.path()).unwrap_err().to_string();
        assert_eq!(error, "plugin.json: server.python.entry_point: there is no plugin.py among the plugin's files");
    }

    #[test]
    fn every_fault_names_the_key() {
        let cases = [
            ("{", "}", "is not JSON"),
            (r#""version": "1.0.0","#, "", "version: is missing"),
            (r#""com.example.a""#, r#""a b c""#, "id: \"a b c\" does not match"),
            (r#""runtime": "python","#, "", "server.runtime: is neither \"python\" nor"),
            (
                "linux-amd64",
                "linux-arm64",
                "server.executables.linux-amd64: is missing; write \"linux-amd64\": \"server/",
            ),
            ("server/bridge", "../bridge", "server.executables.linux-amd64: \"../bridge\" must be a path inside"),
            ("requires_python", "requires_pyton", "server.python.requires_pyton: is not a key that is known here"),
            (">=3.11", "new", "server.python.requires_python: "),
            (r#"">=3.11""#, "3", "server.python.requires_python: 3 is not a string"),
            (
                r#"{"requires_python""#,
                r#"{"requirements_path": "x", "requires_python""#,
                "server.python.requirements_path: there is no x",
            ),
        ];
        for (from, to, expected) in cases {
            assert!(GOOD.contains(from), "{from}");
            let error = format!("{:#}", read(&GOOD.replacen(from, to, 1)).unwrap_err());
            assert!(error.contains(expected), "{from}: {error}");
        }
    }

    #[test]
    fn entry_points_that_are_modules_are_not_looked_for() {
        assert_eq!(entry_file("plugin.py:Mine").as_deref(), Some("plugin.py"));
        assert_eq!(entry_file("package.main"), None);
    }
}
