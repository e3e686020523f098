package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"syscall"

	"mattermost-plugin/refhost/driver"
	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/internal/postgres"
	"mattermost-plugin/refhost/mask"
	"mattermost-plugin/refhost/web"
)

// temporary is the data source name that means: a PostgreSQL of the host's own. exitNoPostgres says that there is none, so
// that a test can be skipped.
const (
	temporary      = "temporary"
	exitNoPostgres = 3
)

// runHTTP serves plugins by HTTP until SIGTERM, SIGINT or the end of standard input.
func runHTTP(arguments []string) int {
	flags := flag.NewFlagSet("http", flag.ExitOnError)
	var dirs, hidden list
	flags.Var(&dirs, "plugin", "bundle directory; may be given several times")
	flags.Var(&hidden, "without-method", "RPC method of the API that the host does not have, for example PluginHTTPStream; may be given several times")
	listen := flags.String("listen", "127.0.0.1:0", "address")
	dsn := flags.String("postgres", "", `data source name of a PostgreSQL for the database driver, for example "host=/run/postgresql dbname=test sslmode=disable", or "temporary"; without it the server has no driver`)
	record := flags.Bool("record", true, "keep every API call for /calls")
	_ = flags.Parse(arguments)
	if len(dirs) == 0 || flags.NArg() > 0 {
		fmt.Fprintln(stderr, "usage: refhost http --plugin DIR [--plugin DIR ...] [--listen ADDRESS] [--postgres DSN]")
		return 2
	}
	server := host.New(1)
	server.Log.CaptureStandard()
	server.Desk.Record = *record
	if len(hidden) > 0 {
		older, err := mask.New(hidden, nil, nil)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 2
		}
		server.Mask = older
	}
	if *dsn == temporary {
		cluster, err := postgres.Start()
		if err != nil {
			fmt.Fprintln(stderr, err)
			return postgresExit(err)
		}
		defer cluster.Stop()
		*dsn = cluster.DSN
	}
	var database web.Database
	if *dsn != "" {
		opened, err := driver.Open(*dsn)
		if err != nil {
			fmt.Fprintln(stderr, err)
			return 1
		}
		defer opened.Close()
		server.Driver, database = opened.ForPlugin, opened
	}
	defer server.StopAll()
	for _, dir := range dirs {
		if _, err := server.Start(dir); err != nil {
			fmt.Fprintln(stderr, err)
			printLog(server)
			return 1
		}
	}
	if err := serveHTTP(server, database, *listen, *dsn); err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	return 0
}

func serveHTTP(server *host.Host, database web.Database, address, dsn string) error {
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	// Before anybody is told that this runs, and may end it.
	stop := stopped()
	handler := web.New(server, database)
	failed := make(chan error, 1)
	go func() { failed <- handler.Serve(listener) }()
	defer handler.Close()
	ready := map[string]any{"listen": listener.Addr().String(), "plugins": web.Describe(server), "postgres": dsn}
	if err := json.NewEncoder(os.Stdout).Encode(ready); err != nil {
		return err
	}
	select {
	case err := <-failed:
		return err
	case <-stop:
		return nil
	}
}

func postgresExit(err error) int {
	if errors.Is(err, postgres.ErrNotInstalled) {
		return exitNoPostgres
	}
	return 1
}

// stopped is closed when the caller wants the host to end.
func stopped() <-chan struct{} {
	done := make(chan struct{})
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	input := make(chan struct{})
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		close(input)
	}()
	go func() {
		select {
		case <-signals:
		case <-input:
		}
		close(done)
	}()
	return done
}

func printLog(server *host.Host) {
	for _, entry := range server.Log.Entries(0) {
		fmt.Fprintln(stderr, entry)
	}
}
