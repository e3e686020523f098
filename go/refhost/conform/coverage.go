package conform

import (
	"fmt"
	"reflect"
	"sort"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
)

// coverage notes which fields of the models came over with a value, in one direction.
type coverage struct {
	receiver string
	fields   map[modelField]bool // true once seen
}

type modelField struct {
	model reflect.Type
	index int
}

func newCoverage(receiver string) *coverage {
	return &coverage{receiver: receiver, fields: map[modelField]bool{}}
}

// held are the registered types that Mattermost puts where a model has only an interface.
var held = map[reflect.Type][]reflect.Type{
	reflect.TypeFor[mattermost.Post](): {reflect.TypeFor[mattermost.MessageAttachment]()},
	reflect.TypeFor[mattermost.AutocompleteArg](): {
		reflect.TypeFor[mattermost.AutocompleteTextArg](),
		reflect.TypeFor[mattermost.AutocompleteStaticListArg](),
		reflect.TypeFor[mattermost.AutocompleteDynamicListArg](),
	},
	reflect.TypeFor[mattermost.PostEmbed]():     {reflect.TypeFor[mattermost.PreviewPost]()},
	reflect.TypeFor[mattermost.PropertyField](): {reflect.TypeFor[mattermost.PluginPropertyOption]()},
}

// neverSent are fields that are in Go's struct and never have a value: the body of a request is a stream.
var neverSent = map[modelField]bool{{reflect.TypeFor[mattermost.HTTPRequestSubset](), 9}: true}

// expect adds the models that the fields of a method's argument or reply struct can hold.
func (c *coverage) expect(structure any, slots []mattermost.Slot) {
	for _, slot := range slots {
		c.expectType(canon.SlotValue(structure, slot).Type())
	}
}

func (c *coverage) expectType(wanted reflect.Type) {
	switch wanted.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array, reflect.Map:
		c.expectType(wanted.Elem())
	case reflect.Struct:
		if _, known := c.fields[modelField{wanted, 0}]; known || !isModel(wanted) {
			return
		}
		for i := range wanted.NumField() {
			if !neverSent[modelField{wanted, i}] {
				c.fields[modelField{wanted, i}] = false
			}
		}
		for i := range wanted.NumField() {
			c.expectType(wanted.Field(i).Type)
		}
		for _, inner := range held[wanted] {
			c.expectType(inner)
		}
	}
}

// isModel leaves out the structs that are one value on the wire.
func isModel(wanted reflect.Type) bool {
	return wanted != reflect.TypeFor[time.Time]() && wanted.PkgPath() == reflect.TypeFor[mattermost.Post]().PkgPath()
}

// see marks the fields of all models inside the slots of a struct that arrived as it was sent.
func (c *coverage) see(structure any, slots []mattermost.Slot) {
	for _, slot := range slots {
		c.seeValue(canon.SlotValue(structure, slot))
	}
}

func (c *coverage) seeValue(value reflect.Value) {
	switch value.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !value.IsNil() {
			c.seeValue(value.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range value.Len() {
			c.seeValue(value.Index(i))
		}
	case reflect.Map:
		for entries := value.MapRange(); entries.Next(); {
			c.seeValue(entries.Value())
		}
	case reflect.Struct:
		if !isModel(value.Type()) {
			return
		}
		for i := range value.NumField() {
			if _, expected := c.fields[modelField{value.Type(), i}]; expected && !value.Field(i).IsZero() {
				c.fields[modelField{value.Type(), i}] = true
			}
			c.seeValue(value.Field(i))
		}
	}
}

// missing are the fields that no value of the run had.
func (c *coverage) missing() []string {
	var names []string
	for field, seen := range c.fields {
		if !seen {
			names = append(names, fmt.Sprintf("%s never received a value of %s.%s", c.receiver, field.model.Name(), field.model.Field(field.index).Name))
		}
	}
	sort.Strings(names)
	return names
}

func (c *coverage) String() string {
	models, seen := map[reflect.Type]bool{}, 0
	for field, isSeen := range c.fields {
		models[field.model] = true
		if isSeen {
			seen++
		}
	}
	return fmt.Sprintf("%s received %d of %d fields of %d models with a value", c.receiver, seen, len(c.fields), len(models))
}
