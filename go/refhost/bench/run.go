// Package bench measures plugins against each other on the same host, in interleaved rounds.
package bench

import (
	"fmt"
	"io"
	"slices"
	"time"

	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/procs"
)

// Entry is a plugin to measure.
type Entry struct{ Name, Dir string }

// Options of a benchmark. The first plugin is the baseline of the ratios.
type Options struct {
	Plugins     []Entry
	Rounds      int
	Calls       int // hook calls a round; API calls in the API workloads
	Concurrent  []int
	Workloads   []string
	Activations int
	Progress    io.Writer
}

type key struct {
	workload   string
	concurrent int
}

// Run measures and returns the figures.
func Run(options Options) (*Result, error) {
	result := newResult(options)
	if err := measureActivation(options, result); err != nil {
		return nil, err
	}
	var contestants []*contestant
	defer func() {
		for _, c := range contestants {
			c.stop()
		}
	}()
	for _, entry := range options.Plugins {
		c, err := newContestant(entry.Name, entry.Dir)
		if err != nil {
			return nil, err
		}
		contestants = append(contestants, c)
		if err := c.serve(slices.Max(options.Concurrent)); err != nil {
			return nil, err
		}
	}
	measured := map[string]map[key]*series{}
	for _, c := range contestants {
		measured[c.name] = map[key]*series{}
	}
	// Round 0 warms up and is thrown away.
	for number := range options.Rounds + 1 {
		fmt.Fprintf(options.Progress, "round %d of %d\n", number, options.Rounds)
		if err := runRound(options, contestants, measured, number); err != nil {
			return nil, err
		}
	}
	for _, c := range contestants {
		result.addMemory(c.name, procs.Tree(c.plugin.Pid()))
	}
	result.addSeries(options, measured)
	return result, nil
}

// runRound lets every plugin do every workload once; who comes first changes from round to round.
func runRound(options Options, contestants []*contestant, measured map[string]map[key]*series, number int) error {
	order := slices.Clone(contestants)
	for range number % len(order) {
		order = append(order[1:], order[0])
	}
	for _, workload := range options.Workloads {
		for _, concurrent := range options.Concurrent {
			for _, c := range order {
				into := measured[c.name][key{workload, concurrent}]
				if into == nil || number == 0 {
					into = &series{}
				}
				if number > 0 {
					measured[c.name][key{workload, concurrent}] = into
				}
				// Few hooks would leave some of the concurrent callers idle at the end.
				count := max(options.Calls/weight(workload), 4*concurrent)
				if err := c.batch(into, workload, concurrent, count); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// measureActivation starts and stops every plugin several times, in turn.
func measureActivation(options Options, result *Result) error {
	times := map[string][]float64{}
	for range options.Activations {
		for _, entry := range options.Plugins {
			server := host.New(1)
			plugin, err := server.Start(entry.Dir)
			if err != nil {
				return err
			}
			times[entry.Name] = append(times[entry.Name], float64(plugin.ActivateTime)/float64(time.Millisecond))
			server.StopAll()
		}
	}
	for name, list := range times {
		result.Plugins[name].ActivationMS = median(list)
	}
	return nil
}

func median(list []float64) float64 {
	if len(list) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(list))
	middle := len(sorted) / 2
	if len(sorted)%2 == 1 {
		return sorted[middle]
	}
	return (sorted[middle-1] + sorted[middle]) / 2
}
