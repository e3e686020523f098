package canon

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"reflect"
	"strconv"
	"strings"
)

func assignList(value reflect.Value, tree any) error {
	if value.Type().Elem().Kind() == reflect.Uint8 {
		content, ok := tagged(tree, "$bytes")
		if !ok {
			return expect(false, value, tree)
		}
		return assignBytes(value, content)
	}
	list, ok := tree.([]any)
	if !ok || value.Kind() == reflect.Array && len(list) != value.Len() {
		return expect(false, value, tree)
	}
	if value.Kind() == reflect.Slice {
		value.Set(reflect.MakeSlice(value.Type(), len(list), len(list)))
	}
	for i, item := range list {
		if err := Assign(value.Index(i), item); err != nil {
			return fmt.Errorf("[%d]: %w", i, err)
		}
	}
	return nil
}

func assignMap(value reflect.Value, tree any) error {
	object, ok := tree.(map[string]any)
	if !ok {
		return expect(false, value, tree)
	}
	value.Set(reflect.MakeMapWithSize(value.Type(), len(object)))
	for name, item := range object {
		key := reflect.New(value.Type().Key()).Elem()
		var keyTree any = name
		if key.Kind() != reflect.String {
			keyTree = json.Number(name)
		}
		if err := Assign(key, keyTree); err != nil {
			return err
		}
		element := reflect.New(value.Type().Elem()).Elem()
		if err := Assign(element, item); err != nil {
			return fmt.Errorf("[%q]: %w", name, err)
		}
		value.SetMapIndex(key, element)
	}
	return nil
}

func assignStruct(value reflect.Value, tree any) error {
	object, ok := tree.(map[string]any)
	if !ok {
		return expect(false, value, tree)
	}
	fields := map[string]reflect.Value{}
	collectFields(fields, value)
	for name, item := range object {
		field, ok := fields[name]
		if !ok {
			return fmt.Errorf("%s has no field %q", value.Type(), name)
		}
		if err := Assign(field, item); err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
	}
	return giveTypes(value, object)
}

// collectFields maps keys to fields; fields of an embedded struct belong to the struct that embeds it, as in JSON.
func collectFields(fields map[string]reflect.Value, value reflect.Value) {
	for i := range value.NumField() {
		field := value.Type().Field(i)
		switch {
		case !field.IsExported():
		case field.Anonymous && field.Type.Kind() == reflect.Struct:
			collectFields(fields, value.Field(i))
		case field.Anonymous && field.Type.Kind() == reflect.Pointer:
			if value.Field(i).IsNil() {
				value.Field(i).Set(reflect.New(field.Type.Elem()))
			}
			collectFields(fields, value.Field(i).Elem())
		default:
			fields[Key(field)] = value.Field(i)
		}
	}
}

// assignAny gives a value in an interface the Go type that the bridge gives it: int (uint64 above its range), float64,
// []any, map[string]any, []byte.
func assignAny(value reflect.Value, tree any) error {
	plain, err := plainAny(tree)
	if err == nil {
		value.Set(reflect.ValueOf(plain))
	}
	return err
}

func plainAny(tree any) (any, error) {
	switch tree := tree.(type) {
	case json.Number:
		return plainNumber(string(tree))
	case []any:
		list := make([]any, len(tree))
		for i, item := range tree {
			plain, err := plainAny(item)
			if err != nil {
				return nil, err
			}
			list[i] = plain
		}
		return list, nil
	case map[string]any:
		if content, ok := tagged(tree, "$bytes"); ok {
			text, _ := content.(string)
			return base64.StdEncoding.DecodeString(text)
		}
		object := make(map[string]any, len(tree))
		for key, item := range tree {
			plain, err := plainAny(item)
			if err != nil {
				return nil, err
			}
			object[key] = plain
		}
		return object, nil
	}
	return tree, nil
}

func plainNumber(text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		return strconv.ParseFloat(text, 64)
	}
	if number, err := strconv.ParseInt(text, 10, 64); err == nil {
		return int(number), nil
	}
	return strconv.ParseUint(text, 10, 64)
}
