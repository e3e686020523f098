package main

import (
	"bytes"
	"fmt"
	"math/rand"
	"strings"
	"sync"
	"time"
)

func checkPing(h *host) error {
	for range 10 {
		if err := h.protocol.Ping(); err != nil {
			return err
		}
	}
	return nil
}

func checkUnknownType(h *host) error {
	_, err := h.protocol.Dispense("other")
	return expectError(err, "unknown plugin type: other")
}

func checkUnknownControl(h *host) error {
	// The hooks connection has no service Control; the control connection is not ours to use.
	return expectError(h.hooks.Call("Control.Ping", true, nil), "rpc: can't find service Control.Ping")
}

func checkEchoSizes(h *host) error {
	for _, size := range []int{0, 1, 127, 128, 600, 4096, 5000, 65536, 262144, 300000, 3000000} {
		if err := echo(h, strings.Repeat("x", size)); err != nil {
			return fmt.Errorf("size %d: %w", size, err)
		}
	}
	return nil
}

func echo(h *host, text string) error {
	var reply string
	if err := h.hooks.Call("Plugin.Echo", text, &reply); err != nil {
		return err
	}
	if reply != text {
		return fmt.Errorf("sent %d bytes, got %d other ones", len(text), len(reply))
	}
	return nil
}

// concurrently runs f in many goroutines, each several times.
func concurrently(goroutines, times int, f func(worker, n int) error) error {
	errs := make(chan error, goroutines)
	for worker := range goroutines {
		go func() {
			for n := range times {
				if err := f(worker, n); err != nil {
					errs <- fmt.Errorf("worker %d, call %d: %w", worker, n, err)
					return
				}
			}
			errs <- nil
		}()
	}
	for range goroutines {
		if err := <-errs; err != nil {
			return err
		}
	}
	return nil
}

func checkConcurrentHooks(h *host) error {
	return concurrently(16, 500, func(worker, n int) error {
		return echo(h, fmt.Sprintf("%d/%d/%s", worker, n, strings.Repeat("y", rand.Intn(3000))))
	})
}

func checkErrors(h *host) error {
	if err := expectError(h.hooks.Call("Plugin.Fail", "why", nil), "failed: why"); err != nil {
		return err
	}
	if err := expectError(h.hooks.Call("Plugin.Nope", "x", nil), "rpc: can't find method Plugin.Nope"); err != nil {
		return err
	}
	return expectError(h.hooks.Call("Nope.Echo", "x", nil), "rpc: can't find service Nope.Echo")
}

func checkOrphanHeader(h *host) error {
	for range 3 {
		err := h.hooks.Call("Plugin.Echo", Holder{A: unregistered{1}}, nil)
		if err == nil || !strings.Contains(err.Error(), "type not registered") {
			return fmt.Errorf("expected gob's refusal, got %v", err)
		}
	}
	if err := echo(h, "after three orphaned headers"); err != nil {
		return err
	}
	return checkConcurrentHooks(h)
}

func checkUndecodableArgument(h *host) error {
	if err := expectError(h.hooks.Call("Plugin.Echo", 5, nil), "not a string"); err != nil {
		return err
	}
	return echo(h, "still here")
}

// Activation is the argument of OnActivate.
type Activation struct {
	APIMuxId    uint32
	DriverMuxId uint32
}

func checkActivate(h *host) error {
	args := Activation{APIMuxId: h.broker.NextId(), DriverMuxId: 0}
	go h.broker.AcceptAndServe(args.APIMuxId, h.api)
	var reply string
	if err := h.hooks.Call("Plugin.OnActivate", args, &reply); err != nil {
		return err
	}
	if reply != "ACTIVATED" {
		return fmt.Errorf("got %q", reply)
	}
	return nil
}

