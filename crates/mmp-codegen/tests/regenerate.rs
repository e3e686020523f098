//! Moving from an older to a newer Mattermost and back: numbers stay, changes are reported, no file is left over or missed.

mod support;

use support::Checkout;

const API: &str = "crates/mmp-transcode/src/generated/methods/api.rs";

#[test]
fn numbers_survive_and_changes_are_reported() {
    let checkout = Checkout::new("older");
    let report = checkout.write();
    assert_eq!(report.warnings, [""; 0]);
    assert_eq!(report.changes.added.len(), 5 + 3 + 2 + 8, "{:?}", report.changes.added);
    let older = checkout.load().unwrap();
    assert_eq!(older.lock.api["KVGet"], 3);
    assert_eq!(older.lock.fields["User"]["Password"], 2);
    assert_eq!(older.lock.driver["ConnPing"], 0x1000);

    checkout.use_fixture("newer");
    let report = checkout.write();
    assert_eq!(
        report.changes.added,
        ["api.GetTeam", "hooks.ReactionHasBeenAdded", "types.Team", "fields.User.Nickname"]
    );
    assert_eq!(report.changes.removed, ["api.KVGet", "fields.User.Password"]);
    let newer = checkout.load().unwrap();
    for (name, id) in &older.lock.api {
        assert_eq!(newer.lock.api.get(name).unwrap_or(id), id, "{name}");
    }
    assert_eq!(newer.lock.api["GetTeam"], 6, "not the number of the method that is gone");
    assert_eq!(newer.lock.reserved.api["KVGet"], 3);
    assert_eq!(newer.lock.fields["User"]["Nickname"], 8);
    assert_eq!(newer.lock.reserved.fields["User"]["Password"], 2);
    assert_ne!(older.hash, newer.hash);

    checkout.use_fixture("older");
    let report = checkout.write();
    assert_eq!(report.changes.added, ["api.KVGet", "fields.User.Password"]);
    let back = checkout.load().unwrap();
    assert_eq!(back.lock.api, older.lock.api);
    assert_eq!(back.lock.reserved.api["GetTeam"], 6);
    assert_eq!(back.lock.reserved.fields["Team"]["Id"], 1);
}

#[test]
fn writing_twice_changes_nothing() {
    let checkout = Checkout::new("newer");
    checkout.write();
    let report = checkout.write();
    assert!(report.written.is_empty() && report.removed.is_empty() && report.changes.is_empty(), "{report:?}");
    assert!(checkout.check().is_empty());
}

#[test]
fn check_finds_missing_changed_and_unlisted_files() {
    let checkout = Checkout::new("older");
    checkout.write();
    assert_eq!(checkout.check().to_string(), "");

    std::fs::remove_file(checkout.path(API)).unwrap();
    checkout.edit("go/generated/mattermost/doc.go", "11.5.0", "11.5.1");
    checkout.edit("schema/lock.toml", "GetUser = 2", "GetUser = 9");
    std::fs::write(checkout.path("go/generated/mattermost/notes.txt"), "mine").unwrap();
    let findings = checkout.check();
    assert_eq!(findings.missing, [API]);
    assert!(findings.changed.contains(&"go/generated/mattermost/doc.go".to_owned()), "{findings}");
    assert_eq!(findings.unlisted, ["go/generated/mattermost/notes.txt"]);
}

#[test]
fn check_finds_a_lock_that_is_out_of_date() {
    let checkout = Checkout::new("older");
    checkout.write();
    checkout.edit("schema/lock.toml", "mattermost = \"11.5.0\"", "mattermost = \"11.4.0\"");
    assert_eq!(checkout.check().changed, ["lock.toml"]);
    std::fs::remove_file(checkout.path("schema/lock.toml")).unwrap();
    assert_eq!(checkout.check().missing, ["lock.toml"]);
}

#[test]
fn check_finds_descriptions_that_are_missing_or_superfluous() {
    let checkout = Checkout::new("older");
    checkout.write();
    checkout.edit("schema/docs.toml", "KVGet = ", "KVGot = ");
    checkout.edit("schema/docs.toml", "Text of User.", " ");
    checkout.edit("schema/docs.toml", "rows_id = ", "rows_ids = ");
    checkout.edit("schema/docs.toml", "[params.RowsNext]", "[params.RowsPrevious]");
    assert_eq!(
        checkout.check().docs,
        [
            "docs.toml, [api]: `KVGet` has no description",
            "docs.toml, [api]: `KVGot` is not in the schema",
            "docs.toml, [types]: the description of `User` is empty",
            "docs.toml, [params]: `rows_id` of RowsNext has no description",
            "docs.toml, [params]: `dest` of RowsNext has no description",
            "docs.toml, [params.RowsPrevious]: there is no parameter `dest`",
            "docs.toml, [params]: no method has a parameter `rows_ids`",
        ]
    );
}

#[test]
fn stale_files_are_removed_and_strange_ones_are_not() {
    let checkout = Checkout::new("newer");
    checkout.write();
    let team = "crates/mmp-transcode/src/generated/types/t.rs";
    assert!(checkout.path(team).exists());
    let strange = "go/generated/mattermost/notes.txt";
    std::fs::write(checkout.path(strange), "mine").unwrap();

    checkout.use_fixture("older");
    let report = checkout.write();
    assert!(report.removed.contains(&team.to_owned()), "{:?}", report.removed);
    assert!(!checkout.path(team).exists());
    assert!(checkout.path(strange).exists());
    assert!(report.warnings.iter().any(|warning| warning.contains(strange)), "{:?}", report.warnings);
}
