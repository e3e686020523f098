package canon

import (
	"fmt"
	"reflect"
	"sort"
)

// Compare returns the first differences between two Go values, as texts with the path of each. nil and empty containers are
// equal, and the integer types inside an interface are, because neither survives gob or a language with one integer type.
func Compare(want, got any) []string {
	wantTree, err := Tree(reflect.ValueOf(want))
	if err != nil {
		return []string{err.Error()}
	}
	gotTree, err := Tree(reflect.ValueOf(got))
	if err != nil {
		return []string{err.Error()}
	}
	return Diff(wantTree, gotTree)
}

// Diff returns the first ten differences between two trees.
func Diff(want, got any) []string {
	var found []string
	diff(&found, "", want, got)
	if len(found) > 10 {
		found = append(found[:10], fmt.Sprintf("and %d more", len(found)-10))
	}
	return found
}

func diff(found *[]string, path string, want, got any) {
	switch want := want.(type) {
	case map[string]any:
		if got, ok := got.(map[string]any); ok {
			diffObjects(found, path, want, got)
			return
		}
	case []any:
		if got, ok := got.([]any); ok && len(got) == len(want) {
			for i := range want {
				diff(found, fmt.Sprintf("%s[%d]", path, i), want[i], got[i])
			}
			return
		}
	default:
		if _, isObject := got.(map[string]any); !isObject {
			if _, isList := got.([]any); !isList && want == got {
				return
			}
		}
	}
	*found = append(*found, fmt.Sprintf("%s: want %s, got %s", path, brief(want), brief(got)))
}

func diffObjects(found *[]string, path string, want, got map[string]any) {
	keys := map[string]bool{}
	for key := range want {
		keys[key] = true
	}
	for key := range got {
		keys[key] = true
	}
	sorted := make([]string, 0, len(keys))
	for key := range keys {
		sorted = append(sorted, key)
	}
	sort.Strings(sorted)
	for _, key := range sorted {
		wantItem, inWant := want[key]
		gotItem, inGot := got[key]
		if inWant != inGot {
			if isZero(wantItem) && isZero(gotItem) {
				*found = append(*found, fmt.Sprintf("%s.%s: a zero value is on one side only", path, key))
				continue
			}
		}
		diff(found, path+"."+key, wantItem, gotItem)
	}
}

func brief(tree any) string {
	text, err := Marshal(tree)
	if err != nil {
		return err.Error()
	}
	if len(text) > 160 {
		return string(text[:160]) + "..."
	}
	return string(text)
}

// Subset returns the differences between want and those parts of got that want mentions: further keys of objects are
// allowed, lists must have the same length.
func Subset(want, got any) []string {
	var found []string
	subset(&found, "", want, got)
	return found
}

func subset(found *[]string, path string, want, got any) {
	switch want := want.(type) {
	case map[string]any:
		object, ok := got.(map[string]any)
		if !ok {
			break
		}
		for key, item := range want {
			if gotItem, present := object[key]; present || !isZero(item) {
				subset(found, path+"."+key, item, gotItem)
			}
		}
		return
	case []any:
		list, ok := got.([]any)
		if !ok || len(list) != len(want) {
			break
		}
		for i := range want {
			subset(found, fmt.Sprintf("%s[%d]", path, i), want[i], list[i])
		}
		return
	}
	diff(found, path, want, got)
}
