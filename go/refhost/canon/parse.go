package canon

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/url"
	"reflect"
	"strconv"
	"strings"
	"time"

	"mattermost-plugin/mattermost"
)

// Parse reads canonical JSON into a tree. Numbers get one spelling, so that trees can be compared.
func Parse(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	var tree any
	if err := decoder.Decode(&tree); err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, fmt.Errorf("more than one JSON value")
	}
	return respell(tree)
}

func respell(tree any) (any, error) {
	switch tree := tree.(type) {
	case json.Number:
		if !strings.ContainsAny(string(tree), ".eE") {
			return tree, nil
		}
		number, err := tree.Float64()
		return floatNumber(number), err
	case []any:
		for i := range tree {
			item, err := respell(tree[i])
			if err != nil {
				return nil, err
			}
			tree[i] = item
		}
	case map[string]any:
		for key := range tree {
			item, err := respell(tree[key])
			if err != nil {
				return nil, err
			}
			tree[key] = item
		}
	}
	return tree, nil
}

// Decode reads canonical JSON into a value of the given type.
func Decode(data []byte, wanted reflect.Type) (reflect.Value, error) {
	tree, err := Parse(data)
	if err != nil {
		return reflect.Value{}, err
	}
	value := reflect.New(wanted).Elem()
	return value, Assign(value, tree)
}

// Assign stores a tree in value. Kinds must agree: an integer is no float, and an unknown field is an error.
func Assign(value reflect.Value, tree any) error {
	if tree == nil {
		value.SetZero()
		return nil
	}
	switch value.Type() {
	case timeType:
		return assignTime(value, tree)
	case urlType:
		return assignURL(value, tree)
	case jsonType:
		return assignRaw(value, tree)
	case errorType:
		return assignError(value, tree)
	}
	switch value.Kind() {
	case reflect.Bool:
		flag, ok := tree.(bool)
		value.SetBool(flag)
		return expect(ok, value, tree)
	case reflect.String:
		text, ok := tree.(string)
		value.SetString(text)
		return expect(ok, value, tree)
	case reflect.Pointer:
		target := reflect.New(value.Type().Elem())
		value.Set(target)
		return Assign(target.Elem(), tree)
	case reflect.Interface:
		return assignAny(value, tree)
	case reflect.Slice, reflect.Array:
		return assignList(value, tree)
	case reflect.Map:
		return assignMap(value, tree)
	case reflect.Struct:
		return assignStruct(value, tree)
	}
	return assignNumber(value, tree)
}

func expect(ok bool, value reflect.Value, tree any) error {
	if ok {
		return nil
	}
	text, _ := Marshal(tree)
	return fmt.Errorf("%s is not a %s", text, value.Type())
}

func assignNumber(value reflect.Value, tree any) error {
	number, ok := tree.(json.Number)
	if !ok {
		return expect(false, value, tree)
	}
	text := string(number)
	isFloat := strings.ContainsAny(text, ".eE")
	switch value.Kind() {
	case reflect.Float32, reflect.Float64:
		parsed, err := strconv.ParseFloat(text, 64)
		if err != nil || !isFloat {
			return expect(false, value, tree)
		}
		value.SetFloat(parsed)
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Uintptr:
		parsed, err := strconv.ParseUint(text, 10, value.Type().Bits())
		if err != nil {
			return expect(false, value, tree)
		}
		value.SetUint(parsed)
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		parsed, err := strconv.ParseInt(text, 10, value.Type().Bits())
		if err != nil {
			return expect(false, value, tree)
		}
		value.SetInt(parsed)
	default:
		return expect(false, value, tree)
	}
	return nil
}

// tagged returns the content of an object that has exactly the one key `name`.
func tagged(tree any, name string) (any, bool) {
	object, ok := tree.(map[string]any)
	if !ok || len(object) != 1 {
		return nil, false
	}
	content, ok := object[name]
	return content, ok
}

func assignTime(value reflect.Value, tree any) error {
	content, _ := tagged(tree, "$time")
	text, ok := content.(string)
	if !ok {
		return expect(false, value, tree)
	}
	at, err := time.Parse(time.RFC3339Nano, text)
	value.Set(reflect.ValueOf(at.UTC()))
	return err
}

func assignURL(value reflect.Value, tree any) error {
	text, ok := tree.(string)
	if !ok {
		return expect(false, value, tree)
	}
	address, err := url.Parse(text)
	if err != nil {
		return err
	}
	value.Set(reflect.ValueOf(*address))
	return nil
}

func assignRaw(value reflect.Value, tree any) error {
	if content, ok := tagged(tree, "$bytes"); ok {
		return assignBytes(value, content)
	}
	raw, err := Marshal(tree)
	value.SetBytes(raw)
	return err
}

func assignBytes(value reflect.Value, content any) error {
	text, ok := content.(string)
	if !ok {
		return expect(false, value, content)
	}
	data, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		return err
	}
	if value.Kind() == reflect.Array {
		reflect.Copy(value, reflect.ValueOf(data))
		return expect(len(data) == value.Len(), value, content)
	}
	value.SetBytes(data)
	return nil
}

func assignError(value reflect.Value, tree any) error {
	content, ok := tagged(tree, "$error")
	if !ok {
		return expect(false, value, tree)
	}
	parsed, err := ParseError(content)
	if err != nil {
		return err
	}
	value.Set(reflect.ValueOf(parsed))
	return nil
}

// ParseError turns the fields of an error into the error that Go's side of the wire knows.
func ParseError(content any) (error, error) {
	fields, ok := content.(map[string]any)
	if !ok {
		return nil, fmt.Errorf("an error must be an object, not %v", content)
	}
	if fields["kind"] == "app" {
		rest := map[string]any{}
		for key, item := range fields {
			if key != "kind" && key != "code" {
				rest[key] = item
			}
		}
		appError := &mattermost.AppError{}
		return appError, Assign(reflect.ValueOf(appError).Elem(), rest)
	}
	plain := &mattermost.ErrorString{}
	plain.Err, _ = fields["message"].(string)
	if code, ok := fields["code"]; ok {
		if err := assignNumber(reflect.ValueOf(&plain.Code).Elem(), code); err != nil {
			return nil, err
		}
	}
	return plain, nil
}
