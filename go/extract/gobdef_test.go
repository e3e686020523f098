package main

import (
	"errors"
	"fmt"
)

// gobType is one type definition of a gob stream.
type gobType struct {
	kind   gobKind
	name   string
	key    int64 // of a map
	elem   int64 // of a map, a slice or an array
	fields []gobField
}

type gobField struct {
	name string
	id   int64
}

// gobKind is the number of the field of Go's wireType that is set.
type gobKind int

const (
	gobArray gobKind = iota + 1
	gobSlice
	gobStruct
	gobMap
	gobEncoder
	gobBinaryMarshaler
	gobTextMarshaler
)

func (k gobKind) String() string {
	if k < gobArray || k > gobTextMarshaler {
		return fmt.Sprintf("kind %d", int(k))
	}
	return [...]string{"array", "slice", "struct", "map", "GobEncoder", "BinaryMarshaler", "TextMarshaler"}[k-1]
}

// gobBuiltin are the type ids that need no definition.
var gobBuiltin = map[int64]string{1: "bool", 2: "int", 3: "uint", 4: "float", 5: "bytes", 6: "string", 7: "complex", 8: "interface"}

var errTruncated = errors.New("the gob stream ends too early")

// gobReader reads the type definitions at the start of a gob stream. It keeps the first error and answers zeros after it.
type gobReader struct {
	bytes []byte
	err   error
}

func (r *gobReader) take(n uint64) []byte {
	if r.err != nil || n > uint64(len(r.bytes)) {
		r.fail(errTruncated)
		return nil
	}
	taken := r.bytes[:n]
	r.bytes = r.bytes[n:]
	return taken
}

func (r *gobReader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
	r.bytes = nil
}

// uint reads gob's unsigned integer: one byte below 128, or the negated count of big-endian bytes that follow.
func (r *gobReader) uint() uint64 {
	first := r.take(1)
	if first == nil {
		return 0
	}
	if first[0] < 128 {
		return uint64(first[0])
	}
	count := uint64(-int(int8(first[0])))
	if count > 8 {
		r.fail(errors.New("an integer of more than 8 bytes"))
		return 0
	}
	var value uint64
	for _, b := range r.take(count) {
		value = value<<8 | uint64(b)
	}
	return value
}

// int reads gob's signed integer, whose lowest bit says that the others are complemented.
func (r *gobReader) int() int64 {
	u := r.uint()
	if u&1 != 0 {
		return ^int64(u >> 1)
	}
	return int64(u >> 1)
}

func (r *gobReader) string() string {
	return string(r.take(r.uint()))
}

// structFields calls read with the number, from 1, of each field that is present, up to the struct's end.
func (r *gobReader) structFields(read func(field int)) {
	field := 0
	for r.err == nil {
		delta := r.uint()
		if delta == 0 {
			return
		}
		field += int(delta)
		read(field)
	}
}

// definitions reads the definitions before the first value and answers them together with the id of the value's type.
func definitions(stream []byte) (map[int64]gobType, int64, error) {
	r := &gobReader{bytes: stream}
	types := map[int64]gobType{}
	for {
		message := &gobReader{bytes: r.take(r.uint())}
		if r.err != nil {
			return nil, 0, r.err
		}
		id := message.int()
		if message.err == nil && id >= 0 {
			return types, id, nil
		}
		types[-id] = message.wireType()
		if message.err != nil {
			return nil, 0, message.err
		}
	}
}

func (r *gobReader) wireType() gobType {
	var t gobType
	r.structFields(func(kind int) {
		t.kind = gobKind(kind)
		r.structFields(func(field int) {
			if field == 1 {
				t.name = r.commonType()
				return
			}
			r.wireTypeField(&t, field)
		})
	})
	return t
}

func (r *gobReader) commonType() (name string) {
	r.structFields(func(field int) {
		if field == 1 {
			name = r.string()
		} else {
			r.int()
		}
	})
	return name
}

func (r *gobReader) wireTypeField(t *gobType, field int) {
	switch {
	case t.kind == gobStruct && field == 2:
		for count := r.uint(); count > 0 && r.err == nil; count-- {
			t.fields = append(t.fields, r.fieldType())
		}
	case t.kind == gobMap && field == 2:
		t.key = r.int()
	case t.kind == gobMap && field == 3, t.kind == gobSlice && field == 2, t.kind == gobArray && field == 2:
		t.elem = r.int()
	case t.kind == gobArray && field == 3:
		r.int() // its length
	default:
		r.fail(fmt.Errorf("a %v definition with a field %d", t.kind, field))
	}
}

func (r *gobReader) fieldType() (f gobField) {
	r.structFields(func(field int) {
		if field == 1 {
			f.name = r.string()
		} else {
			f.id = r.int()
		}
	})
	return f
}
