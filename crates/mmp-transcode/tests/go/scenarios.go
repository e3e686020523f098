package main

import (
	"fmt"

	"mattermost-plugin/mattermost"
)

// build makes the arguments of a scenario and the reply as the host has it before it decodes the plugin's answer.
func build(scenario string) (args, reply any, err error) {
	switch scenario {
	case "plain", "rich", "single", "bytes":
		post := posts[scenario]()
		return &mattermost.MessageWillBePostedArgs{A: context(), B: post}, &mattermost.MessageWillBePostedReturns{A: post}, nil
	case "updated-rich", "updated-bytes":
		post := posts[scenario[len("updated-"):]]()
		return &mattermost.MessageWillBeUpdatedArgs{A: context(), B: post, C: plain()}, &mattermost.MessageWillBeUpdatedReturns{}, nil
	case "consumed":
		list := []*mattermost.Post{rich(), rich(), plain(), rich()}
		for i, post := range list {
			post.Id = fmt.Sprintf("post-%d", i)
		}
		return &mattermost.MessagesWillBeConsumedArgs{A: list}, &mattermost.MessagesWillBeConsumedReturns{}, nil
	case "newer":
		return &newerArgs{A: context(), B: newer(), C: newer()}, &newerReturns{}, nil
	case "older":
		return &olderArgs{A: context(), B: older(), C: older()}, &olderReturns{}, nil
	case "config":
		return &mattermost.ConfigurationWillBeSavedArgs{A: config()}, &mattermost.ConfigurationWillBeSavedReturns{}, nil
	case "member":
		member := &mattermost.ChannelMember{ChannelId: "channel", UserId: "user", NotifyProps: map[string]string{"desktop": "all", "email": "none"}, MsgCount: 1 << 60}
		return &mattermost.ChannelMemberWillBeAddedArgs{A: context(), B: member}, &mattermost.ChannelMemberWillBeAddedReturns{A: member}, nil
	case "command":
		args := &mattermost.CommandArgs{UserId: "user", ChannelId: "channel", Command: "/hello"}
		return &mattermost.ExecuteCommandArgs{A: context(), B: args}, &mattermost.ExecuteCommandReturns{}, nil
	case "register-command":
		return &mattermost.RegisterCommandArgs{}, &mattermost.RegisterCommandArgs{}, nil
	case "create-post":
		return &mattermost.CreatePostArgs{}, &mattermost.CreatePostArgs{}, nil
	case "create-property-field":
		return &mattermost.CreatePropertyFieldArgs{}, &mattermost.CreatePropertyFieldArgs{}, nil
	case "activate":
		return &mattermost.OnActivateArgs{}, &mattermost.OnActivateReturns{}, nil
	}
	return nil, nil, fmt.Errorf("unknown scenario %q", scenario)
}

var posts = map[string]func() *mattermost.Post{"plain": plain, "rich": rich, "single": single, "bytes": notUTF8}

func context() *mattermost.Context {
	return &mattermost.Context{SessionId: "session", RequestId: "request", IPAddress: "10.0.0.1"}
}

func plain() *mattermost.Post {
	return &mattermost.Post{Id: "post", CreateAt: 1700000000000, UserId: "user", ChannelId: "channel", Message: "hello"}
}

// rich is a post whose props hold every type that gob registers and some that Mattermost does.
func rich() *mattermost.Post {
	post := plain()
	post.FileIds = []string{"file-a", "file-b"}
	post.Props = map[string]any{
		"int":         42,
		"int8":        int8(-5),
		"int64":       int64(1<<60 + 1),
		"uint32":      uint32(7),
		"uint64":      uint64(1<<63 + 5),
		"float64":     5.0,
		"float32":     float32(1.5),
		"bool":        true,
		"nil":         nil,
		"string":      "text",
		"bytes":       []byte{1, 2, 255},
		"strings":     []string{"a", "b"},
		"numbers":     []int64{1, 1 << 60},
		"nested":      map[string]any{"deep": map[string]any{"n": int64(1<<53 + 1), "s": "x"}, "list": []any{1, int64(2), "three", nil, 4.0}},
		"empty":       map[string]any{},
		"attachments": attachments(),
	}
	return post
}

// single has one entry where Go's order of a map's entries would be random.
func single() *mattermost.Post {
	post := plain()
	post.Props = map[string]any{"attachments": attachments()}
	return post
}

func attachments() []*mattermost.MessageAttachment {
	return []*mattermost.MessageAttachment{
		{
			Id: 1, Title: "first", Text: "one", Timestamp: int64(1700000000),
			Fields:  []*mattermost.MessageAttachmentField{{Title: "field", Value: int64(1<<53 + 1), Short: true}},
			Actions: []*mattermost.PostAction{{Id: "action", Integration: &mattermost.PostActionIntegration{URL: "/x", Context: map[string]any{"id": int64(5)}}}},
		},
		{Id: 2, Title: "second", Timestamp: 2.5},
	}
}

func notUTF8() *mattermost.Post {
	post := plain()
	post.Message = "caf\xe9"
	post.Hashtags = "#\xff"
	post.FileIds = []string{"\xfe", "fine"}
	post.Props = map[string]any{"\xe9": "\xe8", "fine": "fine", "list": []any{"\xfd", "x"}}
	return post
}

func config() *mattermost.Config {
	site, listen, tls := "https://example.com", ":8065", "cert\xff"
	return &mattermost.Config{
		ServiceSettings: mattermost.ServiceSettings{SiteURL: &site, ListenAddress: &listen, TLSCertFile: &tls},
		PluginSettings: mattermost.PluginSettings{Plugins: map[string]map[string]any{
			"com.example": {"limit": int64(5), "name": "x"},
			"com.other":   {"n": int64(7)},
		}},
	}
}
