package scenario

import (
	"fmt"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/answer"
)

type misbehaveStep struct {
	common
	// Kind is orphan_header, garbage or dial_nobody.
	Kind string `json:"kind"`
	// Data is what garbage writes on the hooks' stream; base64.
	Data []byte `json:"data"`
}

func init() { on("misbehave", runMisbehave) }

func runMisbehave(r *runner, c common, wanted *misbehaveStep) (any, error) {
	plugin, err := r.plugin(c)
	if err != nil {
		return nil, err
	}
	switch wanted.Kind {
	case "orphan_header":
		// gob refuses the arguments when the request's header is in the buffer already: the header goes out with the next request.
		args := &mattermost.MessageWillBePostedArgs{
			A: &mattermost.Context{},
			B: &mattermost.Post{Message: "never sent", Props: map[string]any{"unregistered": answer.Unregistered()}},
		}
		if err := plugin.CallAnyway("MessageWillBePosted", args, &mattermost.MessageWillBePostedReturns{}); err == nil {
			return nil, fmt.Errorf("the arguments could be encoded")
		}
		return nil, nil
	case "garbage":
		return nil, plugin.WriteGarbage(wanted.Data)
	case "dial_nobody":
		return nil, plugin.DialNobody()
	}
	return nil, fmt.Errorf("there is no misbehaviour %q", wanted.Kind)
}