func upper(h *host, text string) error {
	var reply string
	if err := h.hooks.Call("Plugin.Upper", text, &reply); err != nil {
		return err
	}
	if reply != strings.ToUpper(text) {
		return fmt.Errorf("%q became %q", text, reply)
	}
	return nil
}

func checkConcurrentAPI(h *host) error {
	return concurrently(16, 200, func(worker, n int) error {
		return upper(h, fmt.Sprintf("w%d n%d", worker, n))
	})
}

func checkMissingAPIMethod(h *host) error {
	err := h.hooks.Call("Plugin.CallMissing", "x", nil)
	return expectError(err, "missing method Plugin.Missing")
}

// StreamArgs names a stream.
type StreamArgs struct{ Stream uint32 }

func body(size int) []byte {
	data := make([]byte, size)
	rand.New(rand.NewSource(1)).Read(data)
	return data
}

func pull(h *host, data []byte) error {
	var expected, got Summary
	expected.add(data)
	args := StreamArgs{h.broker.NextId()}
	served := make(chan error, 1)
	go func() { served <- servePull(h.broker, args.Stream, bytes.NewReader(data)) }()
	if err := h.hooks.Call("Plugin.Pull", args, &got); err != nil {
		return err
	}
	if got != expected {
		return fmt.Errorf("sent %+v, plugin got %+v", expected, got)
	}
	return <-served
}

func checkPull(h *host) error {
	for _, size := range []int{0, 1, 262144, 5 << 20} {
		if err := pull(h, body(size)); err != nil {
			return fmt.Errorf("size %d: %w", size, err)
		}
	}
	return nil
}

func checkServe(h *host) error {
	for _, size := range []int{0, 1, 262144, 5 << 20} {
		var got Summary
		if err := h.hooks.Call("Plugin.Serve", StreamArgs{uint32(size)}, &got); err != nil {
			return fmt.Errorf("size %d: %w", size, err)
		}
		var expected Summary
		expected.add(bytes.Repeat([]byte{7}, size))
		if got != expected {
			return fmt.Errorf("size %d: got %+v", size, got)
		}
	}
	return nil
}

func checkManyStreams(h *host) error {
	data := body(100)
	return concurrently(16, 50, func(_, _ int) error { return pull(h, data) })
}

func checkOutput(h *host) error {
	if err := h.hooks.Call("Plugin.Print", "text", nil); err != nil {
		return err
	}
	h.stdout.waitFor("stdout text")
	h.stderr.waitFor("stderr text")
	return nil
}

func checkUnacceptedDial(h *host) error {
	// Each side of the broker gives up after 5 s; meanwhile everything else goes on.
	var group sync.WaitGroup
	var dialError error
	group.Go(func() { _, dialError = h.broker.Dial(777) })
	if err := checkConcurrentHooks(h); err != nil {
		return err
	}
	if err := checkConcurrentAPI(h); err != nil {
		return err
	}
	group.Wait()
	return expectError(dialError, "EOF")
}

func checkAPIClosed(h *host) error {
	if err := expectError(h.hooks.Call("Plugin.BreakAPI", "x", nil), "unexpected EOF"); err != nil {
		return err
	}
	if err := expectError(h.hooks.Call("Plugin.Upper", "x", nil), "connection is shut down"); err != nil {
		return err
	}
	return echo(h, "hooks go on")
}

func checkExit(h *host) error {
	begin := time.Now()
	h.client.Kill()
	if !h.client.Exited() {
		return fmt.Errorf("the plugin is still there")
	}
	log := h.log.String()
	if strings.Contains(log, "failed to exit gracefully") || strings.Contains(log, "exit status") {
		return fmt.Errorf("the plugin had to be killed or failed:\n%s", log)
	}
	if took := time.Since(begin); took > time.Second {
		return fmt.Errorf("it took %v", took)
	}
	return nil
}

func expectError(err error, text string) error {
	if err == nil || err.Error() != text {
		return fmt.Errorf("expected the error %q, got %v", text, err)
	}
	return nil
}
