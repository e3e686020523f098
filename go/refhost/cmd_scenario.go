package main

import (
	"flag"
	"fmt"
	"os"

	"mattermost-plugin/refhost/scenario"
)

// runScenario runs scenario files one after the other and stops at the first that fails.
func runScenario(arguments []string) int {
	flags := flag.NewFlagSet("scenario", flag.ExitOnError)
	_ = flags.Parse(arguments)
	if flags.NArg() == 0 {
		fmt.Fprintln(stderr, "usage: refhost scenario FILE.json|FILE.yaml ...")
		return 2
	}
	for _, path := range flags.Args() {
		file, err := scenario.Load(path)
		if err == nil {
			err = scenario.Run(file, os.Stdout)
		}
		if err != nil {
			fmt.Fprintf(stderr, "%s: %v\n", path, err)
			return 1
		}
	}
	return 0
}
