package conform

import (
	"fmt"
	"reflect"
	"strings"

	"mattermost-plugin/refhost/canon"
)

// record is what every case has: its name, which begins with its group, and what was wrong with it.
type record struct {
	name     string
	problems []string
}

func (r *record) group() string {
	group, _, _ := strings.Cut(r.name, "/")
	return group
}

func (r *record) problem(what string, differences []string) {
	for _, difference := range differences {
		r.problems = append(r.problems, fmt.Sprintf("%s: %s%s", r.name, what, difference))
	}
}

func (r *record) problemf(format string, values ...any) {
	r.problem("", []string{fmt.Sprintf(format, values...)})
}

// compareJSON reads data as a value of want's type and compares.
func compareJSON(want reflect.Value, data []byte) []string {
	got, err := canon.Decode(data, want.Type())
	if err != nil {
		return []string{err.Error()}
	}
	wantTree, err := canon.Tree(want)
	if err != nil {
		return []string{err.Error()}
	}
	gotTree, err := canon.Tree(got)
	if err != nil {
		return []string{err.Error()}
	}
	return canon.Diff(wantTree, gotTree)
}

// errorKeys are the parts of an error that must reach the other side.
var errorKeys = []string{"kind", "id", "message", "detailed_error", "status_code", "where", "code"}

// compareErrors compares the fields that the error has which was sent.
func (r *record) compareErrors(sent error, got map[string]any) {
	want := canon.ErrorFields(sent)
	for _, key := range errorKeys {
		if want[key] != nil {
			r.problem("error."+key, canon.Diff(want[key], got[key]))
		}
	}
}
