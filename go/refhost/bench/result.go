package bench

import (
	"fmt"
	"io"
	"strings"

	"mattermost-plugin/refhost/procs"
)

// Result is what a benchmark found. Ratios are to the baseline: below 1 is better for times, above 1 for rates.
type Result struct {
	Baseline   string             `json:"baseline"`
	Order      []string           `json:"order"`
	Rounds     int                `json:"rounds"`
	Calls      int                `json:"calls"`
	Concurrent []int              `json:"concurrent"`
	Workloads  []string           `json:"workloads"`
	Plugins    map[string]*Figure `json:"plugins"`
}

// Figure holds the figures of one plugin.
type Figure struct {
	ActivationMS float64           `json:"activation_ms"`
	Memory       []ProcessMemory   `json:"memory"`
	Cells        map[string]*Cells `json:"cells"`
}

// ProcessMemory is the resident memory of one process after the run.
type ProcessMemory struct {
	Name string `json:"name"`
	KB   uint64 `json:"kb"`
}

// Cells are the figures of one workload at one concurrency: medians over the rounds; processor time over all rounds.
type Cells struct {
	P50       float64 `json:"p50_us"`
	P99       float64 `json:"p99_us"`
	Rate      float64 `json:"rate_per_s"`
	CPURoot   float64 `json:"cpu_us_executable"`
	CPUChild  float64 `json:"cpu_us_children"`
	P50Ratio  float64 `json:"p50_ratio"`
	RateRatio float64 `json:"rate_ratio"`
}

func newResult(options Options) *Result {
	result := &Result{
		Baseline: options.Plugins[0].Name, Rounds: options.Rounds, Calls: options.Calls,
		Concurrent: options.Concurrent, Workloads: options.Workloads, Plugins: map[string]*Figure{},
	}
	for _, entry := range options.Plugins {
		result.Order = append(result.Order, entry.Name)
		result.Plugins[entry.Name] = &Figure{Cells: map[string]*Cells{}}
	}
	return result
}

func (r *Result) addMemory(name string, tree []procs.Process) {
	for _, process := range tree {
		r.Plugins[name].Memory = append(r.Plugins[name].Memory, ProcessMemory{process.Name, process.RSS})
	}
}

// CellName is the key of a workload at a concurrency.
func CellName(workload string, concurrent int) string {
	return fmt.Sprintf("%s c=%d", workload, concurrent)
}

func (r *Result) addSeries(options Options, measured map[string]map[key]*series) {
	for _, entry := range options.Plugins {
		for k, s := range measured[entry.Name] {
			r.Plugins[entry.Name].Cells[CellName(k.workload, k.concurrent)] = s.cells()
		}
	}
	base := r.Plugins[r.Baseline].Cells
	for _, figure := range r.Plugins {
		for name, cells := range figure.Cells {
			cells.P50Ratio = cells.P50 / base[name].P50
			cells.RateRatio = cells.Rate / base[name].Rate
		}
	}
}

func (s *series) cells() *Cells {
	var p50, p99, rate []float64
	for _, round := range s.rounds {
		p50, p99, rate = append(p50, round.p50), append(p99, round.p99), append(rate, round.rate)
	}
	perCall := microseconds(clockTick) / float64(s.calls)
	return &Cells{
		P50: median(p50), P99: median(p99), Rate: median(rate),
		CPURoot: float64(s.rootTicks) * perCall, CPUChild: float64(s.childTicks) * perCall,
	}
}

// Markdown writes the tables for people.
func (r *Result) Markdown(out io.Writer) {
	for _, concurrent := range r.Concurrent {
		if concurrent == 1 {
			fmt.Fprintf(out, "Sequential: p50 us (ratio to %s) / p99 us / processor us per call, executable + its children\n\n", r.Baseline)
		} else {
			fmt.Fprintf(out, "%d at once: thousand per second (ratio to %s) / p50 us / p99 us / processor us per call\n\n", concurrent, r.Baseline)
		}
		fmt.Fprintf(out, "| | %s |\n|---|%s\n", strings.Join(r.Workloads, " | "), strings.Repeat("---|", len(r.Workloads)))
		for _, name := range r.Order {
			fmt.Fprintf(out, "| %s |", name)
			for _, workload := range r.Workloads {
				fmt.Fprintf(out, " %s |", r.Plugins[name].Cells[CellName(workload, concurrent)].text(concurrent))
			}
			fmt.Fprintln(out)
		}
		fmt.Fprintln(out)
	}
	fmt.Fprintf(out, "| | active after ms | resident memory in kB |\n|---|---|---|\n")
	for _, name := range r.Order {
		var parts []string
		for _, process := range r.Plugins[name].Memory {
			parts = append(parts, fmt.Sprintf("%s %d", process.Name, process.KB))
		}
		fmt.Fprintf(out, "| %s | %.0f | %s |\n", name, r.Plugins[name].ActivationMS, strings.Join(parts, ", "))
	}
}

func (c *Cells) text(concurrent int) string {
	if concurrent == 1 {
		return fmt.Sprintf("%.0f (%.2f) / %.0f / %.1f+%.1f", c.P50, c.P50Ratio, c.P99, c.CPURoot, c.CPUChild)
	}
	return fmt.Sprintf("%.1f (%.2f) / %.0f / %.0f / %.1f+%.1f", c.Rate/1000, c.RateRatio, c.P50, c.P99, c.CPURoot, c.CPUChild)
}
