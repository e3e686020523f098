//! `cargo xtask demo`: an example and the Go plugin under Go's own go-plugin host.

use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail};

use crate::bundle::{self, Options};
use crate::go_parts;
use crate::project::Project;
use crate::shell::Shell;

/// The arguments of the command.
#[derive(clap::Args)]
pub(crate) struct Args {
    /// The language of the example: python, typescript, grpcio (Python without the SDK) or rust.
    #[arg(default_value = "python")]
    language: String,
}

/// A plugin that the demo can be played with.
pub(crate) struct Example {
    /// Its language.
    pub(crate) language: &'static str,
    /// What it replaces by an emoji when it stands between colons.
    word: &'static str,
    /// Where it is.
    pub(crate) directory: &'static str,
}

/// All of them.
pub(crate) const EXAMPLES: [Example; 4] = [
    Example { language: "python", word: "python", directory: "examples/hello_python" },
    Example { language: "typescript", word: "typescript", directory: "examples/hello_typescript" },
    Example { language: "grpcio", word: "python", directory: "examples/hello_grpcio" },
    Example { language: "rust", word: "rust", directory: "examples/hello_rust" },
];

/// Runs the command.
pub(crate) fn run(args: &Args) -> Result<ExitCode> {
    let languages = EXAMPLES.map(|example| example.language).join(", ");
    let example = EXAMPLES.iter().find(|example| example.language == args.language);
    let example = example.with_context(|| format!("{} is none of {languages}", args.language))?;
    play(&Shell::terminal(), &Project::load()?, example)?;
    Ok(ExitCode::SUCCESS)
}

/// Builds what the demo needs and plays it.
pub(crate) fn play(shell: &Shell, project: &Project, example: &Example) -> Result<()> {
    go_parts::require(shell)?;
    shell.say("building the bridge, the bundle and the host; the first time takes a minute or two");
    let hello = bundle::build(shell, project, &project.root.join(example.directory), &Options::unpacked())?;
    let goplugin = go_parts::goplugin(shell, project)?;
    let mut refhost = Command::new(go_parts::refhost(shell, project)?);
    refhost.args(["demo", "--word", example.word, "--plugin"]).arg(&hello.directory).arg("--plugin2").arg(goplugin);
    let status = shell.status(refhost.current_dir(&project.root))?;
    if !status.success() {
        bail!("the demo failed ({status}); the lines above say what was expected");
    }
    Ok(())
}
