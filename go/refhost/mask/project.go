package mask

import "reflect"

// AddedText is what the host puts into an added string field, so that the field really travels.
const AddedText = "from a newer server"

// Out returns value, a pointer to a struct of the generated schema, as a pointer to its masked form.
func (m *Mask) Out(value any) any {
	if value == nil {
		return nil
	}
	source := reflect.ValueOf(value)
	wanted := m.Type(source.Type())
	if wanted == source.Type() {
		return value
	}
	target := reflect.New(wanted).Elem()
	copyValue(target, source)
	return target.Interface()
}

// Back copies what was decoded into the masked form to target, a pointer to a struct of the generated schema.
func (m *Mask) Back(target, masked any) {
	source := reflect.ValueOf(masked)
	if source.Pointer() == reflect.ValueOf(target).Pointer() {
		return
	}
	copyValue(reflect.ValueOf(target).Elem(), source.Elem())
}

func copyValue(target, source reflect.Value) {
	if target.Type() == source.Type() {
		target.Set(source)
		return
	}
	switch source.Kind() {
	case reflect.Pointer:
		copyPointer(target, source)
	case reflect.Slice:
		if source.IsNil() {
			target.SetZero()
			return
		}
		target.Set(reflect.MakeSlice(target.Type(), source.Len(), source.Len()))
		copyElements(target, source)
	case reflect.Array:
		copyElements(target, source)
	case reflect.Map:
		if source.IsNil() {
			target.SetZero()
			return
		}
		target.Set(reflect.MakeMapWithSize(target.Type(), source.Len()))
		for entries := source.MapRange(); entries.Next(); {
			element := reflect.New(target.Type().Elem()).Elem()
			copyValue(element, entries.Value())
			target.SetMapIndex(entries.Key(), element)
		}
	case reflect.Struct:
		copyStruct(target, source)
	}
}

func copyElements(target, source reflect.Value) {
	for i := range source.Len() {
		copyValue(target.Index(i), source.Index(i))
	}
}

// copyPointer keeps the struct that target points to, if there is one: fields that the mask hides keep their values, as in
// a pre-filled reply.
func copyPointer(target, source reflect.Value) {
	if source.IsNil() {
		target.SetZero()
		return
	}
	if target.IsNil() {
		target.Set(reflect.New(target.Type().Elem()))
	}
	copyValue(target.Elem(), source.Elem())
}

func copyStruct(target, source reflect.Value) {
	for i := range target.NumField() {
		field := target.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		if from := source.FieldByName(field.Name); from.IsValid() {
			copyValue(target.Field(i), from)
			continue
		}
		if target.Type().Name() == "" {
			setAdded(target.Field(i))
		}
	}
}

func setAdded(field reflect.Value) {
	switch field.Kind() {
	case reflect.String:
		field.SetString(AddedText)
	case reflect.Int64:
		field.SetInt(42)
	case reflect.Bool:
		field.SetBool(true)
	case reflect.Map:
		field.Set(reflect.ValueOf(map[string]any{"from": AddedText}))
	}
}
