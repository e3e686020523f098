package bench

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"syscall"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/procs"
)

// Word is what the plugin of the benchmark of restarts replaces in a post, as examples/hello_python does.
const Word = ":python:"

// restartLimit is how long a worker is waited for.
const restartLimit = 15 * time.Second

// RestartFigure is how long it took until a new worker served a hook, and what the median has to stay below.
type RestartFigure struct {
	After            string
	P50, Max, Target time.Duration
}

// Restarts measures the time from the end of a worker, and from the request to reload, to the first hook that a new worker
// served. Each round has a plugin of its own, because a worker that ends again and again is started later and later.
func Restarts(dir string, rounds int, progress io.Writer) ([]RestartFigure, error) {
	ways := []struct {
		name   string
		target time.Duration
		do     func(bridge, worker int) error
	}{
		{"SIGKILL to the worker", restartTarget, func(_, worker int) error { return syscall.Kill(worker, syscall.SIGKILL) }},
		{"SIGHUP to the bridge", reloadTarget, func(bridge, _ int) error { return syscall.Kill(bridge, syscall.SIGHUP) }},
	}
	var figures []RestartFigure
	for _, way := range ways {
		var times []time.Duration
		for number := range rounds {
			fmt.Fprintf(progress, "%s, round %d of %d\n", way.name, number+1, rounds)
			took, err := restart(dir, way.do)
			if err != nil {
				return figures, fmt.Errorf("after %s: %w", way.name, err)
			}
			times = append(times, took)
		}
		slices.Sort(times)
		figures = append(figures, RestartFigure{way.name, times[len(times)/2], times[len(times)-1], way.target})
	}
	return figures, nil
}

func restart(dir string, do func(bridge, worker int) error) (time.Duration, error) {
	server := host.New(1)
	server.Desk.Record = false
	defer server.StopAll()
	plugin, err := server.Start(dir)
	if err != nil {
		return 0, err
	}
	if !replaces(plugin) {
		return 0, errors.New("the plugin does not replace " + Word)
	}
	workers := procs.Workers(plugin.Pid())
	if len(workers) != 1 {
		return 0, fmt.Errorf("there are %d workers, not one", len(workers))
	}
	old := []procs.Process{workers[0].Process}
	begin := time.Now()
	if err := do(plugin.Pid(), old[0].Pid); err != nil {
		return 0, err
	}
	for time.Since(begin) < restartLimit {
		gone := len(procs.Alive(old)) == 0
		if replaces(plugin) && gone {
			return time.Since(begin), nil
		}
	}
	return 0, errors.New("no new worker served a hook within " + restartLimit.String())
}

// replaces says whether the plugin, and not the server's default, answers.
func replaces(plugin *host.Plugin) bool {
	post := &mattermost.Post{UserId: "user", ChannelId: "channel", Message: "I like " + Word}
	answer, err := plugin.Call("MessageWillBePosted", &mattermost.MessageWillBePostedArgs{A: &mattermost.Context{}, B: post})
	if err != nil {
		return false
	}
	returns := answer.(*mattermost.MessageWillBePostedReturns)
	return returns.A != nil && !strings.Contains(returns.A.Message, Word)
}

// WriteRestarts writes the table for people.
func WriteRestarts(out io.Writer, rounds int, figures []RestartFigure) {
	fmt.Fprintf(out, "Time to the first hook that a new worker of hello_python serves, %d rounds.\n\n| after | p50 in ms | max in ms |\n|---|---|---|\n", rounds)
	for _, figure := range figures {
		fmt.Fprintf(out, "| %s | %.0f | %.0f |\n", figure.After, microseconds(figure.P50)/1000, microseconds(figure.Max)/1000)
	}
}
