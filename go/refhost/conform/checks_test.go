package conform

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/internal/bundle"
)

func TestARunThatHangsIsKilled(t *testing.T) {
	var out bytes.Buffer
	_, err := Run(Options{
		PluginDir: bundle.Make(t, "com.example.conformance", "conformance"), Seed: 1, Limit: 20 * time.Millisecond, Out: &out,
	})
	if err == nil || !strings.Contains(out.String(), "the run hangs: after 20ms the plugin is killed") {
		t.Errorf("%v\n%s", err, &out)
	}
}

// A plugin that does what hook.json says, but implements only some hooks, is found out by its own answer to Implemented.
func TestMissingHooksAreSeen(t *testing.T) {
	report, err := Run(Options{PluginDir: bundle.Make(t, "com.example.go", "idle"), Seed: 1, Limit: time.Minute, Out: io.Discard})
	if err == nil || !slices.Contains(report.Problems, "life/Implemented/full: the plugin does not name ServeHTTP") {
		t.Errorf("%v, %v", report.Problems, err)
	}
}

func TestOtherBodiesAreSeen(t *testing.T) {
	upload := func(variant string) *apiCase {
		for _, c := range apiStreamCases(1, "sync") {
			if c.name == "api streams/sync/UploadData/"+variant {
				c.received = c.args
				close(c.stream.over)
				return c
			}
		}
		t.Fatalf("there is no case %s", variant)
		return nil
	}
	c := upload(variantFull)
	if _, err := c.stream.got.Write(c.stream.sent.data[1:]); err != nil {
		t.Fatal(err)
	}
	c.checkStream(planResult{})
	wantProblem(t, c.problems, "the host received another body: want 70101 bytes")

	c = upload("broken off")
	c.check(planResult{Results: []json.RawMessage{[]byte("null")}})
	wantProblem(t, c.problems, `got to see ""`)
	wantProblem(t, c.problems, "for a whole body, which was broken off")

	c = newPluginHTTP(1, "sync", variantFull, nil, 10)
	close(c.stream.over)
	other := digestOf([]byte("another"))
	c.checkStream(planResult{Body: &other})
	wantProblem(t, c.problems, "the plugin received another body: want 10 bytes")
}

func wantProblem(t *testing.T, problems []string, part string) {
	t.Helper()
	if !slices.ContainsFunc(problems, func(problem string) bool { return strings.Contains(problem, part) }) {
		t.Errorf("no %q in %v", part, problems)
	}
}

func TestOtherResponsesAreSeen(t *testing.T) {
	c := httpCases(1)[0]
	c.checkResponse(&http.Response{StatusCode: 200, Header: http.Header{"X-Preset": {"by the server"}}}, []byte("another"), io.ErrUnexpectedEOF)
	for _, part := range []string{
		"status 200 instead of 201", "the header X-Answer", "the header X-Preset", "the header Vary", "ended with unexpected EOF", "got another body",
	} {
		wantProblem(t, c.problems, part)
	}
	c = httpCases(1)[0]
	c.wanted.without = "secret"
	c.checkResponse(&http.Response{StatusCode: 201}, []byte("a secret"), nil)
	wantProblem(t, c.problems, `got to see "secret"`)
}

func TestEventsThatAreLostOrOutOfOrderAreSeen(t *testing.T) {
	for _, c := range eventCases() {
		var notes []hookOutput
		for _, e := range c.sent() {
			values, err := canon.Slots(c.args(e), c.spec.Params)
			if err != nil {
				t.Fatal(err)
			}
			note := hookOutput{Case: 7}
			for _, value := range values {
				data, err := canon.Marshal(value)
				if err != nil {
					t.Fatal(err)
				}
				note.Args = append(note.Args, data)
			}
			notes = append(notes, note)
		}
		swapped := slices.Clone(notes)
		swapped[0], swapped[8] = swapped[8], swapped[0]
		for what, wrong := range map[string]struct {
			notes []hookOutput
			want  string
		}{
			"all":     {notes, ""},
			"swapped": {swapped, map[bool]string{true: "were handled as [2 1 0"}[len(c.lanes) > 0]},
			"lost":    {notes[1:], "were handled as"},
			"twice":   {append(slices.Clone(notes), notes[3]), "were handled as"},
			"other":   {append(slices.Clone(notes), hookOutput{Case: 6}), "case 6 with 0 arguments"},
		} {
			c.problems = nil
			c.check(7, wrong.notes)
			if wrong.want != "" {
				wantProblem(t, c.problems, wrong.want)
			} else if len(c.problems) > 0 {
				t.Errorf("%s, %s: %v", c.name, what, c.problems)
			}
		}
	}
}

