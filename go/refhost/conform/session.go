package conform

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"

	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/host"
)

// The files by which host and handler talk.
const (
	hookIn  = "hook.json"
	hookOut = "hook.out.json"
)

// session is the plugin under test and the directory that it shares with the host.
type session struct {
	plugin *host.Plugin
	dir    string
	seed   uint64
	tells  *teller
	front  *front
	number int
	// writer counts the calls with which the plugin answers requests.
	writer *host.Counters
}

// tell writes hook.json for the next call and takes away what was written before.
func (s *session) tell(hook string, told map[string]any) error {
	s.number++
	whole := map[string]any{"case": json.Number(strconv.Itoa(s.number)), "hook": hook}
	for key, value := range told {
		whole[key] = value
	}
	data, err := canon.Marshal(whole)
	if err != nil {
		return err
	}
	if err := os.Remove(filepath.Join(s.dir, hookOut)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return os.WriteFile(filepath.Join(s.dir, hookIn), data, 0o600)
}

// silence lets the handlers do nothing.
func (s *session) silence() error {
	err := os.Remove(filepath.Join(s.dir, hookIn))
	if os.IsNotExist(err) {
		return nil
	}
	return err
}
