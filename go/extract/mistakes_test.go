package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A mistake is one change of the fixture that must be refused.
type mistake struct {
	name     string
	file     string // below testdata
	old, new string // what to replace
	where    string // the file of the message
	at       string // the beginning of the text, after the change, whose line the message must name; "" is the first line
	message  string // a part of it
}

const (
	apiGo     = "tree/plugin/api.go"
	hooksGo   = "tree/plugin/hooks.go"
	driverGo  = "tree/plugin/driver.go"
	rpcGo     = "tree/plugin/rpc.go"
	noteGo    = "tree/model/note.go"
	allowGo   = "tree/model/permission.go"
	versionGo = "tree/model/version.go"
	logGo     = "tree/shared/log/log.go"
	toml      = "overrides.toml"
)

var mistakes = []mistake{
	// Methods and their RPCs.
	{"a method without RPC", rpcGo, "func (s *apiRPCServer) Say(", "func (s *apiRPCServer) say(",
		apiGo, "Say(message", "API.Say has no RPC: apiRPCServer has no method Say"},
	{"a hook without RPC", rpcGo, "func (s *hooksRPCServer) OnStart(", "func (s *hooksRPCServer) onStart(",
		hooksGo, "OnStart() error", "Hooks.OnStart has no RPC"},
	{"a driver method without RPC", rpcGo, "func (db *dbRPCServer) Kind(", "func (db *dbRPCServer) kind(",
		driverGo, "Kind(id", "Driver.Kind has no RPC"},
	{"an RPC without method", apiGo, "Say(message string, values ...any)\n", "\n",
		rpcGo, "func (s *apiRPCServer) Say", "apiRPCServer.Say serves a method that the interface API does not have"},
	{"a second RPC that is not declared", toml, "Fetch = \"FetchStream\"\n", "\n",
		rpcGo, "func (s *apiRPCServer) FetchStream", "apiRPCServer.FetchStream serves a method"},
	{"not an RPC's form", rpcGo, "Say(args *Z_SayArgs, returns *Z_SayReturns)", "Say(args *Z_SayArgs)",
		rpcGo, "func (s *apiRPCServer) Say", "Say does not have the form of an RPC method"},
	{"a reply that cannot be filled in", rpcGo, "returns *Z_SayReturns)", "returns Z_SayReturns)",
		rpcGo, "func (s *apiRPCServer) Say", "the reply is not a pointer"},
	{"no server", rpcGo, "dbRPCServer", "databaseRPCServer",
		apiGo, "", "has no type dbRPCServer"},
	{"no interface", driverGo, "type Driver interface", "type Drivers interface",
		apiGo, "", "has no interface Driver"},
	{"an embedded interface", driverGo, "type Driver interface {", "type Driver interface {\n\tHooks",
		driverGo, "Hooks", "the interface Driver embeds another one"},
	{"a parameter without a name", driverGo, "Open(primary bool)", "Open(bool)",
		driverGo, "Open(", "a parameter of Open has no name"},
	{"a version that is none", apiGo, "version: 5.6", "version: soon",
		apiGo, "Find(teamID", "a line that is not understood: Minimum server version: soon"},
	{"a hook without number", hooksGo, "\tServeID        = 3\n", "",
		apiGo, "", "has no constant ServeID"},
	{"a number without hook", hooksGo, "retiredID", "RetiredID",
		hooksGo, "RetiredID", "RetiredID numbers a hook that the interface Hooks does not have"},
	{"a wire name that is no struct", rpcGo, "type Z_SayReturns struct{}", "type Z_SayReturns struct{}\ntype Z_Wrong int",
		rpcGo, "type Z_Wrong", "Z_Wrong is not a struct"},

	// Types.
	{"an array", noteGo, "[]byte           `json", "[4]byte          `json",
		noteGo, "Body", "unknown type expression [4]byte"},
	{"a complex number", noteGo, "float32", "complex64",
		noteGo, "Ratio", "unknown type expression complex64"},
	{"a slice of functions", noteGo, " func() string", " []func() string",
		noteGo, "Translate", "unknown type expression func() string"},
	{"a struct without a name", noteGo, "struct{} ", "struct{ A int } ",
		noteGo, "Empty", "a struct type without a name cannot be described"},
	{"a generic struct", noteGo, "type Options[T any] []T", "type Options[T any] struct{ All []T }",
		noteGo, "Choices", "the generic struct fixture.test/server/public/model.Options"},
	{"only fields that cannot be sent", noteGo, "\tTitle string", "\ttitle string",
		noteGo, "type Book struct", "gob cannot send Book"},
	{"an encoding of its own", noteGo, "type Unreached struct", "func (b *Book) MarshalBinary() ([]byte, error) { return nil, nil }\n\ntype Unreached struct",
		apiGo, "Upload(book", "fixture.test/server/public/model.Book encodes itself (MarshalBinary)"},
	{"two types of one name", hooksGo, "StopSaving = \"plugin.stop\"", "StopSaving = \"plugin.stop\"\n\ntype Note struct{ A *model.Note }\n\ntype Z_NoteArgs struct{ A Note }",
		hooksGo, "type Z_NoteArgs", "two types are called Note"},
	{"the name of a declared type", noteGo, "Title string", "Title Level\n}\n\ntype Level struct {\n\tA int",
		noteGo, "Title Level", "two types are called Level"},
	{"the name of a leaf", noteGo, "Title string", "Title bytes\n}\n\ntype bytes struct {\n\tA int",
		noteGo, "type bytes struct", "the type bytes has the name of a built-in type expression"},

	// Names that lead nowhere.
	{"an undeclared name", noteGo, "*Owner", "*Ownr",
		noteGo, "*Ownr", "undefined: Ownr"},
	{"a type of another module", toml, "v3.Claims", "v3.Claim",
		hooksGo, "LoggedIn(", "other.test/auth/go-identity/v3.Claims is declared outside server/public"},
	{"a struct of the standard library", noteGo, " http.Header ", " http.Cookie ",
		noteGo, "Header ", "net/http.Cookie is declared outside server/public"},
	{"a missing package", noteGo, "public/shared/log\"", "public/shared/logs\"",
		noteGo, "\"fixture.test/server/public/shared/logs", "a package is missing"},
	{"a syntax error", noteGo, "type Note struct {", "type Note {",
		noteGo, "type Note {", "expected type"},
	{"packages that import each other", logGo, "import \"other.test/logging\"", "import \"other.test/logging\"\nimport _ \"fixture.test/server/public/model\"",
		logGo, "import _", "the package imports itself"},

	// Values.
	{"an unknown permission", allowGo, "PermissionWrite = &", "PermissionRead = &",
		allowGo, "var PermissionWrite", "assigns a &Permission{...} to PermissionWrite"},
	{"a permission with a computed id", allowGo, "\"write_note\"", "name()",
		allowGo, "PermissionWrite = &", "the id of PermissionWrite is not a constant string"},
	{"no version", versionGo, "var versions", "var releases",
		"tree/model/constants.go", "", "has no variable versions"},
	{"a computed version", versionGo, "\"3.1.0\"", "first()",
		versionGo, "var versions", "versions is not a list that starts with the tree's version"},
	{"a registered value of unknown type", rpcGo, "encoding.Register(&Failure{})", "encoding.Register(newFailure())",
		rpcGo, "encoding.Register(newFailure())", "the type registered here is not known"},
	{"a computed registered name", rpcGo, "\"[]*model.Old\"", "string([]byte{65})",
		rpcGo, "encoding.RegisterName", "the name registered here is not a constant string"},
	{"nothing registered", rpcGo, "encoding.Register", "encoding.Ignore",
		apiGo, "", "has no call of gob.Register"},

	// overrides.toml.
	{"a declared type that nothing refers to", toml, "[rpc]", "[types.Extra]\ngo = \"a.b/c.Extra\"\ntype = \"int\"\n\n[rpc]",
		toml, "[types.Extra]", "nothing refers to a.b/c.Extra"},
	{"a name for the RPC of no method", toml, "Fetch =", "Fetched = \"Fetch\"\nFetch =",
		toml, "Fetched =", "there is no method Fetched"},
	{"a pattern without constants", toml, "plugin.Stop*", "plugin.Start*",
		toml, "note_types", "matches plugin.Start*"},
	{"a pattern that is none", toml, "plugin.Stop*", "plugin.[",
		toml, "note_types", "a pattern for constants is a string like package.Name*"},
	{"a reference to nothing", toml, "*Number", "*Numbers",
		toml, "Number *Numbers", "Key refers to Numbers, which this file does not declare"},
	{"fields that are not Go", toml, "Issued time", "Issued: time",
		toml, "Issued: time", "the fields of Key are not Go"},
	{"an array in a field", toml, "Issued time", "Issued [4]time",
		toml, "Issued", "unknown type expression in Key"},
	{"a type without form", toml, "encoding = \"gob\"\n", "",
		toml, "[types.Number]", "must have go and exactly one of"},
	{"a type declared twice", toml, "[types.Usage]", "[types.Number]",
		toml, "[types.Number]\ngo = \"other", "the type Number is declared twice"},
	{"an unknown encoding", toml, "encoding = \"gob\"", "encoding = \"xml\"",
		toml, "encoding =", "encoding must be"},
	{"an unknown key", toml, "encoding = \"gob\"", "encodes = \"gob\"",
		toml, "encodes =", "unknown key encodes"},
	{"a string without end", toml, "\"FetchStream\"", "\"FetchStream",
		toml, "Fetch =", "a string does not end"},
}

