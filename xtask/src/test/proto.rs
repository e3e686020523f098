//! `proto/`: the rules of buf, and that no change breaks programs made from an earlier version.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};

use super::step::{Lane, Outcome, Step};
use crate::files;
use crate::node::Node;
use crate::project::Project;
use crate::shell::Shell;

/// The steps.
pub(crate) const STEPS: &[Step] = &[Step { name: "proto", lane: Lane::Beside, minutes: 10, run: proto }];

/// Where the files are.
const DIRECTORY: &str = "proto";

/// The package of the services, below it.
const PACKAGE: &str = "mattermost";

/// How buf exits when it has something to say about the files.
const FINDINGS: i32 = 100;

fn proto(shell: &Shell, project: &Project) -> Result<Outcome> {
    let buf = Buf::find(shell, project)?;
    let directory = project.root.join(DIRECTORY);
    shell.run(buf.command().arg("lint").current_dir(&directory))?;
    shell.run(buf.command().args(["format", "--diff", "--exit-code"]).current_dir(&directory))?;
    sees_a_changed_number(shell, project, &buf)?;
    Before::find(shell, &project.root)?.compare(shell, project, &buf)?;
    Ok(Outcome::Passed)
}

/// buf, from its npm package.
struct Buf {
    node: Node,
    program: PathBuf,
    cache: PathBuf,
}

impl Buf {
    /// Installs it, in the version of `proto/package-lock.json`.
    fn find(shell: &Shell, project: &Project) -> Result<Buf> {
        let node = Node::any(shell, project)?;
        let made = project.made("buf")?;
        let modules = node.packages(shell, &project.root.join(DIRECTORY), &made.join("npm"))?;
        Ok(Buf { node, program: modules.join("@bufbuild/buf/bin/buf"), cache: made.join("cache") })
    }

    fn command(&self) -> Command {
        let mut command = self.node.command();
        command.arg(&self.program).env("BUF_CACHE_DIR", &self.cache);
        command
    }

    /// Compares a directory with an earlier version of it; a change that breaks programs is an error.
    fn breaking(&self, directory: &Path, earlier: &Path) -> Command {
        let mut command = self.command();
        command.arg("breaking").arg("--against").arg(earlier).current_dir(directory);
        command
    }
}

/// The proof that the check does something: a field with another number must be found in a copy, and nothing in one that is the same.
fn sees_a_changed_number(shell: &Shell, project: &Project, buf: &Buf) -> Result<()> {
    let directory = project.root.join(DIRECTORY);
    let copy = project.made("proto")?.join("changed");
    files::empty(&copy)?;
    files::copy(&directory, &copy, &|_| true)?;
    shell.run(&mut buf.breaking(&copy, &directory))?;
    change_a_number(&copy.join(PACKAGE).join("plugin/v1/user_api.proto"))?;
    let status = shell.status(&mut buf.breaking(&copy, &directory))?;
    ensure!(status.code() == Some(FINDINGS), "buf breaking does not see that a field's number has changed: {status}");
    Ok(())
}

/// Gives the first field of a file another number.
fn change_a_number(file: &Path) -> Result<()> {
    let text = std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    let Some((begin, end)) = text.split_once(" = 1;") else { bail!("{} has no field 1", file.display()) };
    std::fs::write(file, format!("{begin} = 18999;{end}")).with_context(|| format!("cannot write {}", file.display()))
}

