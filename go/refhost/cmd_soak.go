package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"time"

	"mattermost-plugin/refhost/soak"
)

// runSoak writes one report on standard output and fails if anything in it is wrong.
func runSoak(arguments []string) int {
	flags := flag.NewFlagSet("soak", flag.ExitOnError)
	dir := flags.String("plugin", "", "bundle directory of tests/soak/plugin")
	duration := flags.Duration("for", time.Hour, "how long")
	killEvery := flags.Duration("kill-every", 10*time.Second, "pause between two kills of a worker; 0 for none")
	file := flags.String("report", "", "a file that gets the report, too")
	_ = flags.Parse(arguments)
	if *dir == "" || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "usage: refhost soak --plugin DIR [--for 1h] [--kill-every 10s] [--report FILE]")
		return 2
	}
	report, err := soak.Run(soak.Options{Dir: *dir, Duration: *duration, KillEvery: *killEvery, Progress: stderr})
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	var text bytes.Buffer
	report.Write(&text)
	if _, err := os.Stdout.Write(text.Bytes()); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if *file != "" {
		if err := os.WriteFile(*file, text.Bytes(), 0o644); err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
	}
	if !report.Passed() {
		return 1
	}
	return 0
}
