package scenario

import (
	"encoding/json"
	"fmt"
	"regexp"
	"sync"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/invoke"
)

type callStep struct {
	common
	Hook string            `json:"hook"`
	Args []json.RawMessage `json:"args"`
	// Expect are the results, in order, of which every mentioned part must agree. ExpectError is a pattern for the error
	// result or the error of the call.
	Expect      []json.RawMessage `json:"expect"`
	ExpectError string            `json:"expect_error"`
	// ExpectWire is as Expect, but of the reply as it came: with the fields that host.with_fields has added.
	ExpectWire []json.RawMessage `json:"expect_wire"`
	// Anyway calls the hook though the plugin does not implement it.
	Anyway bool `json:"anyway"`
	// Times calls the hook so many times, Concurrent of them at once.
	Times      int `json:"times"`
	Concurrent int `json:"concurrent"`
	// Background names the call, so that a join step can wait for it.
	Background string   `json:"background"`
	MaxTook    Duration `json:"max_took"`
}

type joinStep struct {
	common
	Background  string            `json:"background"`
	Expect      []json.RawMessage `json:"expect"`
	ExpectError string            `json:"expect_error"`
	// MayFail: an error is as good as results, but one of them there must be.
	MayFail bool `json:"may_fail"`
}

func init() {
	on("call", runCall)
	on("join", runJoin)
}

func runCall(r *runner, c common, wanted *callStep) (any, error) {
	plugin, err := r.plugin(c)
	if err != nil {
		return nil, err
	}
	spec := mattermost.HookByName(wanted.Hook)
	if spec == nil {
		return r.callUnknown(plugin, wanted)
	}
	if wanted.Background != "" {
		done := make(chan invoke.Result, 1)
		r.pending[wanted.Background] = done
		go func() { done <- call(plugin, spec, wanted) }()
		return nil, nil
	}
	begin := time.Now()
	results := callMany(plugin, spec, wanted)
	if took := time.Since(begin); wanted.MaxTook > 0 && took > time.Duration(wanted.MaxTook) {
		return nil, fmt.Errorf("the call took %s", took)
	}
	var value any
	for _, result := range results {
		if value, err = check(result, wanted.Expect, wanted.ExpectError); err != nil {
			return nil, err
		}
		if wanted.ExpectWire != nil {
			result.Returns = result.Wire
			if value, err = check(result, wanted.ExpectWire, wanted.ExpectError); err != nil {
				return nil, fmt.Errorf("on the wire: %w", err)
			}
		}
	}
	return value, nil
}

// callUnknown calls a hook that the host's schema does not have, as a newer server might.
func (r *runner) callUnknown(plugin *host.Plugin, wanted *callStep) (any, error) {
	err := plugin.CallAnyway(wanted.Hook, &struct{ A string }{"?"}, &struct{ A string }{})
	return nil, expectError(err, wanted.ExpectError)
}

func callMany(plugin *host.Plugin, spec *mattermost.MethodSpec, wanted *callStep) []invoke.Result {
	times, concurrent := max(wanted.Times, 1), max(wanted.Concurrent, 1)
	results := make([]invoke.Result, times)
	numbers := make(chan int)
	var workers sync.WaitGroup
	for range min(concurrent, times) {
		workers.Go(func() {
			for i := range numbers {
				results[i] = call(plugin, spec, wanted)
			}
		})
	}
	for i := range times {
		numbers <- i
	}
	close(numbers)
	workers.Wait()
	return results
}

func call(plugin *host.Plugin, spec *mattermost.MethodSpec, wanted *callStep) invoke.Result {
	if wanted.Anyway {
		return invoke.CallAnyway(plugin, spec, wanted.Args)
	}
	return invoke.Call(plugin, spec, wanted.Args)
}

func runJoin(r *runner, c common, wanted *joinStep) (any, error) {
	done, ok := r.pending[wanted.Background]
	if !ok {
		return nil, fmt.Errorf("no call %q runs in the background", wanted.Background)
	}
	delete(r.pending, wanted.Background)
	select {
	case result := <-done:
		if failure := result.Failure(); failure != nil && wanted.MayFail {
			return failure.Error(), nil
		}
		return check(result, wanted.Expect, wanted.ExpectError)
	case <-time.After(c.limit(defaultLimit)):
		return nil, fmt.Errorf("the call %q has not returned", wanted.Background)
	}
}

// check compares results and error; it returns the results for the output.
func check(r invoke.Result, expected []json.RawMessage, expectedError string) (any, error) {
	if failure := r.Failure(); failure != nil || expectedError != "" {
		return nil, expectError(failure, expectedError)
	}
	values, err := r.Values()
	if err != nil {
		return nil, err
	}
	for i, text := range expected {
		want, err := canon.Parse(text)
		if err != nil {
			return nil, err
		}
		if i >= len(values) {
			return nil, fmt.Errorf("%s has only %d results", r.Spec.Name, len(values))
		}
		if differences := canon.Subset(want, values[i]); len(differences) > 0 {
			return nil, fmt.Errorf("result %d: %v", i, differences)
		}
	}
	return values, nil
}

// expectError compares an error with a pattern; an empty pattern wants no error.
func expectError(err error, pattern string) error {
	if pattern == "" {
		return err
	}
	if err == nil {
		return fmt.Errorf("there was no error, but one that matches %q was expected", pattern)
	}
	matches, bad := regexp.MatchString(pattern, err.Error())
	if bad != nil {
		return bad
	}
	if !matches {
		return fmt.Errorf("the error is %q and does not match %q", err, pattern)
	}
	return nil
}
