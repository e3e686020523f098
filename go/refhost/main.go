// refhost is a host for Mattermost server plugins on Go's own go-plugin, for tests, the demo and the benchmarks.
package main

import (
	"fmt"
	"os"
	"sort"
	"strings"
)

// stderr is the real one; the hosts capture what libraries write to os.Stderr.
var stderr = os.Stderr

// commands return the exit code.
var commands = map[string]func(arguments []string) int{
	"bench":       runBench,
	"conformance": runConformance,
	"demo":        runDemo,
	"drive":       runDrive,
	"http":        runHTTP,
	"restarts":    runRestarts,
	"scenario":    runScenario,
	"soak":        runSoak,
	"workers":     runWorkers,
}

func main() {
	if len(os.Args) > 1 {
		if command, ok := commands[os.Args[1]]; ok {
			os.Exit(command(os.Args[2:]))
		}
	}
	var names []string
	for name := range commands {
		names = append(names, name)
	}
	sort.Strings(names)
	fmt.Fprintf(stderr, "usage: refhost %s [flags]\n", strings.Join(names, "|"))
	os.Exit(2)
}
