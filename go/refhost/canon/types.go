package canon

import (
	"fmt"
	"reflect"
	"sort"
)

// CompareTypes returns the places where an interface of want holds a struct, or a list of structs, that Mattermost has registered with gob, and the one
// of got does not hold the same type. Compare does not see that, because such a value looks like a map in every other language; but the server
// asserts these types. Other types in interfaces may differ: no language has all of Go's integers.
func CompareTypes(want, got any) []string {
	var found []string
	compareTypes(&found, "", reflect.ValueOf(want), reflect.ValueOf(got))
	return found
}

func compareTypes(found *[]string, path string, want, got reflect.Value) {
	if !want.IsValid() || !got.IsValid() {
		return
	}
	switch want.Kind() {
	case reflect.Interface:
		want, got = want.Elem(), got.Elem()
		if want.IsValid() && isRegistered(want.Type()) && (!got.IsValid() || got.Type() != want.Type()) {
			*found = append(*found, fmt.Sprintf("%s: want Go's type %s, got %s", path, want.Type(), typeName(got)))
			return
		}
		if want.IsValid() && got.IsValid() && want.Type() == got.Type() {
			compareTypes(found, path, want, got)
		}
	case reflect.Pointer:
		compareTypes(found, path, want.Elem(), got.Elem())
	case reflect.Struct:
		for i := range want.NumField() {
			if field := want.Type().Field(i); field.IsExported() {
				compareTypes(found, path+"."+Key(field), want.Field(i), got.Field(i))
			}
		}
	case reflect.Slice, reflect.Array:
		for i := range min(want.Len(), got.Len()) {
			compareTypes(found, fmt.Sprintf("%s[%d]", path, i), want.Index(i), got.Index(i))
		}
	case reflect.Map:
		keys := want.MapKeys()
		sort.Slice(keys, func(i, j int) bool { return fmt.Sprint(keys[i]) < fmt.Sprint(keys[j]) })
		for _, key := range keys {
			compareTypes(found, fmt.Sprintf("%s.%v", path, key), want.MapIndex(key), got.MapIndex(key))
		}
	}
}

// isRegistered says whether a type in an interface is a struct of Mattermost's, a pointer to one, or a list of them.
func isRegistered(held reflect.Type) bool {
	for held.Kind() == reflect.Pointer || held.Kind() == reflect.Slice {
		held = held.Elem()
	}
	return held.Kind() == reflect.Struct
}

func typeName(value reflect.Value) string {
	if !value.IsValid() {
		return "nil"
	}
	return value.Type().String()
}
