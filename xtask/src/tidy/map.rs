//! ARCHITECTURE.md against `cargo metadata`: every crate is named, and the arrows are the dependencies.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use anyhow::{Context as _, Result};

use crate::project::{Package, Project};

const MAP: &str = "ARCHITECTURE.md";

/// How the block with the arrows begins. Its lines read `used <- user, user`.
const BLOCK: &str = "```dependencies";

/// Where the crates are that the map shows.
const PARTS: [&str; 2] = ["crates", "xtask"];

type Arrows = BTreeSet<(String, String)>;

/// Checks the map.
pub(crate) fn check(project: &Project) -> Result<Vec<String>> {
    let text = fs::read_to_string(project.root.join(MAP)).with_context(|| format!("cannot read {MAP}"))?;
    // Plugins in Rust are no part of the map: examples, tests and benchmarks are leaves that only use the SDK.
    let is_part =
        |package: &&Package| PARTS.iter().any(|part| package.manifest_path.starts_with(project.root.join(part)));
    let parts: Vec<&Package> = project.packages.iter().filter(is_part).collect();
    Ok(compare(&text, &parts))
}

fn compare(text: &str, packages: &[&Package]) -> Vec<String> {
    let mut problems = Vec::new();
    for package in packages.iter().filter(|package| !text.contains(&format!("`{}`", package.name))) {
        problems.push(format!("{MAP}: the crate `{}` is not named", package.name));
    }
    let Some(drawn) = drawn(text) else {
        problems.push(format!("{MAP}: there is no block that begins with {BLOCK}"));
        return problems;
    };
    let real = real(packages);
    let arrow = |(used, user): &(String, String)| format!("{used} <- {user}");
    problems.extend(real.difference(&drawn).map(|missing| format!("{MAP}: the arrow {} is missing", arrow(missing))));
    problems.extend(drawn.difference(&real).map(|wrong| format!("{MAP}: there is no dependency {}", arrow(wrong))));
    problems
}

/// The arrows of the block.
fn drawn(text: &str) -> Option<Arrows> {
    let (_, rest) = text.split_once(BLOCK)?;
    let block = rest.split("```").next()?;
    let mut arrows = Arrows::new();
    for (used, users) in block.lines().filter_map(|line| line.split_once("<-")) {
        arrows.extend(users.split(',').map(|user| (used.trim().to_owned(), user.trim().to_owned())));
    }
    Some(arrows)
}

/// The dependencies between crates of the workspace, those of tests left out.
fn real(packages: &[&Package]) -> Arrows {
    let names: BTreeMap<&str, ()> = packages.iter().map(|package| (package.name.as_str(), ())).collect();
    let mut arrows = Arrows::new();
    for package in packages {
        let used =
            package.dependencies.iter().filter(|used| used.kind.as_deref() != Some("dev") && used.path.is_some());
        let used = used.filter(|used| names.contains_key(used.name.as_str()));
        arrows.extend(used.map(|used| (used.name.clone(), package.name.clone())));
    }
    arrows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packages() -> Vec<Package> {
        serde_json::from_str(
            r#"[{"name": "gob", "dependencies": [{"name": "serde", "kind": null, "path": null}]},
                {"name": "wire", "dependencies": [{"name": "gob", "kind": null, "path": "/gob"}]},
                {"name": "bridge", "dependencies": [{"name": "wire", "kind": null, "path": "/wire"},
                                                    {"name": "gob", "kind": "dev", "path": "/gob"}]}]"#,
        )
        .unwrap()
    }

    #[test]
    fn a_true_map_passes() {
        let text = "`gob`, `wire` and `bridge`\n```dependencies\ngob <- wire\nwire <- bridge\n```\n";
        assert_eq!(compare(text, &packages().iter().collect::<Vec<_>>()), Vec::<String>::new());
    }

    #[test]
    fn every_difference_is_found() {
        let text = "`gob` and `wire`\n```dependencies\ngob <- wire, bridge\n```\n";
        let expected = [
            "ARCHITECTURE.md: the crate `bridge` is not named",
            "ARCHITECTURE.md: the arrow wire <- bridge is missing",
            "ARCHITECTURE.md: there is no dependency gob <- bridge",
        ];
        assert_eq!(compare(text, &packages().iter().collect::<Vec<_>>()), expected);
        assert!(
            compare("`gob` `wire` `bridge`", &packages().iter().collect::<Vec<_>>())[0]
                .starts_with("ARCHITECTURE.md: there is no block")
        );
    }
}
