package conform

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"slices"

	"mattermost-plugin/mattermost"
)

// Group is one row of the matrix.
type Group struct {
	Name    string `json:"name"`
	Cases   int    `json:"cases"`
	Passed  int    `json:"passed"`
	Skipped int    `json:"skipped"`
}

// Counts say how many of the schema's methods were called, and answered without a difference.
type Counts struct {
	API    int `json:"api"`
	Hooks  int `json:"hooks"`
	Driver int `json:"driver"`
}

// Report is what a run found.
type Report struct {
	Plugin    string   `json:"plugin"`
	Seed      uint64   `json:"seed"`
	Exercised Counts   `json:"exercised"`
	Groups    []*Group `json:"groups"`
	Skips     []Skip   `json:"skips"`
	Problems  []string `json:"problems"`

	inPlugin, inHost *coverage
	exercised        map[string]bool
	skips            *skips
}

func newReport(plugin string, seed uint64, skips *skips) *Report {
	groups := make([]*Group, len(groupNames))
	for i, name := range groupNames {
		groups[i] = &Group{Name: name}
	}
	return &Report{
		Plugin: plugin, Seed: seed, Groups: groups, Skips: []Skip{}, Problems: []string{},
		inPlugin: newCoverage("the plugin"), inHost: newCoverage("the host"), exercised: map[string]bool{}, skips: skips,
	}
}

// isSkipped counts a case that is not to be run.
func (r *Report) isSkipped(c *record) bool {
	reason := r.skips.reason(c.name)
	if reason == "" {
		return false
	}
	group := r.groupOf(c)
	group.Cases++
	group.Skipped++
	r.Skips = append(r.Skips, Skip{c.name, reason})
	return true
}

// add counts a case that was run.
func (r *Report) add(c *record) {
	group := r.groupOf(c)
	group.Cases++
	if len(c.problems) == 0 {
		group.Passed++
	}
	r.Problems = append(r.Problems, c.problems...)
}

// groupNames are the rows of the matrix in their order.
var groupNames = []string{"life", "api", "api errors", "api streams", "driver", "hooks", "hook errors", "hook streams", "behaviour"}

func (r *Report) groupOf(c *record) *Group {
	return r.Groups[slices.Index(groupNames, c.group())]
}

// finish adds what only the whole run shows: methods that were never called, fields that never had a value, skips of nothing.
func (r *Report) finish() {
	skipped := func(name string) bool {
		return slices.ContainsFunc(r.Skips, func(skip Skip) bool { return matches("*/"+name+"/*", skip.Case) })
	}
	count := func(kind string, names []string) int {
		seen := 0
		for _, name := range names {
			if r.exercised[kind+" "+name] {
				seen++
			} else if !skipped(name) {
				r.Problems = append(r.Problems, fmt.Sprintf("%s %s was never called and answered without a difference", kind, name))
			}
		}
		return seen
	}
	hooks := append(namesOf(mattermost.Hooks), "Implemented")
	r.Exercised = Counts{
		count("API method", namesOf(mattermost.API)), count("hook", hooks), count("driver method", namesOf(mattermost.Driver)),
	}
	r.Problems = append(r.Problems, r.inPlugin.missing()...)
	r.Problems = append(r.Problems, r.inHost.missing()...)
	r.Problems = append(r.Problems, r.skips.unused()...)
}

func namesOf(specs []mattermost.MethodSpec) []string {
	names := make([]string, len(specs))
	for i := range specs {
		names[i] = specs[i].Name
	}
	return names
}

// print shows the first problems and the counts.
func (r *Report) print(out io.Writer) {
	const shown = 50
	for i, problem := range r.Problems {
		if i == shown {
			fmt.Fprintf(out, "... and %d more\n", len(r.Problems)-shown)
			break
		}
		fmt.Fprintln(out, problem)
	}
	for _, skip := range r.Skips {
		fmt.Fprintf(out, "skipped: %s: %s\n", skip.Case, skip.Reason)
	}
	total := Group{Name: "all"}
	for _, group := range r.Groups {
		fmt.Fprintln(out, group)
		total = Group{total.Name, total.Cases + group.Cases, total.Passed + group.Passed, total.Skipped + group.Skipped}
	}
	fmt.Fprintln(out, &total)
	fmt.Fprintln(out, r.inPlugin)
	fmt.Fprintln(out, r.inHost)
	fmt.Fprintf(out, "%d API methods of %d, %d hooks of %d, %d driver methods of %d, %d differences\n",
		r.Exercised.API, len(mattermost.API), r.Exercised.Hooks, len(mattermost.Hooks)+1,
		r.Exercised.Driver, len(mattermost.Driver), len(r.Problems))
}

func (g *Group) String() string {
	return fmt.Sprintf("%-14s %5d cases, %5d passed, %d skipped", g.Name, g.Cases, g.Passed, g.Skipped)
}

// write stores the report for other programs.
func (r *Report) write(path string) error {
	data, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}
