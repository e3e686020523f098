// Command extract reads a Mattermost source tree and writes schema/mattermost.json, the one description of the plugin interface that
// everything else is generated from. schema/README.md defines the format.
//
//	go run . -src PATH/TO/server/public -overrides ../../schema/overrides.toml -out ../../schema/mattermost.json
//
// Whatever it does not understand is an error with file and line; it never leaves something out silently.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main without the process: it returns the exit code, 0 on success, 1 when the tree is not understood and 2 on wrong usage.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("extract", flag.ContinueOnError)
	flags.SetOutput(stderr)
	src := flags.String("src", "", "Mattermost's `directory` server/public")
	overrides := flags.String("overrides", "", "`file` with what the source does not say (overrides.toml)")
	out := flags.String("out", "", "`file` to write; - is standard output")
	if err := flags.Parse(args); err != nil {
		return 2
	}
	if *src == "" || *overrides == "" || *out == "" || flags.NArg() != 0 {
		fmt.Fprintln(stderr, "extract: -src, -overrides and -out are required, and nothing else is accepted")
		flags.Usage()
		return 2
	}
	schema, err := extract(*src, *overrides)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	text := schema.encode()
	if *out == "-" {
		_, err = stdout.Write(text)
	} else {
		err = writeFile(*out, text)
	}
	if err != nil {
		fmt.Fprintln(stderr, "extract:", err)
		return 1
	}
	fmt.Fprintln(stderr, schema.summary())
	return 0
}

// extract turns a source tree into a schema, or into an error that lists every problem found.
func extract(src, overridesFile string) (*Schema, error) {
	overrides, err := readOverrides(overridesFile)
	if err != nil {
		return nil, err
	}
	tree, err := loadTree(src)
	if err != nil {
		return nil, err
	}
	x := newExtractor(tree, overrides)
	schema := x.schema()
	if err := x.problems.err(); err != nil {
		return nil, err
	}
	return schema, nil
}

// writeFile replaces the file in one step, so that whoever reads it meanwhile sees the old or the new text, never half of one.
func writeFile(name string, text []byte) error {
	temporary, err := os.CreateTemp(filepath.Dir(name), filepath.Base(name)+".*")
	if err != nil {
		return err
	}
	defer os.Remove(temporary.Name())
	if _, err := temporary.Write(text); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Chmod(0o644); err != nil {
		temporary.Close()
		return err
	}
	if err := temporary.Close(); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), name)
}