// A handler may write after the call has returned, and the host may see half of what it writes.
func TestAHandlerIsAwaited(t *testing.T) {
	s := &session{dir: t.TempDir(), number: 3}
	path := filepath.Join(s.dir, hookOut)
	writeFile(t, path, `{"case": 3, "args": [`)
	asked := 0
	var got hookOutput
	var err error
	if !await(time.Minute, func() bool {
		if asked++; asked == 2 {
			writeFile(t, path, `{"case": 3, "args": []}`)
		}
		got, err = s.output()
		return err == nil
	}) || asked != 2 || got.Case != 3 {
		t.Errorf("asked %d times, got %+v, %v", asked, got, err)
	}
	if await(time.Millisecond, func() bool { return false }) {
		t.Error("what never comes was awaited")
	}
}

func TestOtherFilesAreSeen(t *testing.T) {
	c := fileCases(1)[0]
	c.reply = &mattermost.FileWillBeUploadedReturns{A: c.args.B}
	sent, err := copyOf(c.args)
	if err != nil {
		t.Fatal(err)
	}
	if err := c.checkReply(mattermost.HookByName(fileHook), sent.(*mattermost.FileWillBeUploadedArgs), nil); err != nil {
		t.Fatal(err)
	}
	wantProblem(t, c.problems, "reply.a.id: want")
	wantProblem(t, c.problems, "received another replacement: want 70004 bytes")
}

func TestOtherNamesOfErrorsAreSeen(t *testing.T) {
	c := newUserCase(variantError)
	c.names = errorNames{Code: "NOT_FOUND", Class: "NotFoundError"}
	c.checkNames(errorNames{Code: "UNKNOWN", Class: "PluginAPIError"})
	wantProblem(t, c.problems, "the status UNKNOWN instead of NOT_FOUND")
	wantProblem(t, c.problems, "the class PluginAPIError instead of NotFoundError")
	c = newUserCase(variantError)
	c.names = errorNames{Code: "NOT_FOUND", Class: "NotFoundError"}
	c.checkNames(errorNames{Code: "NOT_FOUND"})
	if len(c.problems) > 0 {
		t.Error(c.problems)
	}
}

// Every method of the driver is called with every id that it takes, in an order that the bridge lets through.
func TestTheDriverSessionKeepsItsIds(t *testing.T) {
	open := map[string]bool{}
	called := map[string]bool{}
	for _, step := range driverSession {
		called[step.method] = true
		if step.takes != "" && !open[step.takes] {
			t.Errorf("%s, %s: %s is not open", step.method, step.variant, step.takes)
		}
		if step.gives != "" {
			open[step.gives] = true
		}
		if strings.HasSuffix(step.method, "Close") || step.method == "TxCommit" || step.method == "TxRollback" {
			delete(open, step.takes)
		}
	}
	if len(open) > 0 || len(called) != len(mattermost.Driver) {
		t.Errorf("%v is left open, %d methods are called", open, len(called))
	}
	for seed := range uint64(20) {
		ids := map[string]bool{}
		for _, c := range driverCases(seed, "sync") {
			if len(c.spec.Results) > 0 && c.failure == nil && strings.HasPrefix(canon.SlotValue(c.returns, c.spec.Results[0]).String(), "id ") {
				ids[canon.SlotValue(c.returns, c.spec.Results[0]).String()] = true
			}
		}
		if len(ids) != 12 {
			t.Errorf("seed %d: %d ids", seed, len(ids))
		}
	}
}

