package main

import (
	"flag"
	"fmt"
	"os"
	"strings"

	"mattermost-plugin/refhost/demo"
)

// list is a flag that may be given several times.
type list []string

func (l *list) String() string { return strings.Join(*l, " ") }

func (l *list) Set(value string) error {
	*l = append(*l, value)
	return nil
}

func runDemo(arguments []string) int {
	flags := flag.NewFlagSet("demo", flag.ExitOnError)
	var dirs list
	flags.Var(&dirs, "plugin", "bundle directory; the first is hello_python, a second one the Go plugin")
	second := flags.String("plugin2", "", "the same as a second -plugin")
	word := flags.String("word", "python", "what the first plugin replaces when it stands between colons")
	_ = flags.Parse(arguments)
	if *second != "" {
		dirs = append(dirs, *second)
	}
	if len(dirs) == 0 {
		fmt.Fprintln(stderr, "usage: refhost demo --plugin DIR [--plugin2 DIR] [--word WORD]")
		return 2
	}
	if err := demo.Run(demo.Options{PluginDirs: dirs, Word: *word, Out: os.Stdout}); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}
