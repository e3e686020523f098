package conform

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/internal/bundle"
)

func TestTheGoPluginConforms(t *testing.T) {
	var out bytes.Buffer
	report, err := Run(Options{PluginDir: bundle.Make(t, "com.example.conformance", "conformance"), Seed: 11, Out: &out})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Problems) > 0 {
		t.Error(out.String())
	}
	// 237 methods without InstallPlugin, UploadData and PluginHTTP; 47 hooks without the three streaming ones, Implemented,
	// OnActivate and OnDeactivate.
	if report.Methods != 234 || report.Hooks != 41 {
		t.Errorf("%d methods, %d hooks", report.Methods, report.Hooks)
	}
	for _, line := range []string{"the plugin received 1446 of 1446 fields of 159 models", "the host received 1376 of 1376 fields of 138 models"} {
		if !strings.Contains(out.String(), line) {
			t.Errorf("no %q in\n%s", line, out.String())
		}
	}
}

func TestFieldsWithoutAValueAreSeen(t *testing.T) {
	seen := newCoverage("the plugin")
	slots := []mattermost.Slot{{Field: "A"}}
	seen.expect(&mattermost.GetTeamStatsReturns{}, slots)
	seen.see(&mattermost.GetTeamStatsReturns{A: &mattermost.TeamStats{TeamId: "t", TotalMemberCount: 1}}, slots)
	missing := seen.missing()
	if len(missing) != 1 || missing[0] != "the plugin never received a value of TeamStats.ActiveMemberCount" {
		t.Errorf("%v", missing)
	}
}

// A registered struct that comes as a map is a difference, though both look alike elsewhere.
func TestLostTypesAreSeen(t *testing.T) {
	c := newAPICase(1, 0, "sync", variantFull, mattermost.APIByName("CreatePost"))
	received, err := copyOf(c.args)
	if err != nil {
		t.Fatal(err)
	}
	post := received.(*mattermost.CreatePostArgs).A
	tree, err := canon.Tree(reflect.ValueOf(post.Props["attachments"]))
	if err != nil {
		t.Fatal(err)
	}
	plain := reflect.New(reflect.TypeFor[any]()).Elem()
	if err := canon.Assign(plain, tree); err != nil {
		t.Fatal(err)
	}
	post.Props["attachments"] = plain.Interface()
	tells := &teller{}
	tells.expect([]*apiCase{c})
	if err := tells.Serve(c.spec, received, &mattermost.CreatePostReturns{}); err != nil {
		t.Fatal(err)
	}
	if len(c.problems) != 1 || !strings.Contains(c.problems[0], "attachments: want Go's type") {
		t.Errorf("%v", c.problems)
	}
}

func TestAPluginThatDoesNotRunThePlanFails(t *testing.T) {
	_, err := Run(Options{PluginDir: bundle.Make(t, "com.example.go", ""), Seed: 1, Out: &bytes.Buffer{}})
	if err == nil || !strings.Contains(err.Error(), "did not run the plan") {
		t.Errorf("%v", err)
	}
}

func newUserCase(variant string) *apiCase {
	return newAPICase(1, 0, "sync", variant, mattermost.APIByName("CreateUser"))
}

// Deliberate mutations of single fields must be seen on both ways.
func TestMutationsAreSeen(t *testing.T) {
	c := newUserCase(variantFull)
	received, err := copyOf(c.args)
	if err != nil {
		t.Fatal(err)
	}
	tells := &teller{}
	tells.expect([]*apiCase{c})
	received.(*mattermost.CreateUserArgs).A.Locale += "x"
	if err := tells.Serve(c.spec, received, &mattermost.CreateUserReturns{}); err != nil {
		t.Fatal(err)
	}
	if len(c.problems) != 1 || !strings.Contains(c.problems[0], "locale") {
		t.Errorf("a mutated argument gave %v", c.problems)
	}

	c = newUserCase(variantFull)
	c.received = c.args
	user := *c.returns.(*mattermost.CreateUserReturns).A
	user.UpdateAt++
	c.check(planResult{Results: []json.RawMessage{encode(t, &user)}})
	if len(c.problems) != 1 || !strings.Contains(c.problems[0], "update_at") {
		t.Errorf("a mutated result gave %v", c.problems)
	}
}

func TestMissingAnswersAreSeen(t *testing.T) {
	c := newUserCase(variantError)
	c.received = c.args
	c.check(planResult{Results: []json.RawMessage{[]byte("null")}})
	if len(c.problems) == 0 {
		t.Error("a missing error was not seen")
	}
	c = newUserCase(variantError)
	c.received = c.args
	c.check(planResult{Error: []byte(`{"kind":"app","id":"other"}`)})
	if len(c.problems) == 0 {
		t.Error("another error was not seen")
	}
	c = newUserCase(variantFull)
	c.check(planResult{Results: []json.RawMessage{encode(t, c.returns.(*mattermost.CreateUserReturns).A)}})
	if len(c.problems) != 1 || !strings.Contains(c.problems[0], "received no call") {
		t.Errorf("%v", c.problems)
	}
}

func encode(t *testing.T, user *mattermost.User) []byte {
	t.Helper()
	values, err := slots(&mattermost.CreateUserReturns{A: user}, []mattermost.Slot{{Field: "A"}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(values[0])
	if err != nil {
		t.Fatal(err)
	}
	return data
}
