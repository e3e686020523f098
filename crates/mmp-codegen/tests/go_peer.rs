//! The Go package of another schema is a package of its own, so that a test host can be built with fewer or more methods and fields.

mod support;

use std::process::Command;

use support::Checkout;

#[test]
fn the_package_of_every_fixture_compiles() {
    for fixture in ["older", "newer"] {
        let checkout = Checkout::new(fixture);
        checkout.write();
        let output = Command::new("go")
            .args(["vet", "./..."])
            .current_dir(checkout.path("go/generated/mattermost"))
            .output()
            .unwrap_or_else(|error| panic!("go cannot be started: {error}"));
        assert!(output.status.success(), "{fixture}: {}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn types_and_methods_are_as_in_the_schema() {
    let checkout = Checkout::new("older");
    checkout.write();
    let read = |name: &str| checkout.read(&format!("go/generated/mattermost/{name}"));
    let user = read("types_u.go");
    for line in [
        "\tId       string      `json:\"id\" key:\"id\"`",
        "\tKind     ChannelType `json:\"kind\" key:\"kind\"`",
        "\tAudited\n",
        "\tSeen  *time.Time      `json:\"seen\" key:\"seen\"`",
    ] {
        assert!(user.contains(line), "{line}\n{user}");
    }
    assert!(read("types_config.go").contains("\tSiteURL *string `key:\"SiteURL\"`"));
    assert!(read("types_a.go").contains("func (e *AppError) Error() string { return e.Message }"));
    assert!(read("register.go").contains("gob.RegisterName(\"*model.AppError\", (*AppError)(nil))"));
    assert!(read("driver.go").contains("func (s *DriverServer) ConnPing(args *string, returns *DbErrReturn) error {"));
    assert!(read("hooks.go").contains("func (s *HooksServer) Implemented(args *struct{}, returns *[]string) error {"));
}
