package main

import (
	"fmt"
	"strings"

	m "mattermost-plugin/mattermost"
)

// apiCallsPerHook is how many API calls the benchmark makes from inside one hook.
const apiCallsPerHook = 25

// messageWillBePosted does what the first word of a benchmark's message says; other posts belong to the demo.
func (s *server) messageWillBePosted(post *m.Post) (*m.Post, string) {
	word, rest, _ := strings.Cut(post.Message, " ")
	switch word {
	case "bench:edit":
		post.Message += " (seen)"
		return post, ""
	case "bench:nil":
		return nil, ""
	case "bench:kvget":
		return nil, s.repeat(func() string {
			_, err := s.api.kvGet(rest)
			return reason(err)
		})
	case "bench:getuser":
		return nil, s.repeat(func() string {
			_, err := s.api.getUser(rest)
			return reason(err)
		})
	}
	if s.mode == "hello" {
		return helloPost(post)
	}
	if strings.Contains(post.Message, ":gopher:") {
		post.Message = strings.ReplaceAll(post.Message, ":gopher:", "ʕ◔ϖ◔ʔ")
		return post, ""
	}
	return nil, ""
}

// repeat makes the calls one after the other and stops at the first that fails.
func (s *server) repeat(call func() string) string {
	for range apiCallsPerHook {
		if failure := call(); failure != "" {
			return failure
		}
	}
	return ""
}

func reason(err *m.AppError) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (s *server) executeCommand(args *m.CommandArgs) *m.CommandResponse {
	if s.mode == "hello" {
		return s.helloCommand(args)
	}
	user, err := s.api.getUser(args.UserId)
	if err != nil {
		return &m.CommandResponse{ResponseType: "ephemeral", Text: err.Error()}
	}
	return &m.CommandResponse{ResponseType: "ephemeral", Text: fmt.Sprintf("Hello, %s, from Go!", user.Username)}
}
