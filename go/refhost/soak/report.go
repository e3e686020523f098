package soak

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"time"
)

// Report is what a soak found.
type Report struct {
	Duration, KillEvery time.Duration
	Kinds               []KindFigures
	Posts               PostCount
	Events              EventCount
	Kills               KillFigures
	Bridge              BridgeFigures
	CPU                 CPUFigures
	// AtRest is what there is of the plugin after the last call, Wanted what there has to be. Stop is how long it took to end.
	AtRest, Wanted Standing
	Stop           time.Duration
	Log            []LogLine
	Faults         []*fault
}

// KindFigures are those of one kind of calls. Quiet: no kill hit them; Hit: those that were served although a worker was missing.
type KindFigures struct {
	Kind       string
	Outcomes   [outcomes]int
	Quiet, Hit Quantiles
	quiet, hit []time.Duration
}

// PostCount counts the posts that the plugin wrote itself.
type PostCount struct{ Created, CreatedDefaults int }

// EventCount counts events: told to the plugin, run, lost because a worker was killed, and how many of those there may be.
type EventCount struct{ Told, Ran, Lost, MayBeLost int }

// KillFigures counts kills of all workers at once and of one while others serve, with the time until a new one served a hook,
// and the kills that were left out. OneNoticed is the time after which the kill of one excuses no call any more.
type KillFigures struct {
	All, One, Skipped            int
	AllBack, OneBack, OneNoticed Quantiles
}

// Standing is what there is of a plugin when nothing is asked of it: the streams of its connection to the server, its guards, and
// its workers with all that they have started.
type Standing struct{ Streams, Guards, Workers int }

// BridgeFigures are medians after the first fifth and at the end. Memory is in kB.
type BridgeFigures struct {
	Memory, GuardMemory                        Pair[uint64]
	MostMemory                                 uint64
	Files, Threads, Temporary, Guards, Workers Pair[int]
}

// CPUFigures are processor time per call.
type CPUFigures struct{ Bridge, Others time.Duration }

// LogLine is a line of the log, and how often it came.
type LogLine struct {
	Level, Message string
	Count          int
}

// Pair is a figure at two times.
type Pair[T cmp.Ordered] struct{ First, Last T }

// Quantiles of times.
type Quantiles struct {
	Count         int
	P50, P99, Max time.Duration
}

func quantiles(times []time.Duration) Quantiles {
	if len(times) == 0 {
		return Quantiles{}
	}
	slices.Sort(times)
	return Quantiles{len(times), times[len(times)/2], times[len(times)*99/100], times[len(times)-1]}
}

func (q Quantiles) String() string {
	if q.Count == 0 {
		return "-"
	}
	return fmt.Sprintf("%s / %s / %s", milliseconds(q.P50), milliseconds(q.P99), milliseconds(q.Max))
}

func milliseconds(d time.Duration) string {
	return fmt.Sprintf("%.1f", float64(d)/float64(time.Millisecond))
}

func (r *Report) add(text, example string) {
	r.Faults = append(r.Faults, &fault{text, example, 1})
}

// Passed says whether nothing is wrong.
func (r *Report) Passed() bool { return len(r.Faults) == 0 }

// Write writes the report as Markdown.
func (r *Report) Write(out io.Writer) {
	fmt.Fprintf(out, "%s of a steady load; a kill every %s. Times in ms: p50 / p99 / max.\n\n", r.Duration, r.KillEvery)
	fmt.Fprintln(out, "| | served | server's default | 503 | broken off | outside of kills | while a worker was missing |\n|---|---|---|---|---|---|---|")
	for _, kind := range r.Kinds {
		fmt.Fprintf(out, "| %s | %d | %d | %d | %d | %s | %s |\n", kind.Kind, kind.Outcomes[served], kind.Outcomes[fallback], kind.Outcomes[refused], kind.Outcomes[broken], kind.Quiet, kind.Hit)
	}
	fmt.Fprintf(out, "\n- MessageHasBeenPosted: %d told, %d ran once, %d lost (at most %d may have been running at a kill)\n", r.Events.Told, r.Events.Ran, r.Events.Lost, r.Events.MayBeLost)
	fmt.Fprintf(out, "- posts that the plugin wrote: %d, of which %d with the server's default\n", r.Posts.Created, r.Posts.CreatedDefaults)
	fmt.Fprintf(out, "- kills of all workers at once: %d; a new worker served a hook after %s\n", r.Kills.All, r.Kills.AllBack)
	fmt.Fprintf(out, "- kills of one worker while others served: %d; the bridge had noticed after %s; its successor served a hook after %s\n", r.Kills.One, r.Kills.OneNoticed, r.Kills.OneBack)
	fmt.Fprintf(out, "- kills left out, because a worker that ends too often is given up, or because the last one had only just come back: %d\n", r.Kills.Skipped)
	fmt.Fprintf(out, "- bridge, after the first fifth and at the end: %d and %d kB (most: %d), %d and %d open files, %d and %d threads; guards %d and %d with %d and %d kB; workers %d and %d; temporary files %d and %d\n",
		r.Bridge.Memory.First, r.Bridge.Memory.Last, r.Bridge.MostMemory, r.Bridge.Files.First, r.Bridge.Files.Last, r.Bridge.Threads.First, r.Bridge.Threads.Last,
		r.Bridge.Guards.First, r.Bridge.Guards.Last, r.Bridge.GuardMemory.First, r.Bridge.GuardMemory.Last, r.Bridge.Workers.First, r.Bridge.Workers.Last, r.Bridge.Temporary.First, r.Bridge.Temporary.Last)
	fmt.Fprintf(out, "- processor time per call: bridge %s us, guards and workers with their starts %s us\n", microseconds(r.CPU.Bridge), microseconds(r.CPU.Others))
	fmt.Fprintf(out, "- at rest at the end: %d yamux streams, of %d at the beginning; %d guards and %d workers, of %d in plugin.json; the plugin ended within %s ms\n",
		r.AtRest.Streams, r.Wanted.Streams, r.AtRest.Guards, r.AtRest.Workers, r.Wanted.Workers, milliseconds(r.Stop))
	for _, line := range r.Log[:min(len(r.Log), 8)] {
		fmt.Fprintf(out, "- log, %d times: %s %.160s\n", line.Count, line.Level, line.Message)
	}
	for _, fault := range r.Faults {
		fmt.Fprintf(out, "\nWRONG, %d times: %s (%s)\n", fault.count, fault.text, fault.example)
	}
}

func microseconds(d time.Duration) string {
	return fmt.Sprintf("%.0f", float64(d)/float64(time.Microsecond))
}
