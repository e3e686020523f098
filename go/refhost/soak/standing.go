package soak

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"mattermost-plugin/refhost/procs"
)

// restLimit is how long what a call or a kill has left may take to be gone after the last call.
const restLimit = 5 * time.Second

// whatIsWanted is what there has to be at the end: the streams of the beginning, because the worker link is none of them and each
// call closes its own, and the workers of plugin.json with a guard each.
func (s *session) whatIsWanted() (Standing, error) {
	streams, err := s.plugin.Streams()
	if err != nil {
		return Standing{}, err
	}
	workers, err := workersOf(s.options.Dir)
	return Standing{streams, workers, workers}, err
}

// workersOf reads from a bundle how many workers it wants; it need not say so if that is one.
func workersOf(dir string) (int, error) {
	data, err := os.ReadFile(filepath.Join(dir, "plugin.json"))
	if err != nil {
		return 0, err
	}
	var manifest struct {
		Server struct {
			Python struct {
				Workers *int `json:"workers"`
			} `json:"python"`
		} `json:"server"`
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return 0, fmt.Errorf("%s/plugin.json: %w", dir, err)
	}
	if workers := manifest.Server.Python.Workers; workers != nil {
		return *workers, nil
	}
	return 1, nil
}

// standing looks at the plugin. A connection that is gone has no streams.
func (s *session) standing() Standing {
	bridge := s.plugin.Pid()
	var seen Standing
	seen.Streams, _ = s.plugin.Streams()
	own := procs.Executable(bridge)
	for _, process := range procs.Tree(bridge) {
		switch {
		case process.Pid == bridge:
		case procs.Executable(process.Pid) == own:
			seen.Guards++
		default:
			seen.Workers++
		}
	}
	return seen
}

// await looks until it sees what is wanted or the time is up, and returns what it saw last.
func await(look func() Standing, wanted Standing, limit time.Duration) Standing {
	for deadline := time.Now().Add(limit); ; time.Sleep(20 * time.Millisecond) {
		if seen := look(); seen == wanted || time.Now().After(deadline) {
			return seen
		}
	}
}

// judgeStanding compares what there is at the end with what there has to be.
func (l *ledger) judgeStanding(wanted, seen Standing) {
	l.same("yamux streams at the end", wanted.Streams, seen.Streams)
	l.same("guards at the end", wanted.Guards, seen.Guards)
	l.same("workers at the end", wanted.Workers, seen.Workers)
}

// same writes down that there is another number of something than there has to be.
func (l *ledger) same(what string, wanted, seen int) {
	if seen != wanted {
		l.fault("there is a wrong number of "+what, fmt.Sprintf("%d, not %d", seen, wanted))
	}
}
