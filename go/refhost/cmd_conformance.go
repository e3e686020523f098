package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"mattermost-plugin/refhost/conform"
)

func runConformance(arguments []string) int {
	flags := flag.NewFlagSet("conformance", flag.ExitOnError)
	dir := flags.String("plugin", "", "bundle directory of the test plugin")
	seed := flags.Uint64("seed", 1, "seed of all values")
	styles := flags.String("styles", "sync,async", "styles of API calls")
	cases := flags.String("cases", "", "directory of the cases that are written by hand")
	summary := flags.String("summary", "", "file for the report as JSON")
	limit := flags.Duration("timeout", 5*time.Minute, "how long the run may take")
	_ = flags.Parse(arguments)
	report, err := conform.Run(conform.Options{
		PluginDir: *dir, Seed: *seed, Styles: strings.Split(*styles, ","), CasesDir: *cases, Summary: *summary, Limit: *limit, Out: os.Stdout,
	})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if len(report.Problems) > 0 {
		return 1
	}
	return 0
}
