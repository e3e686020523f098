package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"

	"mattermost-plugin/refhost/bench"
	"mattermost-plugin/refhost/host"
)

func runBench(arguments []string) int {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	var plugins list
	flags.Var(&plugins, "plugin", "NAME=DIR; may be given several times, the first is the baseline")
	rounds := flags.Int("rounds", 11, "interleaved rounds")
	calls := flags.Int("calls", 1200, "calls a round")
	workloads := flags.String("workloads", strings.Join(bench.Workloads, ","), "workloads; small, down and up go through HTTP")
	http := flags.Bool("http", false, "the HTTP workloads "+strings.Join(bench.HTTPWorkloads, ",")+" instead of the default ones")
	concurrent := flags.Int("concurrent", 16, "concurrency beside sequential")
	activations := flags.Int("activations", 5, "how many times each plugin is started to measure the activation")
	markdown := flags.Bool("markdown", false, "write tables instead of JSON")
	_ = flags.Parse(arguments)
	var entries []bench.Entry
	for _, text := range plugins {
		name, dir, ok := strings.Cut(text, "=")
		if !ok {
			fmt.Fprintf(stderr, "a plugin is written NAME=DIR, not %q\n", text)
			return 2
		}
		entries = append(entries, bench.Entry{Name: name, Dir: dir})
	}
	if len(entries) == 0 {
		fmt.Fprintln(stderr, "usage: refhost bench --plugin NAME=DIR ...")
		return 2
	}
	// yamux writes a line to standard error whenever a plugin stops.
	host.NewLog().CaptureStandard()
	if *http {
		*workloads = strings.Join(bench.HTTPWorkloads, ",")
	}
	result, err := bench.Run(bench.Options{
		Plugins: entries, Rounds: *rounds, Calls: *calls, Concurrent: []int{1, *concurrent},
		Workloads: strings.Split(*workloads, ","), Activations: *activations, Progress: stderr,
	})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if *markdown {
		result.Markdown(os.Stdout)
		return 0
	}
	return printJSON(result)
}

func printJSON(value any) int {
	encoder := json.NewEncoder(os.Stdout)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(value); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}
