package main

import (
	"flag"
	"fmt"
	"os"

	"mattermost-plugin/refhost/drive"
)

// runDrive is a host that another program drives, by JSON lines on standard input and output.
func runDrive(arguments []string) int {
	flags := flag.NewFlagSet("drive", flag.ExitOnError)
	listen := flags.String("listen", "127.0.0.1:0", "address of the HTTP side")
	record := flags.Bool("record", true, "keep every API call")
	withoutFlush := flags.Bool("without-flush", false, "be an older server, whose response writer cannot flush")
	_ = flags.Parse(arguments)
	if flags.NArg() > 0 {
		fmt.Fprintln(stderr, "usage: refhost drive [--listen ADDRESS] [--record=false] [--without-flush] < COMMANDS")
		return 2
	}
	if err := drive.Run(drive.Options{Listen: *listen, Record: *record, WithoutFlush: *withoutFlush, In: os.Stdin, Out: os.Stdout}); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}
