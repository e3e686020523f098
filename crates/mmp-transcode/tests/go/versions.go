package main

import "mattermost-plugin/mattermost"

// newerPost is the post of a server to come: with fields that the schema does not know, before, between and after the known ones.
type newerPost struct {
	Origin      map[string]any
	Id          string
	CreateAt    int64
	UserId      string
	Priority    *newerPriority
	ChannelId   string
	Message     string
	Props       map[string]any
	FileIds     []string
	Metadata    *newerMetadata
	Translation string
}

type newerPriority struct {
	Level string
	Ack   bool
}

// newerMetadata has a known field and an unknown one.
type newerMetadata struct {
	Embeds []*newerEmbed
	Score  int64
}

type newerEmbed struct {
	Rank int64
	Type string
	URL  string
}

type newerArgs struct {
	A *mattermost.Context
	B *newerPost
	C *newerPost
}

type newerReturns struct {
	A *newerPost
	B string
}

func newer() *newerPost {
	return &newerPost{
		Origin: map[string]any{"region": "eu", "hops": int64(3)}, Id: "post", CreateAt: 1700000000000, UserId: "user",
		Priority: &newerPriority{Level: "urgent", Ack: true}, ChannelId: "channel", Message: "hello",
		Props:       map[string]any{"n": int64(1)},
		Metadata:    &newerMetadata{Embeds: []*newerEmbed{{Rank: 1, Type: "link", URL: "https://a"}, {Rank: 2, Type: "link", URL: "https://b"}}, Score: 9},
		Translation: "hallo",
	}
}

// olderPost is the post of a server that lacks fields which the schema knows, and has the others in another order.
type olderPost struct {
	Message   string
	Id        string
	Props     map[string]any
	ChannelId string
}

type olderArgs struct {
	A *mattermost.Context
	B *olderPost
	C *olderPost
}

type olderReturns struct {
	A *olderPost
	B string
}

func older() *olderPost {
	return &olderPost{Message: "hello", Id: "post", Props: map[string]any{"n": int64(1)}, ChannelId: "channel"}
}
