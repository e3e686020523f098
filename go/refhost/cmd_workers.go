package main

import (
	"bytes"
	"flag"
	"fmt"
	"strings"
	"time"

	"mattermost-plugin/refhost/bench"
	"mattermost-plugin/refhost/host"
)

// runWorkers measures plugins that differ in how many workers they have, and fails if several gain too little over the first.
func runWorkers(arguments []string) int {
	flags := flag.NewFlagSet("workers", flag.ExitOnError)
	options := bench.WorkersOptions{Progress: stderr}
	var plugins list
	flags.Var(&plugins, "plugin", "NAME=DIR of bench/workers; may be given several times, the ratios are to the first")
	flags.IntVar(&options.Rounds, "rounds", 9, "interleaved rounds")
	flags.IntVar(&options.Calls, "calls", 400, "hooks a round")
	flags.IntVar(&options.Concurrent, "concurrent", 8, "how many at once")
	flags.DurationVar(&options.Cost, "cost", 5*time.Millisecond, "processor time of a hook")
	file := flags.String("report", "", "a file that gets the table, too")
	_ = flags.Parse(arguments)
	for _, text := range plugins {
		name, dir, ok := strings.Cut(text, "=")
		if !ok {
			fmt.Fprintf(stderr, "a plugin is written NAME=DIR, not %q\n", text)
			return 2
		}
		options.Plugins = append(options.Plugins, bench.Entry{Name: name, Dir: dir})
	}
	host.NewLog().CaptureStandard()
	figures, err := bench.Workers(options)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	var text bytes.Buffer
	bench.WriteWorkers(&text, options, figures)
	missed := bench.MissedGains(figures)
	bench.WriteMissed(&text, missed)
	return publish(text.Bytes(), *file, len(missed) == 0)
}

// runRestarts measures how soon a worker is back, and fails if that is too late at the median.
func runRestarts(arguments []string) int {
	flags := flag.NewFlagSet("restarts", flag.ExitOnError)
	dir := flags.String("plugin", "", "bundle directory of examples/hello_python")
	rounds := flags.Int("rounds", 20, "how many times")
	file := flags.String("report", "", "a file that gets the table, too")
	_ = flags.Parse(arguments)
	if *dir == "" || *rounds < 1 {
		fmt.Fprintln(stderr, "usage: refhost restarts --plugin DIR [--rounds N] [--report FILE]")
		return 2
	}
	host.NewLog().CaptureStandard()
	figures, err := bench.Restarts(*dir, *rounds, stderr)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	var text bytes.Buffer
	bench.WriteRestarts(&text, *rounds, figures)
	missed := bench.MissedRestarts(figures)
	bench.WriteMissed(&text, missed)
	return publish(text.Bytes(), *file, len(missed) == 0)
}
