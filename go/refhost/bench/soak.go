package bench

import (
	"fmt"
	"io"

	"mattermost-plugin/refhost/procs"
)

// Sample is the resident memory of a plugin's processes after so many hooks.
type Sample struct {
	Hooks  int             `json:"hooks"`
	Memory []ProcessMemory `json:"memory"`
}

// soakParts is how many samples a soak takes.
const soakParts = 10

// Soak calls MessageWillBePosted many times, plain and rich by turns, and samples the memory.
func Soak(entry Entry, hooks, concurrent int, progress io.Writer) ([]Sample, error) {
	c, err := newContestant(entry.Name, entry.Dir)
	if err != nil {
		return nil, err
	}
	defer c.server.StopAll()
	var samples []Sample
	for part := range soakParts {
		for _, workload := range []string{Plain, Rich} {
			if err := c.batch(&series{}, workload, concurrent, max(hooks/soakParts/2, concurrent)); err != nil {
				return samples, err
			}
		}
		sample := Sample{Hooks: (part + 1) * (hooks / soakParts)}
		for _, process := range procs.Tree(c.plugin.Pid()) {
			sample.Memory = append(sample.Memory, ProcessMemory{process.Name, process.RSS})
		}
		samples = append(samples, sample)
		fmt.Fprintf(progress, "%d hooks: %v\n", sample.Hooks, sample.Memory)
	}
	return samples, nil
}
