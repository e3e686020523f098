// Package fill makes seeded values of any type of the plugin interface, with every field set.
package fill

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"net/url"
	"reflect"
	"time"

	"mattermost-plugin/mattermost"
)

// Filler makes values. The same seed and name give the same values.
type Filler struct {
	random *rand.Rand
	nils   bool
	stack  []reflect.Type
	count  int
	// choices made between types; by turns, so that each comes up.
	choices int
}

// New returns a filler for one value tree. With nils, everything below the first level that may be nil is nil.
func New(seed uint64, name string, nils bool) *Filler {
	hash := fnv.New64a()
	hash.Write([]byte(name))
	return &Filler{random: rand.New(rand.NewPCG(seed, hash.Sum64())), nils: nils}
}

// Struct sets every exported field of the struct that target points to, except those named in skip.
// Its own pointers are never nil, because Go's side may dereference an argument.
func (f *Filler) Struct(target any, skip ...string) {
	value := reflect.ValueOf(target).Elem()
	if value.Kind() != reflect.Struct {
		value.Set(f.Value(value.Type()))
		return
	}
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if !field.IsExported() || contains(skip, field.Name) {
			continue
		}
		value.Field(i).Set(f.Argument(field.Type))
	}
}

func contains(list []string, name string) bool {
	for _, item := range list {
		if item == name {
			return true
		}
	}
	return false
}

// Argument is Value, but never a nil pointer.
func (f *Filler) Argument(wanted reflect.Type) reflect.Value {
	if wanted.Kind() == reflect.Pointer {
		target := reflect.New(wanted.Elem())
		target.Elem().Set(f.Value(wanted.Elem()))
		return target
	}
	return f.Value(wanted)
}

var errorType = reflect.TypeFor[error]()

// Value returns a value of the wanted type in which nothing is zero, as far as recursion and nils allow.
func (f *Filler) Value(wanted reflect.Type) reflect.Value {
	f.count++
	switch wanted {
	case reflect.TypeFor[time.Time]():
		// Microseconds, because other languages' clocks have no more.
		return reflect.ValueOf(time.UnixMicro(1_700_000_000_000_000 + f.random.Int64N(1e15)).UTC())
	case reflect.TypeFor[url.URL]():
		return reflect.ValueOf(url.URL{Scheme: "https", Host: "host.example", Path: "/" + f.text()})
	case reflect.TypeFor[json.RawMessage]():
		return reflect.ValueOf(json.RawMessage(fmt.Sprintf(`{"n":%d,"list":[1.5,"%s",null,true]}`, f.random.IntN(1000), f.text())))
	case errorType:
		if f.nils {
			return reflect.Zero(errorType)
		}
		return f.err()
	}
	value := reflect.New(wanted).Elem()
	switch wanted.Kind() {
	case reflect.Bool:
		value.SetBool(true)
	case reflect.String:
		value.SetString(f.text())
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		value.SetInt(f.integer(wanted.Bits()))
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		value.SetUint(uint64(max(f.integer(wanted.Bits()), -f.integer(wanted.Bits()), 1)))
	case reflect.Float32, reflect.Float64:
		value.SetFloat(float64(f.random.IntN(1_000_000)) + 0.5)
	case reflect.Struct:
		f.fields(value)
	case reflect.Array:
		for i := range value.Len() {
			value.Index(i).Set(f.Value(wanted.Elem()))
		}
	default:
		f.container(value)
	}
	return value
}

// text is never empty and holds letters of several scripts, a quote and a character outside the basic plane.
func (f *Filler) text() string {
	pool := []string{"text", "größe", "文字列", "emoji 🐍", `"quoted" <b>&amp;`}
	return fmt.Sprintf("%s %x", pool[f.random.IntN(len(pool))], f.random.Uint32())
}

// integer is never zero, fits the width, is sometimes negative, and above 2^53 if it can be.
func (f *Filler) integer(bits int) int64 {
	number := 1 + f.random.Int64N(1<<(bits-1)-1)
	if bits == 64 && f.random.IntN(2) == 0 {
		number = 1 + number>>40
	}
	if f.random.IntN(4) == 0 {
		number = -number
	}
	return number
}

func (f *Filler) fields(value reflect.Value) {
	f.stack = append(f.stack, value.Type())
	for i := range value.NumField() {
		field := value.Type().Field(i)
		if field.IsExported() && !(field.Type.Kind() == reflect.Interface && field.Name == "Body") {
			value.Field(i).Set(f.Value(field.Type))
		}
	}
	f.stack = f.stack[:len(f.stack)-1]
	f.registered(value)
}

