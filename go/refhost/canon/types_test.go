package canon_test

import (
	"strings"
	"testing"

	m "mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
)

func TestCompareTypesSeesLostStructs(t *testing.T) {
	typed := &m.Post{Props: m.StringInterface{"attachments": []*m.MessageAttachment{{Text: "a"}}, "n": int64(1)}}
	plain := &m.Post{Props: m.StringInterface{"attachments": []any{map[string]any{"text": "a"}}, "n": 1}}
	if differences := canon.Compare(typed, plain); len(differences) > 0 {
		t.Fatalf("the values differ in %v", differences)
	}
	differences := canon.CompareTypes(typed, plain)
	if len(differences) != 1 || !strings.Contains(differences[0], ".props.attachments: want Go's type []*mattermost.MessageAttachment") {
		t.Errorf("%v", differences)
	}
	if differences := canon.CompareTypes(typed, typed); len(differences) > 0 {
		t.Errorf("%v", differences)
	}
}

func TestCompareTypesSeesWhatIsNil(t *testing.T) {
	want := []*m.AutocompleteArg{{Data: &m.AutocompleteTextArg{}}}
	if differences := canon.CompareTypes(want, []*m.AutocompleteArg{{}}); len(differences) != 1 {
		t.Errorf("%v", differences)
	}
}
