//! Steps for the example in TypeScript, in a copy of its directory.

use anyhow::Result;

use super::step::{Lane, Outcome, Step};
use crate::files;
use crate::node::Node;
use crate::project::Project;
use crate::shell::Shell;

/// The steps.
pub(crate) const STEPS: &[Step] = &[Step { name: "typescript tests", lane: Lane::Alone, minutes: 10, run: tests }];

/// Type checks and tests of the example; the packages are kept for the next time.
fn tests(shell: &Shell, project: &Project) -> Result<Outcome> {
    let example = project.root.join("examples/hello_typescript");
    let copy = project.made("typescript")?;
    let node = Node::any(shell, project)?;
    node.packages(shell, &example, &copy)?;
    let is_source = |relative: &str| !matches!(relative, "node_modules" | "dist" | "src/stubs");
    files::remove(&copy.join("src"))?;
    files::copy(&example, &copy, &is_source)?;
    for script in ["generate", "test"] {
        let mut command = node.npm();
        command.args(["run", script]).env("MMP_PROTO", project.root.join("proto")).current_dir(&copy);
        shell.run(&mut command)?;
    }
    Ok(Outcome::Passed)
}
