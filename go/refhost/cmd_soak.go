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
	return publish(text.Bytes(), *file, report.Passed())
}

// publish writes a report to standard output and, if there is one, to a file. The exit code says whether what it is about is in order.
func publish(text []byte, file string, passed bool) int {
	if _, err := os.Stdout.Write(text); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	if file != "" {
		if err := os.WriteFile(file, text, 0o644); err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
	}
	if !passed {
		return 1
	}
	return 0
}
