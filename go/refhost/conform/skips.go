package conform

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
)

// Skip is a case that the plugin's language cannot do.
type Skip struct {
	Case   string `json:"case"`
	Reason string `json:"reason"`
}

// skips are the entries of a bundle's skips.json, and which of them named a case.
type skips struct {
	reasons map[string]string
	used    map[string]bool
}

func readSkips(bundle string) (*skips, error) {
	s := &skips{used: map[string]bool{}}
	data, err := os.ReadFile(filepath.Join(bundle, "skips.json"))
	if os.IsNotExist(err) {
		return s, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(data, &s.reasons); err != nil {
		return nil, fmt.Errorf("skips.json: %w", err)
	}
	return s, nil
}

// reason returns why a case is skipped, or "".
func (s *skips) reason(name string) string {
	for pattern, reason := range s.reasons {
		if matches(pattern, name) {
			s.used[pattern] = true
			return reason
		}
	}
	return ""
}

// matches says whether a name fits a pattern, in which * stands for any text.
func matches(pattern, name string) bool {
	parts := strings.Split(pattern, "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return regexp.MustCompile("^(?s:" + strings.Join(parts, ".*") + ")$").MatchString(name)
}

// unused are the patterns that name no case, sorted.
func (s *skips) unused() []string {
	var found []string
	for pattern, reason := range s.reasons {
		if !s.used[pattern] {
			found = append(found, fmt.Sprintf("skips.json: no case is called %q (%s)", pattern, reason))
		}
	}
	slices.Sort(found)
	return found
}
