// Package canon writes Go values of the plugin interface as canonical JSON and reads them back, so that a test plugin in
// any language can be told which arguments to send and can say what it received. README.md describes the form.
package canon

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"mattermost-plugin/mattermost"
)

var (
	timeType  = reflect.TypeFor[time.Time]()
	urlType   = reflect.TypeFor[url.URL]()
	jsonType  = reflect.TypeFor[json.RawMessage]()
	errorType = reflect.TypeFor[error]()
)

// Encode returns the canonical JSON of value.
func Encode(value any) ([]byte, error) {
	tree, err := Tree(reflect.ValueOf(value))
	if err != nil {
		return nil, err
	}
	return Marshal(tree)
}

// Marshal writes a tree without escaping HTML characters, so that texts stay readable.
func Marshal(tree any) ([]byte, error) {
	var out strings.Builder
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(tree); err != nil {
		return nil, err
	}
	return []byte(strings.TrimSuffix(out.String(), "\n")), nil
}

// Tree turns value into nil, bool, string, json.Number, []any and map[string]any.
// Zero-valued struct fields are left out, and nil and empty containers are both nil, because gob does not tell them apart.
func Tree(value reflect.Value) (any, error) {
	if !value.IsValid() {
		return nil, nil
	}
	switch value.Type() {
	case timeType:
		return timeTree(value.Interface().(time.Time)), nil
	case urlType:
		address := value.Interface().(url.URL)
		return address.String(), nil
	case jsonType:
		return rawTree(value.Bytes()), nil
	case errorType:
		return errorTree(value)
	}
	switch value.Kind() {
	case reflect.Bool:
		return value.Bool(), nil
	case reflect.String:
		return value.String(), nil
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return json.Number(strconv.FormatInt(value.Int(), 10)), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		return json.Number(strconv.FormatUint(value.Uint(), 10)), nil
	case reflect.Float32, reflect.Float64:
		return floatNumber(value.Float()), nil
	case reflect.Pointer, reflect.Interface:
		if value.IsNil() {
			return nil, nil
		}
		if inner := value.Elem(); value.Kind() == reflect.Interface && inner.Kind() == reflect.Map && inner.Len() == 0 {
			return map[string]any{}, nil // an interface that holds something, as one with an empty struct does
		}
		return Tree(value.Elem())
	case reflect.Slice, reflect.Array:
		return listTree(value)
	case reflect.Map:
		return mapTree(value)
	case reflect.Struct:
		fields := map[string]any{}
		return fields, addFields(fields, value)
	}
	return nil, fmt.Errorf("canonical JSON has no form for %s", value.Type())
}

// floatNumber always shows a point or an exponent: that is what tells a float from an integer.
func floatNumber(number float64) json.Number {
	text := strconv.FormatFloat(number, 'g', -1, 64)
	if !strings.ContainsAny(text, ".eEIN") {
		text += ".0"
	}
	return json.Number(text)
}

func timeTree(at time.Time) any {
	if at.IsZero() {
		return nil
	}
	// Six digits, because Python 3.10 reads three or six only; more where they are needed.
	layout := "2006-01-02T15:04:05.000000Z07:00"
	if at.Nanosecond()%1000 != 0 {
		layout = time.RFC3339Nano
	}
	return map[string]any{"$time": at.UTC().Format(layout)}
}

func bytesTree(data []byte) any {
	return map[string]any{"$bytes": base64.StdEncoding.EncodeToString(data)}
}

// rawTree embeds a JSON document as it is; bytes that are no JSON stay bytes.
func rawTree(raw []byte) any {
	if len(raw) == 0 {
		return nil
	}
	tree, err := Parse(raw)
	if err != nil {
		return bytesTree(raw)
	}
	return tree
}

func errorTree(value reflect.Value) (any, error) {
	if value.IsNil() {
		return nil, nil
	}
	return map[string]any{"$error": ErrorFields(value.Interface().(error))}, nil
}

// ErrorFields is the form of an error: its kind as in the frames of the worker link, and its fields.
func ErrorFields(err error) map[string]any {
	fields := map[string]any{}
	switch err := err.(type) {
	case *mattermost.AppError:
		fields["kind"] = "app"
		_ = addFields(fields, reflect.ValueOf(err).Elem())
	case *mattermost.ErrorString:
		fields["kind"], fields["message"] = "error", err.Err
		if err.Code != 0 {
			fields["code"] = json.Number(strconv.Itoa(err.Code))
		}
	case *mattermost.PQError:
		fields["kind"], fields["message"], fields["id"] = "error", err.Message, err.Code
		if err.Detail != "" {
			fields["detailed_error"] = err.Detail
		}
	default:
		fields["kind"], fields["message"] = "error", err.Error()
	}
	return fields
}

func listTree(value reflect.Value) (any, error) {
	if value.Len() == 0 {
		return nil, nil
	}
	if value.Type().Elem().Kind() == reflect.Uint8 {
		data := make([]byte, value.Len())
		reflect.Copy(reflect.ValueOf(data), value)
		return bytesTree(data), nil
	}
	list := make([]any, value.Len())
	for i := range list {
		item, err := Tree(value.Index(i))
		if err != nil {
			return nil, err
		}
		list[i] = item
	}
	return list, nil
}

func mapTree(value reflect.Value) (any, error) {
	if value.Len() == 0 {
		return nil, nil
	}
	object := make(map[string]any, value.Len())
	for entries := value.MapRange(); entries.Next(); {
		item, err := Tree(entries.Value())
		if err != nil {
			return nil, err
		}
		object[fmt.Sprint(entries.Key().Interface())] = item
	}
	return object, nil
}

func addFields(object map[string]any, value reflect.Value) error {
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if field.Anonymous {
			if inner := reflect.Indirect(value.Field(i)); inner.IsValid() {
				if err := addFields(object, inner); err != nil {
					return err
				}
			}
			continue
		}
		item, err := Tree(value.Field(i))
		if err != nil {
			return fmt.Errorf("%s: %w", field.Name, err)
		}
		if !isZero(item) {
			object[Key(field)] = item
		}
	}
	return nil
}

// Key is the name of a field in canonical JSON and in the frames of the worker link.
func Key(field reflect.StructField) string {
	if key := field.Tag.Get("key"); key != "" {
		return key
	}
	return field.Name
}

// isZero says whether a tree is a scalar zero or nothing. An empty object is not: it is a pointer to an empty struct.
func isZero(tree any) bool {
	switch tree := tree.(type) {
	case nil:
		return true
	case bool:
		return !tree
	case string:
		return tree == ""
	case json.Number:
		return tree == "0" || tree == "0.0" || tree == "-0"
	}
	return false
}
