// Command goplugin-interop is a host on hashicorp/go-plugin that tests the Rust plugin whose path it is given.
package main

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"sync"
	"time"
)

// check is one scenario. They run in this order on one plugin process.
type check struct {
	name string
	run  func(*host) error
}

var checks = []check{
	{"ping", checkPing},
	{"unknown plugin type", checkUnknownType},
	{"unknown control method", checkUnknownControl},
	{"echo of every size", checkEchoSizes},
	{"concurrent hooks", checkConcurrentHooks},
	{"hook error and missing methods", checkErrors},
	{"arguments that the host cannot encode", checkOrphanHeader},
	{"arguments that the plugin cannot decode", checkUndecodableArgument},
	{"activation with an API call inside", checkActivate},
	{"concurrent API calls inside hooks", checkConcurrentAPI},
	{"missing API method", checkMissingAPIMethod},
	{"plugin pulls a body", checkPull},
	{"plugin serves a body", checkServe},
	{"many short streams", checkManyStreams},
	{"stdout and stderr", checkOutput},
	{"hooks are alive after a dial that nobody accepts", checkUnacceptedDial},
	{"API connection that the host closes", checkAPIClosed},
	{"graceful exit", checkExit},
}

func main() {
	if len(os.Args) < 3 {
		fail("usage: goplugin-interop check|hold|idle PLUGIN")
	}
	h, err := start(os.Args[2])
	if err != nil {
		fail("start: %v", err)
	}
	switch os.Args[1] {
	case "check":
		runChecks(h)
	case "hold":
		// The test kills this process and looks whether the plugin goes, too.
		fmt.Printf("plugin %d\n", h.client.ReattachConfig().Pid)
		select {}
	case "idle":
		// Longer than yamux's 75 s for the acknowledgement of a stream.
		time.Sleep(100 * time.Second)
		if err := checkConcurrentHooks(h); err != nil {
			fail("after 100 s: %v", err)
		}
		fmt.Println("ok idle")
		h.client.Kill()
	}
}

func runChecks(h *host) {
	for _, c := range checks {
		if err := within(20*time.Second, func() error { return c.run(h) }); err != nil {
			h.client.Kill()
			fail("%s: %v\nhost's log:\n%s", c.name, err, h.log.String())
		}
		fmt.Printf("ok %s\n", c.name)
	}
	fmt.Printf("all %d checks passed\n", len(checks))
}

// within fails a function that hangs.
func within(limit time.Duration, f func() error) error {
	done := make(chan error, 1)
	go func() { done <- f() }()
	select {
	case err := <-done:
		return err
	case <-time.After(limit):
		return fmt.Errorf("no result after %v", limit)
	}
}

func fail(format string, args ...any) {
	fmt.Fprintf(os.Stderr, format+"\n", args...)
	os.Exit(1)
}

// buffer collects output, and lets a check wait for a certain text.
type buffer struct {
	lock    sync.Mutex
	data    bytes.Buffer
	written chan struct{}
}

func newBuffer() *buffer {
	return &buffer{written: make(chan struct{}, 1)}
}

func (b *buffer) Write(p []byte) (int, error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	select {
	case b.written <- struct{}{}:
	default:
	}
	return b.data.Write(p)
}

func (b *buffer) String() string {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.data.String()
}

// waitFor returns when the text has been written; the check's own time limit ends it otherwise.
func (b *buffer) waitFor(text string) {
	for !strings.Contains(b.String(), text) {
		<-b.written
	}
}
