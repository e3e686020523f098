package conform

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/internal/bundle"
)

// The Go plugin acknowledges hooks without a result when their handlers have run, or before.
func TestTheGoPluginConforms(t *testing.T) {
	for _, mode := range []string{"conformance", "late"} {
		t.Run(mode, func(t *testing.T) { conforms(t, mode) })
	}
}

func conforms(t *testing.T, mode string) {
	var out bytes.Buffer
	dir := bundle.Make(t, "com.example.conformance", mode)
	writeFile(t, filepath.Join(dir, "skips.json"), `{
		"api streams/*/broken off": "Go's streams end where they are broken off",
		"behaviour/http/*becomes 500": "Go's plugins do not look at the error with which the server refuses a status",
		"behaviour/http/a handler that fails after the first byte": "Go's server takes the response for a whole one"}`)
	report, err := Run(Options{
		PluginDir: dir, Seed: 11, Limit: time.Minute, Out: &out,
		CasesDir: "../../../tests/conformance/cases",
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(report.Problems) > 0 {
		t.Error(out.String())
	}
	if want := (Counts{237, 47, 20}); report.Exercised != want {
		t.Errorf("%+v instead of %+v", report.Exercised, want)
	}
	if !strings.Contains(out.String(), "237 API methods of 237, 47 hooks of 47, 20 driver methods of 20, 0 differences") {
		t.Error(out.String())
	}
}

func writeFile(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
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
	c := newAPICase(1, "sync", variantFull, mattermost.APIByName("CreatePost"))
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
	_, err := Run(Options{PluginDir: bundle.Make(t, "com.example.go", ""), Seed: 1, Limit: time.Minute, Out: &bytes.Buffer{}})
	if err == nil || !strings.Contains(err.Error(), "did not run the plan") {
		t.Errorf("%v", err)
	}
}

func newUserCase(variant string) *apiCase {
	return newAPICase(1, "sync", variant, mattermost.APIByName("CreateUser"))
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
	values, err := canon.Slots(&mattermost.CreateUserReturns{A: user}, []mattermost.Slot{{Field: "A"}})
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(values[0])
	if err != nil {
		t.Fatal(err)
	}
	return data
}
