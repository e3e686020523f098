// Command gobpeer is the Go side of the gob tests.
//
//	gobpeer write DIR   writes every case to DIR/NAME.gob with Go's encoder
//	gobpeer deep DIR    writes streams whose first values are nested too deeply to be read, and whose second ones are not
//	gobpeer check DIR   reads every DIR/NAME.gob, which the other side has written, and compares it with the case
package main

import (
	"bytes"
	"encoding/gob"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"time"
)

func main() {
	time.AfterFunc(2*time.Minute, func() { fail(errors.New("hung: gave up after two minutes")) })
	if len(os.Args) != 3 {
		fail(errors.New("usage: gobpeer write|deep|check DIR"))
	}
	if os.Args[1] == "deep" {
		for _, c := range deepCases() {
			if err := write(filepath.Join(os.Args[2], c.name+".gob"), c); err != nil {
				fail(err)
			}
		}
		return
	}
	run := map[string]func(string, testCase) error{"write": write, "check": check}[os.Args[1]]
	if run == nil {
		fail(fmt.Errorf("unknown command %q", os.Args[1]))
	}
	checked := 0
	for _, c := range cases() {
		path := filepath.Join(os.Args[2], c.name+".gob")
		if _, err := os.Stat(path); os.Args[1] == "check" && errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err := run(path, c); err != nil {
			fail(fmt.Errorf("%s: %w", c.name, err))
		}
		checked++
	}
	fmt.Println(checked)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "gobpeer:", err)
	os.Exit(1)
}

// encode writes the values of a case to one stream.
func encode(c testCase) ([]byte, error) {
	var buf bytes.Buffer
	enc := gob.NewEncoder(&buf)
	for _, v := range c.values {
		if err := enc.Encode(v); err != nil {
			return nil, err
		}
	}
	return buf.Bytes(), nil
}

func write(path string, c testCase) error {
	data, err := encode(c)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// decode reads as many values as the case has, each into a fresh variable of the type that target names.
func decode(data []byte, c testCase, target func(any) any) ([]any, error) {
	dec := gob.NewDecoder(bytes.NewReader(data))
	var got []any
	for i, v := range c.values {
		dst := target(v)
		if err := dec.Decode(dst); err != nil {
			return nil, fmt.Errorf("value %d: %w", i, err)
		}
		got = append(got, dst)
	}
	if err := dec.DecodeValue(reflect.Value{}); err != io.EOF {
		return nil, fmt.Errorf("after the last value: %v", err)
	}
	return got, nil
}

// check compares what Go reads from the other side's bytes with what it reads from its own.
func check(path string, c testCase) error {
	theirs, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	ours, err := encode(c)
	if err != nil {
		return err
	}
	got, err := decode(theirs, c, fresh)
	if err != nil {
		return err
	}
	want, err := decode(ours, c, fresh)
	if err != nil {
		return fmt.Errorf("reading Go's own bytes: %w", err)
	}
	if err := compare(got, want); err != nil || c.narrow == nil {
		return err
	}
	return checkNarrow(theirs, c)
}

func fresh(v any) any { return reflect.New(reflect.TypeOf(v).Elem()).Interface() }

// checkNarrow reads the values into a type with few of their fields. Go cannot do this with its own bytes: it skips an interface by the byte
// count, which is wrong if types are defined inside; the other side defines them before the value.
func checkNarrow(theirs []byte, c testCase) error {
	var want []any
	for _, v := range c.values {
		want = append(want, c.narrow(v))
	}
	got, err := decode(theirs, c, func(v any) any { return fresh(c.narrow(v)) })
	if err != nil {
		return fmt.Errorf("skipping fields: %w", err)
	}
	return compare(got, want)
}

func compare(got, want []any) error {
	for i := range want {
		if !reflect.DeepEqual(got[i], want[i]) {
			return fmt.Errorf("value %d: got %+v, want %+v", i, got[i], want[i])
		}
	}
	return nil
}
