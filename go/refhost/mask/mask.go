// Package mask makes the host speak an older or a newer schema: without some API methods or fields, or with additional
// fields. The types are rebuilt with reflect, so that the type definitions on the wire really differ.
package mask

import (
	"fmt"
	"reflect"
	"strings"
	"sync"
)

// Mask says what differs from the generated schema. The nil mask changes nothing.
type Mask struct {
	methods map[string]bool
	removed map[string]map[string]bool
	added   map[string][]reflect.StructField

	mutex sync.Mutex
	types map[reflect.Type]reflect.Type
}

// New returns a mask. withoutMethods are names of API methods, withoutFields "Post.IsPinned", withFields "Post.Mood:string"
// with one of the types string, int64, bool and map.
func New(withoutMethods, withoutFields, withFields []string) (*Mask, error) {
	m := &Mask{
		methods: map[string]bool{},
		removed: map[string]map[string]bool{},
		added:   map[string][]reflect.StructField{},
		types:   map[reflect.Type]reflect.Type{},
	}
	for _, name := range withoutMethods {
		m.methods[name] = true
	}
	for _, path := range withoutFields {
		owner, field, ok := strings.Cut(path, ".")
		if !ok {
			return nil, fmt.Errorf("a field to leave out is written Type.Field, not %q", path)
		}
		if m.removed[owner] == nil {
			m.removed[owner] = map[string]bool{}
		}
		m.removed[owner][field] = true
	}
	for _, text := range withFields {
		path, kind, _ := strings.Cut(text, ":")
		owner, field, ok := strings.Cut(path, ".")
		wanted, known := addable[kind]
		if !ok || !known {
			return nil, fmt.Errorf("a field to add is written Type.Field:string, int64, bool or map, not %q", text)
		}
		m.added[owner] = append(m.added[owner], reflect.StructField{Name: field, Type: wanted})
	}
	return m, nil
}

var addable = map[string]reflect.Type{
	"string": reflect.TypeFor[string](),
	"int64":  reflect.TypeFor[int64](),
	"bool":   reflect.TypeFor[bool](),
	"map":    reflect.TypeFor[map[string]any](),
}

// Active says whether the mask changes anything.
func (m *Mask) Active() bool {
	return m != nil && (len(m.methods) > 0 || m.changesTypes())
}

func (m *Mask) changesTypes() bool { return len(m.removed) > 0 || len(m.added) > 0 }

// Hides says whether an API method does not exist under the mask.
func (m *Mask) Hides(method string) bool { return m != nil && m.methods[method] }

// Type returns what takes the place of t; t itself if it contains nothing that the mask changes.
func (m *Mask) Type(t reflect.Type) reflect.Type {
	if m == nil || !m.changesTypes() {
		return t
	}
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if !m.reaches(t, map[reflect.Type]bool{}) {
		return t
	}
	return m.rebuild(t, nil)
}

func (m *Mask) names(t reflect.Type) bool {
	return m.removed[t.Name()] != nil || m.added[t.Name()] != nil
}

// reaches says whether a masked struct is part of t.
func (m *Mask) reaches(t reflect.Type, seen map[reflect.Type]bool) bool {
	if seen[t] {
		return false
	}
	seen[t] = true
	switch t.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Array:
		return m.reaches(t.Elem(), seen)
	case reflect.Map:
		return m.reaches(t.Elem(), seen)
	case reflect.Struct:
		if m.names(t) {
			return true
		}
		for i := range t.NumField() {
			if m.reaches(t.Field(i).Type, seen) {
				return true
			}
		}
	}
	return false
}

func (m *Mask) rebuild(t reflect.Type, stack []reflect.Type) reflect.Type {
	if done, ok := m.types[t]; ok {
		return done
	}
	if !m.reaches(t, map[reflect.Type]bool{}) {
		return t
	}
	switch t.Kind() {
	case reflect.Pointer:
		return reflect.PointerTo(m.rebuild(t.Elem(), stack))
	case reflect.Slice:
		return reflect.SliceOf(m.rebuild(t.Elem(), stack))
	case reflect.Array:
		return reflect.ArrayOf(t.Len(), m.rebuild(t.Elem(), stack))
	case reflect.Map:
		return reflect.MapOf(t.Key(), m.rebuild(t.Elem(), stack))
	}
	return m.rebuildStruct(t, append(stack, t))
}

// rebuildStruct leaves out a field through which the struct would contain itself: reflect cannot build such a type.
func (m *Mask) rebuildStruct(t reflect.Type, stack []reflect.Type) reflect.Type {
	var fields []reflect.StructField
	recursive := false
	for i := range t.NumField() {
		field := t.Field(i)
		if !field.IsExported() || m.removed[t.Name()][field.Name] {
			continue
		}
		if mentions(field.Type, stack) {
			recursive = true
			continue
		}
		fields = append(fields, reflect.StructField{Name: field.Name, Type: m.rebuild(field.Type, stack), Tag: field.Tag})
	}
	fields = append(fields, m.added[t.Name()]...)
	built := reflect.StructOf(fields)
	if len(stack) == 1 || !recursive {
		m.types[t] = built
	}
	return built
}

func mentions(t reflect.Type, stack []reflect.Type) bool {
	for t.Kind() == reflect.Pointer || t.Kind() == reflect.Slice || t.Kind() == reflect.Map {
		t = t.Elem()
	}
	for _, outer := range stack {
		if outer == t {
			return true
		}
	}
	return false
}
