//! The virtual environment with pinned packages, and gRPC's generated Python code, both below the target directory.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

/// Python with everything that the servers import.
pub(crate) struct Python {
    interpreter: PathBuf,
    stubs: PathBuf,
    /// The root of the checkout.
    pub(crate) root: PathBuf,
}

impl Python {
    /// Makes what is not there yet.
    pub(crate) fn prepare() -> Result<Python> {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = here.join("../..").canonicalize()?;
        let made = target_directory()?.join("bench-link");
        let python = Python { interpreter: made.join("venv/bin/python"), stubs: made.join("stubs"), root };
        let (requirements, proto) = (here.join("python/requirements.txt"), here.join("proto/hooks.proto"));
        let wanted = format!("{}{}", fs::read_to_string(&requirements)?, fs::read_to_string(&proto)?);
        let stamp = made.join("made");
        if fs::read_to_string(&stamp).is_ok_and(|stamp| stamp == wanted) {
            return Ok(python);
        }
        eprintln!("making a virtual environment in {}", made.display());
        run(Command::new("python3").args(["-I", "-m", "venv", "--clear"]).arg(made.join("venv")))?;
        python.install(&requirements)?;
        python.generate(&proto)?;
        fs::write(stamp, wanted)?;
        Ok(python)
    }

    fn install(&self, requirements: &Path) -> Result<()> {
        let mut pip = Command::new(&self.interpreter);
        pip.args(["-m", "pip", "install", "--quiet", "--only-binary=:all:", "-r"]).arg(requirements);
        pip.env("PIP_NO_INPUT", "1").env("PIP_DISABLE_PIP_VERSION_CHECK", "1").env("PIP_USER", "0");
        run(pip.env_remove("PIP_TARGET").env_remove("PIP_PREFIX").env_remove("PYTHONPATH"))
    }

    fn generate(&self, proto: &Path) -> Result<()> {
        fs::create_dir_all(&self.stubs)?;
        let option = |name: &str, path: &Path| format!("--{name}={}", path.display());
        let mut protoc = Command::new(&self.interpreter);
        protoc.args(["-m", "grpc_tools.protoc"]).arg(option("proto_path", proto.parent().unwrap_or(proto)));
        run(protoc.args([option("python_out", &self.stubs), option("grpc_python_out", &self.stubs)]).arg(proto))
    }

    /// The interpreter with the generated code and the SDK on its path.
    pub(crate) fn command(&self) -> Command {
        let mut command = Command::new(&self.interpreter);
        let path = format!("{}:{}", self.stubs.display(), self.root.join("python/src").display());
        command.env("PYTHONPATH", path).env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONUNBUFFERED", "1");
        command
    }

    /// The versions of Python and of the packages, in one line.
    pub(crate) fn versions(&self) -> Result<String> {
        let output = Command::new(&self.interpreter).arg("--version").output()?;
        let python = String::from_utf8(output.stdout)?;
        let packages = include_str!("../python/requirements.txt");
        let packages: Vec<String> = packages.lines().map(|line| line.replace("==", " ")).collect();
        Ok(format!("{}, {}", python.trim(), packages.join(", ")))
    }
}

/// The directory that Cargo builds this program in, whatever it is set to.
fn target_directory() -> Result<PathBuf> {
    let executable = std::env::current_exe()?;
    Ok(executable.ancestors().nth(2).context("the program lies in no target directory")?.to_owned())
}

fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot start {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed: {status}");
    }
    Ok(())
}