// registered puts the concrete types that Mattermost has registered with gob where its own values have them.
func (f *Filler) registered(value reflect.Value) {
	if f.nils {
		return
	}
	switch target := value.Addr().Interface().(type) {
	case *mattermost.Post:
		attachments := f.Value(reflect.TypeFor[[]*mattermost.MessageAttachment]())
		target.Props["attachments"] = attachments.Interface()
	case *mattermost.AutocompleteArg:
		choice := autocompleteArgs[f.choices%len(autocompleteArgs)]
		target.Type = choice.name
		target.Data = f.Value(choice.data).Interface()
		if f.choices/len(autocompleteArgs)%2 == 1 {
			target.Data = reflect.New(choice.data.Elem()).Interface() // nothing but its type tells what it is
		}
		f.choices++
	case *mattermost.PostEmbed:
		// Data of the other types (an image, OpenGraph) is not registered: the server cannot send it to plugins.
		target.Type, target.Data = mattermost.PostEmbedPermalink, nil
		if preview := reflect.TypeFor[*mattermost.PreviewPost](); !f.recursive(preview) {
			target.Data = f.Value(preview).Interface()
		}
	case *mattermost.PropertyField:
		target.Attrs["options"] = f.Value(reflect.TypeFor[[]*mattermost.PluginPropertyOption]()).Interface()
	}
}

// autocompleteArgs are the types of an argument's data; its field Type says which.
var autocompleteArgs = []struct {
	name mattermost.AutocompleteArgType
	data reflect.Type
}{
	{mattermost.AutocompleteArgTypeText, reflect.TypeFor[*mattermost.AutocompleteTextArg]()},
	{mattermost.AutocompleteArgTypeStaticList, reflect.TypeFor[*mattermost.AutocompleteStaticListArg]()},
	{mattermost.AutocompleteArgTypeDynamicList, reflect.TypeFor[*mattermost.AutocompleteDynamicListArg]()},
}

func (f *Filler) container(value reflect.Value) {
	wanted := value.Type()
	isNilable := wanted.Kind() == reflect.Pointer || wanted.Kind() == reflect.Slice || wanted.Kind() == reflect.Map || wanted.Kind() == reflect.Interface
	if f.nils && isNilable && len(f.stack) > 0 || f.recursive(wanted) {
		return
	}
	switch wanted.Kind() {
	case reflect.Pointer:
		target := reflect.New(wanted.Elem())
		target.Elem().Set(f.Value(wanted.Elem()))
		value.Set(target)
	case reflect.Slice:
		length := 2
		if len(f.stack) > 3 {
			length = 1
		}
		if wanted.Elem().Kind() == reflect.Uint8 {
			length = 5
		}
		value.Set(reflect.MakeSlice(wanted, length, length))
		for i := range length {
			value.Index(i).Set(f.Value(wanted.Elem()))
		}
	case reflect.Map:
		value.Set(reflect.MakeMap(wanted))
		for range 2 {
			value.SetMapIndex(f.Value(wanted.Key()), f.Value(wanted.Elem()))
		}
	case reflect.Interface:
		if wanted.NumMethod() == 0 {
			value.Set(reflect.ValueOf(f.any(2)))
		}
	}
}

// recursive stops where a type would contain itself a second time: once it does, so that the field that holds it has a value.
func (f *Filler) recursive(wanted reflect.Type) bool {
	for wanted.Kind() == reflect.Pointer || wanted.Kind() == reflect.Slice || wanted.Kind() == reflect.Map {
		wanted = wanted.Elem()
	}
	times := 0
	for _, outer := range f.stack {
		if outer == wanted {
			times++
		}
	}
	return times > 1
}

// any returns a value of a type that gob has registered.
func (f *Filler) any(depth int) any {
	choice := f.random.IntN(7)
	if depth == 0 {
		choice %= 5
	}
	switch choice {
	case 0:
		return f.text()
	case 1:
		return float64(f.random.IntN(1000)) + 0.25
	case 2:
		return int(f.integer(64))
	case 3:
		return true
	case 4:
		return int64(1<<53 + 1 + f.random.Int64N(1000))
	case 5:
		return []any{f.any(depth - 1), nil, f.any(depth - 1)}
	}
	return map[string]any{"a " + f.text(): f.any(depth - 1), "zero": 0, "empty": "", "nil": nil}
}

func (f *Filler) err() reflect.Value {
	if f.random.IntN(2) == 0 {
		return reflect.ValueOf(AppError(f))
	}
	return reflect.ValueOf(&mattermost.ErrorString{Err: f.text()})
}

// AppError returns an AppError of which every field that travels is set.
func AppError(f *Filler) *mattermost.AppError {
	appError := &mattermost.AppError{}
	f.fields(reflect.ValueOf(appError).Elem())
	appError.StatusCode = 400 + f.random.IntN(100)
	return appError
}
