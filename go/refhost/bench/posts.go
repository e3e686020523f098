package bench

import (
	"strings"

	"mattermost-plugin/mattermost"
)

// Workloads. What the plugin does is the first word of the message; go/goplugin/posts.go shows it.
const (
	Plain   = "plain"   // a post of 300 characters, the plugin changes the message
	Rich    = "rich"    // a post with an attachment and nested props, the plugin changes the message
	Nil     = "nil"     // a post of 300 characters, the plugin returns nothing
	KVGet   = "kvget"   // 25 KVGet calls from inside one hook
	GetUser = "getuser" // 25 GetUser calls from inside one hook
)

// Workloads in the order in which they are run and shown.
var Workloads = []string{Plain, Rich, Nil, KVGet, GetUser}

// callsPerHook is how many API calls a plugin makes in one hook of an API workload.
func callsPerHook(workload string) int {
	if workload == KVGet || workload == GetUser {
		return 25
	}
	return 1
}

// weight is how many of a round's calls one call of a workload stands for.
func weight(workload string) int {
	if workload == Down || workload == Up {
		return largeWeight
	}
	return callsPerHook(workload)
}

const kvKey = "bench-key"

// message is what tells the plugin which workload it is.
func message(workload, userID string) string {
	switch workload {
	case Nil:
		return pad("bench:nil ")
	case KVGet:
		return "bench:kvget " + kvKey
	case GetUser:
		return "bench:getuser " + userID
	}
	return pad("bench:edit ")
}

func pad(text string) string {
	const filler = "The quick brown fox jumps over the lazy dog. "
	return (text + strings.Repeat(filler, 8))[:300]
}

// newPost makes a fresh post, because the reply is merged into it.
func newPost(workload, userID string) *mattermost.Post {
	post := &mattermost.Post{
		Id: "postpostpostpostpostpost01", CreateAt: 1_700_000_000_123, UpdateAt: 1_700_000_000_123,
		UserId: userID, ChannelId: "chanchanchanchanchanchan01", Message: message(workload, userID),
		PendingPostId: userID + ":1700000000123", Props: map[string]any{},
	}
	if workload == Rich {
		enrich(post)
	}
	return post
}

func enrich(post *mattermost.Post) {
	post.RootId = "rootrootrootrootrootroot01"
	post.Hashtags = "#one #two"
	post.FileIds = []string{"filefilefilefilefilefile01", "filefilefilefilefilefile02"}
	post.Props = map[string]any{
		"from_webhook":      "true",
		"override_username": "builder",
		"count":             float64(12),
		"nested":            map[string]any{"list": []any{"a", float64(2), true, nil}, "inner": map[string]any{"key": "value", "ratio": 0.5}},
		"attachments": []*mattermost.MessageAttachment{{
			Id: 1, Fallback: "Build 1234 passed", Color: "#36a64f", Pretext: "Continuous integration", AuthorName: "builder",
			Title: "Build 1234", TitleLink: "https://ci.example.com/1234", Text: "All **412** tests passed in 3 minutes.",
			Fields: []*mattermost.MessageAttachmentField{
				{Title: "Branch", Value: "main", Short: true}, {Title: "Duration", Value: "3 m 12 s", Short: true},
			},
			Footer: "ci.example.com", Timestamp: float64(1_700_000_000),
		}},
	}
}
