//! Copies of a plugin in Python that differ in how many workers they have.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use serde_json::{Value, json};

use crate::bundle::{self, Options};
use crate::files;
use crate::project::Project;
use crate::shell::Shell;

/// Makes the bundle of the plugin in `source` with so many workers, and returns its directory.
pub(crate) fn bundle(shell: &Shell, project: &Project, source: &Path, workers: u32) -> Result<PathBuf> {
    let path = source.join("plugin.json");
    let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let manifest: Value = serde_json::from_str(&text).with_context(|| path.display().to_string())?;
    let manifest = with_workers(manifest, workers);
    let id = manifest.get("id").and_then(Value::as_str).unwrap_or_default();
    let copy = project.made("variants")?.join(id);
    files::empty(&copy)?;
    files::copy(source, &copy, &|_| true)?;
    std::fs::write(copy.join("plugin.json"), format!("{manifest:#}\n"))?;
    Ok(bundle::build(shell, project, &copy, &Options::unpacked())?.directory)
}

/// The manifest with another number of workers, and an id that tells it.
fn with_workers(mut manifest: Value, workers: u32) -> Value {
    if let Some(id) = manifest.get("id").and_then(Value::as_str).map(|id| format!("{id}-{workers}")) {
        manifest["id"] = json!(id);
    }
    if let Some(python) = manifest.pointer_mut("/server/python") {
        python["workers"] = json!(workers);
    }
    manifest
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    #[test]
    fn only_the_id_and_the_workers_change() {
        let manifest = json!({"id": "a.b", "name": "A", "server": {"python": {"entry_point": "plugin.py"}}});
        let expected =
            json!({"id": "a.b-2", "name": "A", "server": {"python": {"entry_point": "plugin.py", "workers": 2}}});
        assert_eq!(super::with_workers(manifest, 2), expected);
    }
}
