package main

import (
	"fmt"
	"net/url"
	"reflect"
	"time"

	"mattermost-plugin/mattermost"
)

// filled makes the argument or the reply of a method with a value in every field, but no error.
func filled(method, part string) (any, error) {
	value, err := zero(method, part)
	if err != nil {
		return nil, err
	}
	if scan, ok := value.(*mattermost.DbRowScanArg); ok {
		// The caller of RowsNext sends as many nils as there are columns.
		*scan = mattermost.DbRowScanArg{A: "rows", B: make([]any, 3)}
		return value, nil
	}
	next := 0
	fill(reflect.ValueOf(value).Elem(), &next)
	return value, nil
}

// failed makes the reply of a method that returns an error, with its other results filled too. Without a code the error is PostgreSQL's.
func failed(method string, code int) (any, error) {
	value, err := filled(method, "results")
	if err != nil {
		return nil, err
	}
	reply := reflect.ValueOf(value).Elem()
	for i := range reply.NumField() {
		if reply.Type().Field(i).Type == reflect.TypeFor[error]() {
			var failure error = &mattermost.ErrorString{Code: code, Err: "broken"}
			if code == 0 {
				failure = &mattermost.PQError{Severity: "ERROR", Code: "23505", Message: "duplicate key", Detail: "Key (id)=(1) already exists."}
			}
			reply.Field(i).Set(reflect.ValueOf(failure))
			return value, nil
		}
	}
	return nil, fmt.Errorf("%s returns no error", method)
}

func zero(method, part string) (any, error) {
	spec := mattermost.HookByName(method)
	if spec == nil {
		spec = mattermost.DriverByName(method)
	}
	if spec == nil {
		spec = mattermost.APIByName(method)
	}
	if method == mattermost.PluginHTTPBuffered.Name {
		spec = &mattermost.PluginHTTPBuffered
	}
	switch {
	case spec == nil:
		return nil, fmt.Errorf("there is no method %s", method)
	case part == "args":
		return spec.NewArgs(), nil
	default:
		return spec.NewReturns(), nil
	}
}

// sqlValues are the types that a database driver takes and gives, without time.Time, which gob does not know.
var sqlValues = []any{int64(1<<60 + 1), int64(-1), 2.5, 5.0, true, false, []byte{0, 1, 255}, "text", "", nil}

func fill(v reflect.Value, next *int) {
	*next++
	switch v.Kind() {
	case reflect.Pointer:
		if v.Type() == reflect.TypeFor[*url.URL]() {
			v.Set(reflect.ValueOf(&url.URL{Path: "/a b", RawQuery: "q=1", Fragment: "f"}))
			return
		}
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem(), next)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1_700_000_000+int64(*next), 0).UTC()))
			return
		}
		for i := range v.NumField() {
			// The certificates of a connection hold keys, which gob cannot send; the request that a response answers would go on for ever.
			switch v.Type().Field(i).Name {
			case "TLS", "Body":
			case "Request":
				if v.Type() != reflect.TypeFor[mattermost.HTTPResponse]() {
					fill(v.Field(i), next)
				}
			default:
				fill(v.Field(i), next)
			}
		}
	case reflect.Slice:
		fillSlice(v, next)
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		value := reflect.New(v.Type().Elem()).Elem()
		fill(value, next)
		v.SetMapIndex(reflect.ValueOf(fmt.Sprintf("Key-%d", *next)).Convert(v.Type().Key()), value)
	case reflect.String:
		v.SetString(fmt.Sprintf("text-%d", *next))
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(int64(-1000 - *next))
	case reflect.Uint32:
		v.SetUint(uint64(1000 + *next))
	}
}

func fillSlice(v reflect.Value, next *int) {
	switch v.Type().Elem() {
	case reflect.TypeFor[any]():
		v.Set(reflect.ValueOf(sqlValues))
	case reflect.TypeFor[byte]():
		v.SetBytes([]byte{0, byte(*next), 255})
	case reflect.TypeFor[mattermost.NamedValue]():
		values := make([]mattermost.NamedValue, len(sqlValues))
		for i, value := range sqlValues {
			values[i] = mattermost.NamedValue{Name: fmt.Sprintf("name-%d", i), Ordinal: i + 1, Value: value}
		}
		v.Set(reflect.ValueOf(values))
	default:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		fill(v.Index(0), next)
		fill(v.Index(1), next)
	}
}
