package soak

import (
	"crypto/sha256"
	"fmt"
	"strconv"
	"strings"

	"mattermost-plugin/mattermost"
)

// command types the plugin's command. Without a worker the answer is a sentence that only the user sees, or the server's own.
func (s *session) command(number int) (outcome, error) {
	typed := fmt.Sprintf("/soak %d %s", number, strings.Repeat("x", number%200))
	response, appErr := s.server.Memory.ExecuteCommand(&mattermost.CommandArgs{UserId: s.user.Id, ChannelId: "channel", Command: typed})
	switch {
	case appErr != nil && strings.Contains(appErr.Id, "is not working"):
		return fallback, nil
	case appErr != nil:
		return 0, fmt.Errorf("command %d: %s", number, appErr.Id)
	}
	want := fmt.Sprintf("alice %x ", sha256.Sum256([]byte(typed)))
	worker, ok := strings.CutPrefix(response.Text, want)
	if pid, err := strconv.Atoi(worker); ok && err == nil && response.ResponseType == "in_channel" {
		s.ledger.answeredBy(pid)
		return served, nil
	}
	if response.ResponseType == "ephemeral" && response.Text != "" && !strings.HasPrefix(response.Text, "alice ") {
		return fallback, nil
	}
	return 0, fmt.Errorf("command %d: the answer is %q", number, response.Text)
}
