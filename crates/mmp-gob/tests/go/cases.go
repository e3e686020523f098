package main

import (
	"math"
	"math/big"
	"net/url"
	"strings"
	"time"
)

// testCase is a stream: pointers to the values on it. narrow, if set, returns what a reader that
// knows few of a value's fields makes of it.
type testCase struct {
	name   string
	values []any
	narrow func(v any) any
}

func ptr[T any](v T) *T { return &v }

func cases() []testCase {
	return []testCase{
		{name: "kinds", values: []any{kinds(), &Kinds{}, &Kinds{Int64: math.MinInt64, Uint64: 1, Float32: math.MaxFloat32}}},
		{name: "node", values: []any{tree(3), &Node{}, tree(1)}},
		{name: "chain", values: []any{chain(60)}},
		{name: "pointers", values: []any{pointers()}},
		{name: "maps", values: []any{maps()}},
		{name: "box", values: []any{box(), &Box{}, box(), &Box{Second: Leaf{N: 1}}}},
		{name: "boxes", values: []any{&Box{First: []any{1, nil, Inner{Name: "a", Any: Leaf{N: 2}}, "x"}, Second: box(), After: []int{7}}}},
		{name: "splits", values: []any{ptr(splits()), ptr([]any{"again"})}},
		{name: "interface", values: []any{ptr(any("text")), ptr(any(nil)), ptr(any(Inner{Name: "b", Tail: 2}))}},
		{name: "times", values: []any{times(), &Times{}}},
		{name: "scalars", values: scalars()},
		{name: "many", values: many()},
		{name: "large", values: []any{large(), ptr("after")}},
		{name: "wide", values: []any{wide(), &Wide{Last: 3}, wide()}, narrow: narrow},
	}
}

func kinds() *Kinds {
	return &Kinds{
		Bool: true, Int: -1, Int8: math.MinInt8, Int16: math.MaxInt16, Int32: math.MinInt32, Int64: math.MaxInt64,
		Uint16: math.MaxUint16, Uint32: math.MaxUint32, Uint64: math.MaxUint64, Float32: -1.5, Float64: math.SmallestNonzeroFloat64,
		Complex: complex(1, math.Inf(-1)), String: "caf\xe9 \xff\xfe é \x00", Bytes: []byte{0, 255, 128},
		Array: [3]int{0, 1 << 40, -5}, Octets: [4]byte{1, 0, 255, 4}, Texts: []string{"", "a", "\xc3"},
		Done: make(chan int), Notify: func() {},
	}
}

func tree(depth int) *Node {
	if depth == 0 {
		return &Node{}
	}
	return &Node{
		Value: depth, Left: tree(depth - 1), Kids: []Node{*tree(depth - 1), {Value: -depth}}, Others: []*Node{{}, tree(depth - 1)},
		ByName: map[string]*Node{"": tree(0), "one": tree(depth - 1)},
	}
}

func chain(length int) *Node {
	n := &Node{Value: length}
	if length > 0 {
		n.Left = chain(length - 1)
	}
	return n
}

func pointers() *Pointers {
	return &Pointers{
		False: ptr(false), True: ptr(true), Zero: ptr(0), One: ptr(1), Blank: ptr(ptr("")), Text: ptr(ptr("t")), Point: &Point{},
		Time: &time.Time{}, EmptyMap: &map[string]int{}, NilMap: new(map[string]int), List: &[]int{},
	}
}

func maps() *Maps {
	return &Maps{
		Empty: map[string]string{}, Numbers: map[int]string{-1: "", 1 << 50: "large"},
		Lists: map[string][]string{"nil": nil, "empty": {}, "two": {"a", ""}}, Nested: map[string]map[string]int{"": nil, "a": {"b": 1}},
		Structs: map[string]Point{"p": {X: 1}, "zero": {}}, AnyKeys: map[Point]bool{{X: 1, Y: 2}: false},
	}
}