/// What there is to compare with.
#[derive(Debug, PartialEq, Eq)]
enum Before {
    /// `proto/` as of this commit.
    Commit(String),
    /// Nothing: this is the first version.
    First,
    /// Nothing that git has here, for this reason.
    Unknown(&'static str),
}

impl Before {
    /// The version before the newest change: before one that is not committed yet, or else before the last commit that touched it.
    fn find(shell: &Shell, root: &Path) -> Result<Before> {
        let git = |arguments: &[&str]| shell.read(git(root).args(arguments));
        let Ok(changes) = git(&["status", "--porcelain", "--", DIRECTORY]) else {
            return Ok(Before::Unknown("this is no git checkout"));
        };
        let commit = if changes.trim().is_empty() {
            let newest = git(&["log", "-1", "--format=%H", "--", DIRECTORY])?;
            let parents = git(&["log", "-1", "--format=%P", newest.trim()])?;
            match parents.split_whitespace().next() {
                Some(parent) => parent.to_owned(),
                None if git(&["rev-parse", "--is-shallow-repository"])?.trim() == "true" => {
                    return Ok(Before::Unknown("git has only the newest commits here"));
                }
                None => return Ok(Before::First),
            }
        } else {
            "HEAD".to_owned()
        };
        let had_files = git(&["rev-parse", "--verify", "--quiet", &format!("{commit}:{DIRECTORY}/{PACKAGE}")]).is_ok();
        Ok(if had_files { Before::Commit(commit) } else { Before::First })
    }

    /// Compares, if there is something.
    fn compare(&self, shell: &Shell, project: &Project, buf: &Buf) -> Result<()> {
        match self {
            Before::Commit(commit) => {
                shell.say(&format!("comparing with {commit}"));
                let earlier = extract(shell, &project.root, commit, &project.made("proto")?)?;
                shell.run(&mut buf.breaking(&project.root.join(DIRECTORY), &earlier))
            }
            Before::First => {
                shell.say("there is no earlier version to compare with");
                Ok(())
            }
            Before::Unknown(why) => {
                shell.say(&format!("SKIPPED: buf breaking with the version before: {why}"));
                Ok(())
            }
        }
    }
}

/// Writes `proto/` as of a commit into a directory.
fn extract(shell: &Shell, root: &Path, commit: &str, made: &Path) -> Result<PathBuf> {
    let (archive, directory) = (made.join("before.tar"), made.join("before"));
    files::empty(&directory)?;
    shell.run(git(root).args(["archive", "--output"]).arg(&archive).args([commit, DIRECTORY]))?;
    shell.run(Command::new("tar").arg("-xf").arg(&archive).arg("-C").arg(&directory))?;
    Ok(directory.join(DIRECTORY))
}

fn git(root: &Path) -> Command {
    let mut command = Command::new("git");
    command.current_dir(root);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_before_the_newest_change_is_found() {
        let shell = Shell::terminal();
        let root = tempfile::tempdir().unwrap();
        let run = |arguments: &[&str]| {
            let identity = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"];
            shell.read(git(root.path()).args(identity).args(arguments)).unwrap()
        };
        let write = |text: &str| std::fs::write(root.path().join("proto/mattermost/x.proto"), text).unwrap();
        let commit = || {
            run(&["add", "."]);
            run(&["commit", "--quiet", "--message", "x"]);
            run(&["rev-parse", "HEAD"]).trim().to_owned()
        };
        let find = || Before::find(&shell, root.path()).unwrap();
        assert_eq!(find(), Before::Unknown("this is no git checkout"));
        run(&["init", "--quiet"]);
        std::fs::create_dir_all(root.path().join("proto/mattermost")).unwrap();
        std::fs::write(root.path().join("other"), "1").unwrap();
        run(&["add", "other"]);
        run(&["commit", "--quiet", "--message", "x"]);
        write("first");
        assert_eq!(find(), Before::First, "not committed yet");
        let first = commit();
        assert_eq!(find(), Before::First);
        write("second");
        assert_eq!(find(), Before::Commit("HEAD".into()));
        commit();
        assert_eq!(find(), Before::Commit(first.clone()));
        std::fs::write(root.path().join("other"), "2").unwrap();
        commit();
        assert_eq!(find(), Before::Commit(first.clone()), "commits elsewhere do not count");
        let made = tempfile::tempdir().unwrap();
        let earlier = extract(&shell, root.path(), &first, made.path()).unwrap();
        assert_eq!(std::fs::read_to_string(earlier.join("mattermost/x.proto")).unwrap(), "first");
    }
}
