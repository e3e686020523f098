package drive

import (
	"encoding/json"
	"fmt"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/invoke"
)

type callCommand struct {
	Plugin string            `json:"plugin"`
	Hook   string            `json:"hook"`
	Args   []json.RawMessage `json:"args"`
}

type garbageCommand struct {
	Plugin string `json:"plugin"`
	// Data is what is written on the hooks' stream; base64.
	Data []byte `json:"data"`
}

func init() {
	on("call", call)
	on("garbage", func(s *session, wanted *garbageCommand) (any, error) {
		plugin, err := s.plugin(wanted.Plugin)
		if err != nil {
			return nil, err
		}
		return nil, plugin.WriteGarbage(wanted.Data)
	})
}

// reply is what a hook answered: its results, or an error, be it the call's or the hook's own.
type reply struct {
	Results []any  `json:"results,omitempty"`
	Error   string `json:"error,omitempty"`
}

func (s *session) find(wanted *callCommand) (*host.Plugin, *mattermost.MethodSpec, error) {
	plugin, err := s.plugin(wanted.Plugin)
	if err != nil {
		return nil, nil, err
	}
	spec := mattermost.HookByName(wanted.Hook)
	if spec == nil {
		return nil, nil, fmt.Errorf("there is no hook %s", wanted.Hook)
	}
	return plugin, spec, nil
}

func call(s *session, wanted *callCommand) (any, error) {
	plugin, spec, err := s.find(wanted)
	if err != nil {
		return nil, err
	}
	return replyOf(invoke.Call(plugin, spec, wanted.Args))
}

func replyOf(result invoke.Result) (reply, error) {
	answer := reply{}
	if failure := result.Failure(); failure != nil {
		answer.Error = failure.Error()
	}
	if result.Returns == nil {
		return answer, nil
	}
	values, err := result.Values()
	answer.Results = values
	return answer, err
}
