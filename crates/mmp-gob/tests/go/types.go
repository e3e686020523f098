package main

import (
	"encoding/gob"
	"math/big"
	"net/url"
	"time"
)

// Kinds has a field of every basic kind.
type Kinds struct {
	Bool    bool
	Int     int
	Int8    int8
	Int16   int16
	Int32   int32
	Int64   int64
	Uint16  uint16
	Uint32  uint32
	Uint64  uint64
	Float32 float32
	Float64 float64
	Complex complex128
	String  string
	Bytes   []byte
	Array   [3]int
	Empty   [0]int
	Octets  [4]byte
	Texts   []string
	Done    chan int
	Notify  func()
}

// Node refers to itself in every way.
type Node struct {
	Value  int
	Left   *Node
	Kids   []Node
	Others []*Node
	ByName map[string]*Node
}

// Point is a struct that may be all zero.
type Point struct{ X, Y int }

// Pointers shows what becomes of pointers to zero values.
type Pointers struct {
	False, True *bool
	Zero, One   *int
	Blank       **string
	Text        **string
	Point       *Point
	Time        *time.Time
	NoTime      *time.Time
	EmptyMap    *map[string]int
	NilMap      *map[string]int
	List        *[]int
}

// Maps tells nil from empty.
type Maps struct {
	Nil     map[string]string
	Empty   map[string]string
	Numbers map[int]string
	Lists   map[string][]string
	Nested  map[string]map[string]int
	Structs map[string]Point
	AnyKeys map[Point]bool
}

// Box holds an interface among other fields.
type Box struct {
	Before int
	First  any
	Middle string
	Second any
	After  []int
}

// Inner, Deep and Deeper are first met inside interfaces.
type Inner struct {
	Name string
	Any  any
	Tail int
}

// Deep is met inside Inner.
type Deep struct {
	List []Deeper
	Any  any
	Last string
}

// Deeper is met inside Deep.
type Deeper struct {
	Map  map[string]Leaf
	Any  any
	Flag bool
}

// Leaf is met inside Deeper.
type Leaf struct{ N float64 }

// Times has times of every form.
type Times struct {
	Zero  time.Time
	UTC   time.Time
	East  time.Time
	West  time.Time
	LMT   time.Time
	List  []time.Time
	Where url.URL
	Link  *url.URL
	Big   *big.Int
}

// Base is embedded.
type Base struct{ ID string }

// Wide has fields that Narrow lacks; all of their types are new.
type Wide struct {
	Base
	First   int
	Skipped any
	Node    *Node
	Pairs   map[string]Inner
	When    time.Time
	Z       complex128
	Keep    string
	List    []any
	Array   [2]Point
	Last    uint16
}

// Narrow is what a reader knows of Wide.
type Narrow struct {
	Last uint16
	Keep string
	New  string
}

func init() {
	gob.Register(map[string]any{})
	gob.Register([]any{})
	gob.Register(Box{})
	gob.Register(Inner{})
	gob.Register(&Deep{})
	gob.Register(Deeper{})
	gob.Register(Leaf{})
	gob.Register(time.Time{})
	gob.Register([]*Point{})
	gob.Register([2]Point{})
	gob.RegisterName("renamed", map[string]Leaf{})
}
