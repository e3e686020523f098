// Package conform calls every API method, every method of the database driver and every hook with seeded values, then runs the
// cases that are written by hand, and compares both sides. README.md describes the files through which the test plugin is told
// what to do.
package conform

import (
	"fmt"
	"reflect"
	"strings"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/fill"
)

// Variants of a case.
const (
	variantFull    = "full"    // every field has a value
	variantNils    = "nils"    // everything that may be nil below the first level is nil
	variantNone    = "none"    // everything is zero, nil where nil is allowed
	variantError   = "error"   // the answer is an error
	variantEcho    = "echo"    // the hook returns its argument
	variantNothing = "nothing" // the hook returns what an author without an opinion returns
	variantChange  = "change"  // the hook returns its argument with another message
)

// apiCase is one call that the plugin shall make, of the API or of the database driver, and its answer.
type apiCase struct {
	record
	number  int
	service string // "" for the API, or serviceDriver
	spec    *mattermost.MethodSpec
	args    any
	returns any
	failure error
	names   errorNames
	stream  *apiStream

	received any // the arguments as they came
}

const serviceDriver = "driver"

// errorNames are what languages call an error: the gRPC status, or the class of the exception.
type errorNames struct {
	Code  string `json:"code"`
	Class string `json:"class"`
}

// apiCases are all seeded cases of one style ("sync" or "async") but those with streams.
func apiCases(seed uint64, style string) []*apiCase {
	var cases []*apiCase
	for i := range mattermost.API {
		spec := &mattermost.API[i]
		if spec.Streams {
			continue
		}
		variants := []string{variantFull, variantNils, variantNone}
		if spec.Error != "" {
			variants = append(variants, variantError)
		}
		for _, variant := range variants {
			cases = append(cases, newAPICase(seed, style, variant, spec))
		}
	}
	return cases
}

func newAPICase(seed uint64, style, variant string, spec *mattermost.MethodSpec) *apiCase {
	name := fmt.Sprintf("api/%s/%s/%s", style, spec.Name, variant)
	if variant == variantError {
		name = fmt.Sprintf("api errors/%s/%s", style, spec.Name)
	}
	c := &apiCase{record: record{name: name}, spec: spec, args: spec.NewArgs(), returns: spec.NewReturns()}
	seeded := spec.Name + style + variant
	fillSlots(fill.New(seed, seeded, variant == variantNils), variant, c.args, spec.Params, !takesEmptyForNil[spec.Name])
	textPairs(c.args)
	if variant == variantError {
		c.failure = failureFor(fill.New(seed, seeded+"error", false), spec, c.returns)
		return c
	}
	fillSlots(fill.New(seed, seeded+"returns", variant == variantNils), variant, c.returns, spec.Results, true)
	if returns, ok := c.returns.(*mattermost.LoadPluginConfigurationArgsReturns); ok {
		returns.A = []byte(`{"text":"größe","number":3,"float":1.5,"list":[true,null],"map":{"a":"b"}}`)
	}
	return c
}

// takesEmptyForNil are methods and hooks whose nil some languages have no form for, because nil and an empty struct mean the same
// there (GetFileInfos' filter) or because a handler's "nothing" is an empty answer (ExecuteCommand). They get an empty struct instead.
var takesEmptyForNil = map[string]bool{"GetFileInfos": true, "ExecuteCommand": true}

// fillSlots sets the fields of the slots: all of them, or for the variant none only pointers that must not be nil.
func fillSlots(filler *fill.Filler, variant string, target any, list []mattermost.Slot, nilOK bool) {
	for _, slot := range list {
		field := canon.SlotValue(target, slot)
		switch {
		case variant != variantNone:
			field.Set(filler.Argument(field.Type()))
		case field.Kind() == reflect.Pointer && !(slot.NilOK && nilOK):
			field.Set(reflect.New(field.Type().Elem()))
		}
	}
}

// failureFor returns the error in the type of the method's error result.
func failureFor(filler *fill.Filler, spec *mattermost.MethodSpec, returns any) error {
	field := reflect.ValueOf(returns).Elem().FieldByName(spec.Error)
	if field.Kind() == reflect.Interface {
		return filler.Value(field.Type()).Interface().(error)
	}
	return fill.AppError(filler)
}

// textPairs gives the logging methods texts, because a client turns every value into text before it sends it.
func textPairs(args any) {
	value := reflect.ValueOf(args).Elem()
	if value.Kind() != reflect.Struct || value.NumField() != 2 || !strings.HasPrefix(value.Type().Name(), "Log") {
		return
	}
	if value.Field(1).Type() == reflect.TypeFor[[]any]() {
		value.Field(1).Set(reflect.ValueOf([]any{"first", "text größe", "second", "2"}))
	}
}

// plan is the line of the plan file.
func (c *apiCase) plan(dir string) (map[string]any, error) {
	args, err := canon.Slots(c.args, c.spec.Params)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	names := make([]string, len(c.spec.Params))
	for i, slot := range c.spec.Params {
		names[i] = slot.Name
	}
	line := map[string]any{
		"case": c.number, "method": c.spec.Name, "params": names, "args": args, "results": len(c.spec.Results),
	}
	if c.service != "" {
		line["service"] = c.service
	}
	if c.stream != nil {
		line["body"], err = c.stream.sent.tree(dir, c.number)
	}
	return line, err
}