// TestMistakes changes the fixture in one place at a time and expects an error that names the place.
func TestMistakes(t *testing.T) {
	for _, m := range mistakes {
		t.Run(strings.ReplaceAll(m.name, " ", "_"), func(t *testing.T) {
			directory := t.TempDir()
			if err := os.CopyFS(directory, os.DirFS("testdata")); err != nil {
				t.Fatal(err)
			}
			replace(t, filepath.Join(directory, m.file), m.old, m.new)
			place := fmt.Sprintf("%s:%d:", m.where, lineOf(t, filepath.Join(directory, m.where), m.at))
			out := filepath.Join(directory, "out.json")
			var stdout, stderr bytes.Buffer
			code := run([]string{"-src", filepath.Join(directory, "tree"), "-overrides", filepath.Join(directory, "overrides.toml"), "-out", out}, &stdout, &stderr)
			messages := strings.ReplaceAll(stderr.String(), directory+string(filepath.Separator), "")
			if code != 1 {
				t.Errorf("the exit code is %d", code)
			}
			if _, err := os.Stat(out); err == nil {
				t.Error("a schema was written all the same")
			}
			found := slices.ContainsFunc(strings.Split(messages, "\n"), func(line string) bool {
				return strings.HasPrefix(line, place) && strings.Contains(line, m.message)
			})
			if !found {
				t.Errorf("expected %s ...%s..., got\n%s", place, m.message, messages)
			}
		})
	}
}

func replace(t *testing.T, file, old, new string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.ReplaceAll(string(text), old, new)
	if changed == string(text) {
		t.Fatalf("%s does not contain %q", file, old)
	}
	if err := os.WriteFile(file, []byte(changed), 0o644); err != nil {
		t.Fatal(err)
	}
}

// lineOf is the number of the line in which a text begins.
func lineOf(t *testing.T, file, text string) int {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, _, found := strings.Cut(string(content), text)
	if !found {
		t.Fatalf("%s does not contain %q", file, text)
	}
	return strings.Count(before, "\n") + 1
}
