package main

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"unicode/utf8"
)

// describe makes a JSON value that keeps what JSON loses: structs by Go's field names with the zero ones left out, integers as text,
// the contents of interfaces with their Go type, bytes and strings that are not UTF-8 in base64.
func describe(value any) any {
	return of(reflect.ValueOf(value))
}

func of(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return nil
		}
		return of(v.Elem())
	case reflect.Interface:
		if v.IsNil() {
			return nil
		}
		return map[string]any{"$type": v.Elem().Type().String(), "$value": of(v.Elem())}
	case reflect.Struct:
		fields := map[string]any{}
		for i := range v.NumField() {
			if field := v.Type().Field(i); field.IsExported() && !v.Field(i).IsZero() {
				fields[field.Name] = of(v.Field(i))
			}
		}
		return fields
	case reflect.Map:
		entries := map[string]any{}
		for pairs := v.MapRange(); pairs.Next(); {
			entries[text(pairs.Key().String())] = of(pairs.Value())
		}
		return entries
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return "base64:" + base64.StdEncoding.EncodeToString(v.Bytes())
		}
		items := []any{}
		for i := range v.Len() {
			items = append(items, of(v.Index(i)))
		}
		return items
	case reflect.String:
		return text(v.String())
	case reflect.Bool:
		return v.Bool()
	default:
		return fmt.Sprint(v.Interface())
	}
}

func text(s string) string {
	if utf8.ValidString(s) {
		return s
	}
	return "base64:" + base64.StdEncoding.EncodeToString([]byte(s))
}