func box() *Box {
	deeper := Deeper{Map: map[string]Leaf{"leaf": {N: 0.5}}, Any: map[string]Leaf{"m": {N: 1}}, Flag: true}
	deep := &Deep{List: []Deeper{deeper, {}}, Any: deeper, Last: "last"}
	return &Box{Before: 1, First: Inner{Name: "inner", Any: deep, Tail: 9}, Middle: "middle", Second: map[string]any{
		"time": time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), "nil": nil, "points": []*Point{{X: 1}, {}}, "array": [2]Point{{}, {Y: 4}},
		"int": 5, "float": 5.0, "bytes": []byte("b"), "nested": map[string]any{"list": []any{true, int64(1) << 60, uint16(3), "\xff"}},
	}, After: []int{1, 2, 3}}
}

// deepCases have a type that Go defines behind 130 levels: inside them, and after them, where it ends a message.
func deepCases() []testCase {
	nested := func(inner any) any {
		for range 130 {
			inner = map[string]any{"x": inner}
		}
		return inner
	}
	list := []any{1}
	next := &Box{First: list, Before: 2}
	return []testCase{
		{name: "inside", values: []any{&Box{First: nested(list)}, next}},
		{name: "after", values: []any{&Box{First: nested(1), Second: list}, next}},
	}
}

// splits makes Go end a message at every element whose type is new.
func splits() []any {
	list := []any{1, "two", nil, Leaf{N: 3}, []any{Inner{Name: "four", Any: []*Point{{X: 4}}}}, [2]Point{}}
	for i := range 200 {
		list = append(list, map[string]any{strings.Repeat("k", i): i})
	}
	return append(list, &Deep{Last: "end", Any: Deeper{Any: map[string]Leaf{"x": {}}}}, time.Unix(1, 2).UTC())
}

func times() *Times {
	zone := func(seconds int) *time.Location { return time.FixedZone("z", seconds) }
	at := time.Date(2026, 3, 1, 12, 30, 0, 123456789, time.UTC)
	return &Times{
		UTC: at, East: at.In(zone(7200)), West: at.In(zone(-12600)), LMT: at.In(zone(1172)), List: []time.Time{{}, at},
		Where: url.URL{Scheme: "https", Host: "example.com", Path: "/a b"}, Link: &url.URL{}, Big: new(big.Int).Lsh(big.NewInt(-7), 100),
	}
}

func scalars() []any {
	return []any{
		ptr(false), ptr(true), ptr(0), ptr(-77), ptr(uint32(1 << 31)), ptr(2.5), ptr(complex(0, 1)), ptr(""), ptr("text"), &[]byte{1},
		&[]int{}, &[]string{"a", ""}, &map[string]int{"a": 1}, &[2]bool{true, false}, &struct{}{}, ptr(time.Unix(5, 0).UTC()), &Point{},
	}
}

// many puts types on one stream in turn, so that later values meet definitions of earlier ones.
func many() []any {
	var values []any
	for range 50 {
		values = append(values, &Point{X: 1, Y: 2}, box(), ptr("s"), tree(1), &[]Point{{}, {X: 3}})
	}
	return values
}

func large() *Box {
	text := strings.Repeat("0123456789abcdef", 1<<16)
	after := make([]int, 100_000)
	for i := range after {
		after[i] = i * i
	}
	return &Box{First: text, Middle: text, Second: map[string]any{"bytes": []byte(text), "leaf": Leaf{N: 1}}, After: after}
}

func wide() *Wide {
	return &Wide{
		Base: Base{ID: "id"}, First: 1, Skipped: Inner{Name: "skipped", Any: &Deep{Any: Deeper{Any: Leaf{N: 1}}}}, Node: tree(2),
		Pairs: map[string]Inner{"a": {Any: map[string]any{"b": []any{Leaf{}, nil}}}}, When: time.Unix(9, 9), Z: 1i, Keep: "kept",
		List: []any{[]*Point{{}}, [2]Point{}}, Last: 65535,
	}
}

func narrow(v any) any {
	w := v.(*Wide)
	return &Narrow{Last: w.Last, Keep: w.Keep}
}
