package drive

import (
	"reflect"
	"regexp"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/answer"
	"mattermost-plugin/refhost/canon"
)

type postCommand struct {
	Message string `json:"message"`
}

type executeCommand struct {
	Command string `json:"command"`
}

type awaitLogCommand struct {
	// Match is a pattern for the whole line: level, message and fields.
	Match    string  `json:"match"`
	From     int     `json:"from"`
	WithinMS float64 `json:"within_ms"`
}

type logCommand struct {
	From int `json:"from"`
}

type stateCommand struct {
	Plugin string `json:"plugin"`
	// Method is that of the recorded API calls that are wanted.
	Method string `json:"method"`
}

type ruleCommand struct {
	Method string `json:"method"`
	// AppError is the error that the method answers with, RPCError the text with which the call itself fails.
	AppError *mattermost.AppError `json:"app_error"`
	RPCError string               `json:"rpc_error"`
}

func init() {
	on("rule", func(s *session, wanted *ruleCommand) (any, error) {
		rule := answer.Rule{Method: wanted.Method, RPCError: wanted.RPCError}
		if wanted.AppError != nil {
			rule.Error = wanted.AppError
		}
		s.host.Desk.Set(rule)
		return nil, nil
	})
	on("post", post)
	on("command", execute)
	on("await_log", awaitLog)
	on("log", func(s *session, wanted *logCommand) (any, error) { return s.host.Log.Entries(wanted.From), nil })
	on("log_length", func(s *session, _ *logCommand) (any, error) { return s.host.Log.Len(), nil })
	on("posts", posts)
	on("values", values)
	on("calls", func(s *session, wanted *stateCommand) (any, error) { return s.host.Desk.Calls(wanted.Method), nil })
	on("streams", streams)
}

// outcome is what a user of the server sees.
type outcome struct {
	Value any    `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

func outcomeOf(value any, failure *mattermost.AppError) (any, error) {
	if failure != nil {
		return outcome{Error: failure.Message}, nil
	}
	tree, err := canon.Tree(reflect.ValueOf(value))
	return outcome{Value: tree}, err
}

// post writes a post as a user does: the plugins see it before and after.
func post(s *session, wanted *postCommand) (any, error) {
	made, failure := s.host.Memory.CreatePost(&mattermost.Post{UserId: s.admin.Id, Message: wanted.Message})
	return outcomeOf(made, failure)
}

// execute runs a slash command as a user does.
func execute(s *session, wanted *executeCommand) (any, error) {
	response, failure := s.host.Memory.ExecuteCommand(&mattermost.CommandArgs{UserId: s.admin.Id, Command: wanted.Command})
	return outcomeOf(response, failure)
}

// awaitLog waits for a line; the value is nil if it does not come in time.
func awaitLog(s *session, wanted *awaitLogCommand) (any, error) {
	pattern, err := regexp.Compile(wanted.Match)
	if err != nil {
		return nil, err
	}
	entry, ok := s.host.Log.Await(wanted.From, pattern, time.Duration(wanted.WithinMS*float64(time.Millisecond)))
	if !ok {
		return nil, nil
	}
	return entry, nil
}

func posts(s *session, _ *stateCommand) (any, error) {
	list := []any{}
	for _, found := range s.host.Memory.Posts() {
		tree, err := canon.Tree(reflect.ValueOf(found))
		if err != nil {
			return nil, err
		}
		list = append(list, tree)
	}
	return list, nil
}

// values returns a plugin's part of the key-value store; the values are base64.
func values(s *session, wanted *stateCommand) (any, error) {
	plugin, err := s.plugin(wanted.Plugin)
	if err != nil {
		return nil, err
	}
	return s.host.Memory.Values(plugin.ID()), nil
}

// streams is how many yamux streams are open: six when the plugin is idle.
func streams(s *session, wanted *stateCommand) (any, error) {
	plugin, err := s.plugin(wanted.Plugin)
	if err != nil {
		return nil, err
	}
	open, err := plugin.Streams()
	if err != nil {
		return nil, err
	}
	return map[string]any{"open": open, "hijacked": plugin.Hijacked()}, nil
}
