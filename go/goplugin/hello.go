package main

import (
	"fmt"
	"strconv"
	"strings"

	m "mattermost-plugin/mattermost"
)

// dismissPost is Mattermost's constant for a post that shall vanish.
const dismissPost = "plugin.message_will_be_posted.dismiss_post"

// helloPost does what examples/hello_python does, so that the demo can be tested without Python.
func helloPost(post *m.Post) (*m.Post, string) {
	switch {
	case strings.Contains(strings.ToLower(post.Message), "badword"):
		return nil, "Message blocked: contains prohibited content"
	case strings.Contains(post.Message, "dismiss me"):
		return nil, dismissPost
	case strings.Contains(post.Message, ":python:"):
		post.Message = strings.ReplaceAll(post.Message, ":python:", "🐍")
		return post, ""
	}
	return nil, ""
}

// helloCommand greets a user by name and counts the greetings in the key-value store.
func (s *server) helloCommand(args *m.CommandArgs) *m.CommandResponse {
	response := &m.CommandResponse{ResponseType: "ephemeral"}
	user, err := s.api.getUser(args.UserId)
	if err != nil {
		response.Text = err.Error()
		return response
	}
	key := "greetings-" + args.UserId
	stored, err := s.api.kvGet(key)
	if err != nil {
		response.Text = err.Error()
		return response
	}
	count, parseError := strconv.Atoi(string(stored))
	if parseError != nil {
		count = 0
	}
	count++
	set := &m.KVSetReturns{}
	if callError := s.api.call("KVSet", &m.KVSetArgs{A: key, B: []byte(strconv.Itoa(count))}, set); callError != nil || set.A != nil {
		response.Text = "the greeting could not be counted"
		return response
	}
	response.Text = fmt.Sprintf("Hello, %s! This is greeting number %d.", user.Username, count)
	return response
}
