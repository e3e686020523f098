// Package conform calls every API method and every hook that carries no stream with seeded values and compares both sides.
// README.md describes the files through which the test plugin is told what to do.
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
)

// apiCase is one API call that the plugin shall make, and its answer.
type apiCase struct {
	number  int
	style   string
	variant string
	spec    *mattermost.MethodSpec
	args    any
	returns any
	failure error

	received any // the arguments as they came
	problems []string
}

func (c *apiCase) String() string {
	return fmt.Sprintf("%s, %s, %s", c.spec.Name, c.style, c.variant)
}

// apiCases are all cases of one style ("sync" or "async").
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
			cases = append(cases, newAPICase(seed, len(cases), style, variant, spec))
		}
	}
	return cases
}

func newAPICase(seed uint64, number int, style, variant string, spec *mattermost.MethodSpec) *apiCase {
	c := &apiCase{number: number, style: style, variant: variant, spec: spec, args: spec.NewArgs(), returns: spec.NewReturns()}
	name := spec.Name + style + variant
	fillSlots(fill.New(seed, name, variant == variantNils), variant, c.args, spec.Params, !takesEmptyForNil[spec.Name])
	textPairs(c.args)
	if variant == variantError {
		c.failure = failureFor(fill.New(seed, name+"error", false), spec, c.returns)
		return c
	}
	fillSlots(fill.New(seed, name+"returns", variant == variantNils), variant, c.returns, spec.Results, true)
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
		field := reflect.ValueOf(target).Elem().FieldByName(slot.Field)
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
	if value.NumField() == 2 && strings.HasPrefix(value.Type().Name(), "Log") && value.Field(1).Type() == reflect.TypeFor[[]any]() {
		value.Field(1).Set(reflect.ValueOf([]any{"first", "text größe", "second", "2"}))
	}
}

// plan is the line of the plan file.
func (c *apiCase) plan() (map[string]any, error) {
	args, err := slots(c.args, c.spec.Params)
	names := make([]string, len(c.spec.Params))
	for i, slot := range c.spec.Params {
		names[i] = slot.Name
	}
	return map[string]any{
		"case": c.number, "method": c.spec.Name, "params": names, "args": args, "results": len(c.spec.Results),
	}, err
}

func slots(structure any, list []mattermost.Slot) ([]any, error) {
	values := make([]any, len(list))
	for i, slot := range list {
		tree, err := canon.Tree(reflect.ValueOf(structure).Elem().FieldByName(slot.Field))
		if err != nil {
			return nil, err
		}
		values[i] = tree
	}
	return values, nil
}

func (c *apiCase) problem(what string, differences []string) {
	for _, difference := range differences {
		c.problems = append(c.problems, fmt.Sprintf("%s: %s%s", c, what, difference))
	}
}