func TestSkips(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "skips.json"), `{"api/*/GetUser/nils": "a reason", "driver/sync/Tx/full": "another", "nothing/*": "a third"}`)
	skips, err := readSkips(dir)
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"api/sync/GetUser/nils": "a reason", "api/sync/GetUser/nilsx": "", "driver/sync/Tx/full": "another", "driver/sync/Tx/full 2": "",
	} {
		if got := skips.reason(name); got != want {
			t.Errorf("%s: %q", name, got)
		}
	}
	if got := skips.unused(); len(got) != 1 || !strings.Contains(got[0], `"nothing/*" (a third)`) {
		t.Error(got)
	}
}

func TestMethodsThatWereNotCalledAreSeen(t *testing.T) {
	report := newReport("p", 1, &skips{})
	report.exercised["hook Implemented"] = true
	report.Skips = []Skip{{"hooks/OnInstall/full", "a reason"}}
	report.finish()
	if report.Exercised != (Counts{0, 1, 0}) || len(report.Problems) != 237+45+20 {
		t.Errorf("%+v, %d problems", report.Exercised, len(report.Problems))
	}
}

func TestWrittenCasesAreReadStrictly(t *testing.T) {
	for text, want := range map[string]string{
		"cases: [{name: a, call: GetUser, argz: [u]}]":                                  "unknown field",
		"cases: [{name: a}]":                                                            "must have a name",
		"cases: [{call: GetUser}]":                                                      "must have a name",
		"cases: [{name: a, hook: OnInstall}]":                                           "must have a name",
		"cases: [{name: a, call: GetUser}, {name: a, call: GetUser}]":                   "two cases",
		"cases: [{name: a, hook: OnInstall, expect: {}, answer: {answer: 5}}]":          "cannot unmarshal",
		"cases: [{name: a, hook: OnInstall, expect: {resultz: []}, answer: {read: 0}}]": "unknown field",
	} {
		dir := t.TempDir()
		writeFile(t, filepath.Join(dir, "a.yaml"), text)
		if _, err := loadWritten(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := loadWritten(t.TempDir()); err == nil {
		t.Error("a directory without cases is none")
	}
}

func TestWrittenValuesKeepTheirKinds(t *testing.T) {
	dir := t.TempDir()
	writeFile(t, filepath.Join(dir, "a.yaml"), `cases: [{name: a, call: UpdatePost, args: [{props: {f: 1.0, i: 1, u: 18446744073709551615, m: {}, n: null, t: {$repeat: ab, times: 3}}, file_ids: {$repeat: [x], times: 2}}]}]`)
	cases, err := loadWritten(dir)
	if err != nil {
		t.Fatal(err)
	}
	c := cases[0].apiCase("sync")
	post := c.args.(*mattermost.UpdatePostArgs).A
	want := map[string]any{"f": 1.0, "i": 1, "u": uint64(18446744073709551615), "m": map[string]any{}, "n": nil, "t": "ababab"}
	if found := canon.Compare(want, post.Props); len(found) > 0 || len(post.FileIds) != 2 || len(c.problems) > 0 {
		t.Errorf("%v, %v, %v", found, post.FileIds, c.problems)
	}
	c = (&written{Name: "a", Call: "GetUzer", file: "f"}).apiCase("sync")
	wantProblem(t, c.problems, "there is no method GetUzer")
}

func TestTheSummaryCanBeRead(t *testing.T) {
	path := filepath.Join(t.TempDir(), "summary.json")
	report := newReport("p", 3, &skips{})
	c := &record{name: "api/sync/X/full"}
	c.problemf("want %d", 1)
	report.add(c)
	if err := report.write(path); err != nil {
		t.Fatal(err)
	}
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read := Report{}
	if err := json.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	if len(read.Groups) != len(groupNames) || *read.Groups[1] != (Group{"api", 1, 0, 0}) || read.Problems[0] != "api/sync/X/full: want 1" || read.Seed != 3 {
		t.Errorf("%s", data)
	}
}
