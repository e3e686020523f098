package answer

import (
	"errors"
	"reflect"

	"mattermost-plugin/mattermost"
)

// unregistered is a type that gob does not know in an interface.
type unregistered struct{ Secret string }

// Unregistered is a value that makes gob fail when it is in an interface: Mattermost's own code puts model.StringMap there.
func Unregistered() any { return unregistered{"not for gob"} }

// makeUnencodable puts something into the first result that gob refuses to encode: a value of an unregistered type in an
// interface or in a map of them, a nil pointer in a slice, a typed nil pointer in an error.
func makeUnencodable(target reflect.Value) error {
	for i := range target.NumField() {
		if spoil(target.Field(i)) {
			return nil
		}
	}
	return errors.New("refhost cannot make the reply of this method unencodable")
}

func spoil(field reflect.Value) bool {
	switch {
	case field.Type() == reflect.TypeFor[error]():
		field.Set(reflect.ValueOf((*mattermost.AppError)(nil)))
		return true
	case field.Kind() == reflect.Interface:
		field.Set(reflect.ValueOf(Unregistered()))
		return true
	case field.Kind() == reflect.Slice && field.Type().Elem().Kind() == reflect.Pointer:
		field.Set(reflect.MakeSlice(field.Type(), 1, 1))
		return true
	case field.Kind() == reflect.Map && field.Type().Elem().Kind() == reflect.Interface:
		field.Set(reflect.MakeMap(field.Type()))
		key := reflect.New(field.Type().Key()).Elem()
		field.SetMapIndex(key, reflect.ValueOf(Unregistered()))
		return true
	case field.Kind() == reflect.Pointer && field.Type().Elem().Kind() == reflect.Struct:
		fresh := reflect.New(field.Type().Elem())
		for i := range fresh.Elem().NumField() {
			if inner := fresh.Elem().Field(i); inner.CanSet() && inner.Kind() != reflect.Pointer && spoil(inner) {
				field.Set(fresh)
				return true
			}
		}
	}
	return false
}
