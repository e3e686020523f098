package bench

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"mattermost-plugin/mattermost"
)

// Spin is a hook that computes for a fixed number of steps: bench/workers.
const Spin = "spin"

// WorkersOptions are those of the benchmark of several workers. The plugins differ in how many workers they have.
type WorkersOptions struct {
	Plugins                   []Entry
	Rounds, Calls, Concurrent int
	// Cost is the processor time of one hook.
	Cost     time.Duration
	Progress io.Writer
}

// WorkersFigure is what one of the plugins reached. Ratio is to the first, the median of the ratios in each round.
type WorkersFigure struct {
	Name             string
	Rate, Ratio, P50 float64
}

// Workers measures the throughput of plugins with different numbers of workers, in interleaved rounds.
func Workers(options WorkersOptions) ([]WorkersFigure, error) {
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
	}
	if len(contestants) == 0 {
		return nil, errors.New("there is no plugin to measure")
	}
	steps, err := contestants[0].calibrate(options.Cost)
	if err != nil {
		return nil, err
	}
	measured := make([]series, len(contestants))
	// Round 0 warms up and is thrown away.
	for number := range options.Rounds + 1 {
		fmt.Fprintf(options.Progress, "round %d of %d\n", number, options.Rounds)
		for offset := range contestants {
			at := (number + offset) % len(contestants)
			contestants[at].steps = steps
			into := &measured[at]
			if number == 0 {
				into = &series{}
			}
			if err := contestants[at].batch(into, Spin, options.Concurrent, options.Calls); err != nil {
				return nil, err
			}
		}
	}
	return workersFigures(options.Plugins, measured), nil
}

func workersFigures(plugins []Entry, measured []series) []WorkersFigure {
	var figures []WorkersFigure
	for i, entry := range plugins {
		var rates, ratios, p50 []float64
		for number, round := range measured[i].rounds {
			rates, p50 = append(rates, round.rate), append(p50, round.p50)
			ratios = append(ratios, round.rate/measured[0].rounds[number].rate)
		}
		figures = append(figures, WorkersFigure{entry.Name, median(rates), median(ratios), median(p50)})
	}
	return figures
}

// calibrate asks the plugin how many steps take so much processor time. All plugins get the same number.
func (c *contestant) calibrate(cost time.Duration) (int, error) {
	post := newPost(Nil, c.userID)
	post.Message = fmt.Sprintf("bench:calibrate %g", cost.Seconds())
	args := &mattermost.MessageWillBePostedArgs{A: &mattermost.Context{}, B: post}
	returns := &mattermost.MessageWillBePostedReturns{A: post}
	if err := c.plugin.CallAnyway("MessageWillBePosted", args, returns); err != nil {
		return 0, err
	}
	steps, err := strconv.Atoi(returns.A.Message)
	if err != nil {
		return 0, fmt.Errorf("%s did not say how many steps take %s: %w", c.name, cost, err)
	}
	return steps, nil
}

// WriteWorkers writes the table for people.
func WriteWorkers(out io.Writer, options WorkersOptions, figures []WorkersFigure) {
	fmt.Fprintf(out, "A handler that computes for %s, %d at once; medians of %d interleaved rounds of %d hooks.\n\n", options.Cost, options.Concurrent, options.Rounds, options.Calls)
	fmt.Fprint(out, "| workers | hooks a second | ratio | p50 in ms |\n|---|---|---|---|\n")
	for _, figure := range figures {
		fmt.Fprintf(out, "| %s | %.0f | **%.2f** | %.1f |\n", figure.Name, figure.Rate, figure.Ratio, figure.P50/1000)
	}
}
