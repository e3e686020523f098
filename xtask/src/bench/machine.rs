//! What the figures were measured on.

use std::fs;
use std::process::Command;

use anyhow::Result;

use crate::go_parts;
use crate::python::Python;
use crate::shell::Shell;

/// The day, the machine and the versions of the languages, each a line.
pub(crate) fn describe(shell: &Shell) -> Result<Vec<String>> {
    let date = shell.read(Command::new("date").args(["-u", "+%Y-%m-%d"]))?;
    let kernel = shell.read(Command::new("uname").args(["-srm"]))?;
    let rust = shell.read(Command::new("rustc").arg("--version"))?;
    let python = Python::any(shell)?;
    let machine =
        [processor(&fs::read_to_string("/proc/cpuinfo").unwrap_or_default()), memory(), kernel.trim().to_owned()];
    Ok(vec![
        date.trim().to_owned(),
        machine.join(", "),
        format!("{}, Python {}, {}", go_parts::require(shell)?, python.version(), rust.trim()),
    ])
}

/// How many processors there are, and of which kind.
fn processor(cpuinfo: &str) -> String {
    let value = |name: &str| {
        let line = cpuinfo.lines().find(|line| line.starts_with(name))?;
        Some(line.split_once(':')?.1.trim().to_owned())
    };
    let count = cpuinfo.lines().filter(|line| line.starts_with("processor")).count().max(1);
    format!("{count} x {}", value("model name").unwrap_or_else(|| std::env::consts::ARCH.to_owned()))
}

fn memory() -> String {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let total =
        text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse::<u64>().ok());
    total.map_or_else(|| "unknown memory".to_owned(), |kilobytes| format!("{} GB", kilobytes.div_ceil(1 << 20)))
}

#[cfg(test)]
mod tests {
    #[test]
    fn processors_are_counted() {
        let text = "processor\t: 0\nmodel name\t: Fast One\n\nprocessor\t: 1\nmodel name\t: Fast One\n";
        assert_eq!(super::processor(text), "2 x Fast One");
    }
}
