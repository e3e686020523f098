package scenario

import (
	"encoding/json"
	"fmt"
	"reflect"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
)

type postStep struct {
	common
	Post json.RawMessage `json:"post"`
	// Expect is what the stored post must hold, ExpectError a pattern for the rejection.
	Expect      json.RawMessage `json:"expect"`
	ExpectError string          `json:"expect_error"`
}

type commandStep struct {
	common
	Text        string          `json:"text"`
	Expect      json.RawMessage `json:"expect"`
	ExpectError string          `json:"expect_error"`
}

func init() {
	on("post", runPost)
	on("update", runUpdate)
	on("command", runCommand)
}

func decodePost(raw json.RawMessage) (*mattermost.Post, error) {
	value, err := canon.Decode(raw, reflect.TypeFor[*mattermost.Post]())
	if err != nil {
		return nil, err
	}
	post, _ := value.Interface().(*mattermost.Post)
	if post == nil {
		return nil, fmt.Errorf("the step has no post")
	}
	return post, nil
}

// runPost stores a post through all plugins, and waits until those that are told afterwards have acknowledged it.
func runPost(r *runner, _ common, wanted *postStep) (any, error) {
	post, err := decodePost(wanted.Post)
	if err != nil {
		return nil, err
	}
	stored, appErr := r.host.Memory.CreatePost(post)
	r.host.Memory.Settle()
	return outcome(stored, appErr, wanted.Expect, wanted.ExpectError)
}

// runUpdate edits the post stored last.
func runUpdate(r *runner, _ common, wanted *postStep) (any, error) {
	changes, err := decodePost(wanted.Post)
	if err != nil {
		return nil, err
	}
	posts := r.host.Memory.Posts()
	if len(posts) == 0 {
		return nil, fmt.Errorf("there is no post")
	}
	edited := posts[len(posts)-1]
	edited.Message = changes.Message
	if changes.Props != nil {
		edited.Props = changes.Props
	}
	stored, appErr := r.host.Memory.UpdatePost(edited)
	r.host.Memory.Settle()
	return outcome(stored, appErr, wanted.Expect, wanted.ExpectError)
}

func runCommand(r *runner, _ common, wanted *commandStep) (any, error) {
	user := r.host.Memory.CreateUser(&mattermost.User{Username: "alice"})
	response, appErr := r.host.Memory.ExecuteCommand(&mattermost.CommandArgs{Command: wanted.Text, UserId: user.Id})
	return outcome(response, appErr, wanted.Expect, wanted.ExpectError)
}

func outcome(got any, appErr *mattermost.AppError, expected json.RawMessage, expectedError string) (any, error) {
	if appErr != nil || expectedError != "" {
		var err error
		if appErr != nil {
			err = fmt.Errorf("%s: %w", appErr.Id, appErr)
		}
		return nil, expectError(err, expectedError)
	}
	tree, err := canon.Tree(reflect.ValueOf(got))
	if err != nil || expected == nil {
		return tree, err
	}
	want, err := canon.Parse(expected)
	if err != nil {
		return nil, err
	}
	if differences := canon.Subset(want, tree); len(differences) > 0 {
		return nil, fmt.Errorf("%v", differences)
	}
	return tree, nil
}
