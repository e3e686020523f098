package soak

import (
	"fmt"
	"hash/crc32"
	"maps"
	"math/rand/v2"
	"reflect"
	"strconv"
	"strings"
	"unicode/utf8"

	"mattermost-plugin/mattermost"
)

// storeEvery is how many posts there are to one for which the handler uses the key-value store, richEvery to one with nested
// properties, longEvery to one that is nearly as long as a post may be.
const (
	storeEvery = 3
	richEvery  = 4
	longEvery  = 50
	longest    = 16000
)

// words are what posts are made of.
var words = strings.Fields("Grüße aus dem Büro 日本語 a b the quick brown fox 🐍 \u200b jumps -- *over* `the` <lazy> & \"dog\" \\ ü é \x01 end")

func checksum(text string) string { return fmt.Sprintf("%08x", crc32.ChecksumIEEE([]byte(text))) }

// newPost makes the post of a number.
func (s *session) newPost(name string, number int) *mattermost.Post {
	random := rand.New(rand.NewPCG(1, uint64(number)))
	post := &mattermost.Post{UserId: s.user.Id, ChannelId: "channel", Props: map[string]any{"number": name}}
	size := 1 + random.IntN(600)
	if number%longEvery == 0 {
		size = longest
	}
	var text strings.Builder
	for count := 0; count < size; {
		word := words[random.IntN(len(words))]
		text.WriteString(word + " ")
		count += utf8.RuneCountInString(word) + 1
	}
	post.Message = text.String()
	if number%storeEvery == 0 {
		post.Props["store"] = "yes"
	}
	if number%richEvery == 0 {
		post.Hashtags, post.FileIds = "#one #two", []string{"filefilefilefilefilefile01"}
		post.Props["nested"] = map[string]any{"list": []any{"a", 2.5, true, nil}, "inner": map[string]any{"key": strings.Repeat("v", random.IntN(2000))}}
	}
	return post
}

// post writes a post as a user does: the server asks the plugin, stores what it answers, and tells the plugin of it.
func (s *session) post(number int) (outcome, error) {
	sent := s.newPost(strconv.Itoa(number), number)
	stored, appErr := s.server.Memory.CreatePost(sent)
	if appErr != nil {
		return 0, fmt.Errorf("post %d was lost: %s", number, appErr.Id)
	}
	s.ledger.stored(number, checksum(stored.Message))
	return s.compare(stored, sent)
}

// probe asks the plugin about a post that nobody wrote.
func (s *session) probe() (outcome, error) {
	sent := s.newPost("probe", 1)
	shown := *sent
	shown.Props = maps.Clone(sent.Props)
	answer, err := s.plugin.Call("MessageWillBePosted", &mattermost.MessageWillBePostedArgs{A: &mattermost.Context{}, B: &shown})
	if err != nil {
		return fallback, nil
	}
	returns := answer.(*mattermost.MessageWillBePostedReturns)
	if returns.B != "" || returns.A == nil {
		return 0, fmt.Errorf("a probe was rejected: %q", returns.B)
	}
	return s.compare(returns.A, sent)
}

// compare finds out whether a post is as the plugin makes it or as it was sent.
func (s *session) compare(stored, sent *mattermost.Post) (outcome, error) {
	got := *stored
	got.Id, got.CreateAt, got.UpdateAt, got.Metadata = "", 0, 0, nil
	if reflect.DeepEqual(&got, sent) {
		return fallback, nil
	}
	worker, _ := got.Props["worker"].(string)
	pid, err := strconv.Atoi(worker)
	if err == nil && reflect.DeepEqual(&got, changed(sent, worker)) {
		s.ledger.answeredBy(pid)
		return served, nil
	}
	return 0, fmt.Errorf("a post is neither as it was sent nor as the plugin makes it: %s", difference(&got, changed(sent, worker)))
}

// changed is what the plugin makes of a post.
func changed(sent *mattermost.Post, worker string) *mattermost.Post {
	seen := checksum(sent.Message)
	post := *sent
	post.Message += " [" + seen + "]"
	post.Props = maps.Clone(sent.Props)
	post.Props["seen"], post.Props["worker"] = seen, worker
	if post.Props["store"] != nil {
		post.Props["stored"] = fmt.Sprintf("%s:%s", sent.Props["number"], seen)
	}
	return &post
}

// difference names the fields in which two posts differ.
func difference(got, want *mattermost.Post) string {
	var list []string
	left, right := reflect.ValueOf(got).Elem(), reflect.ValueOf(want).Elem()
	for i := range left.NumField() {
		if a, b := left.Field(i), right.Field(i); a.CanInterface() && !reflect.DeepEqual(a.Interface(), b.Interface()) {
			list = append(list, fmt.Sprintf("%s is %.200q, not %.200q", left.Type().Field(i).Name, fmt.Sprint(a), fmt.Sprint(b)))
		}
	}
	return strings.Join(list, "; ")
}

// judgePosts checks what is stored: every post of a user once, and those that the plugin wrote itself as the hook makes them or
// as they were sent.
func (s *session) judgePosts() (count PostCount) {
	times := map[string]int{}
	for _, post := range s.server.Memory.Posts() {
		name, _ := post.Props["number"].(string)
		times[name]++
		number, own := strings.CutPrefix(name, "created-")
		if !own {
			continue
		}
		sent := &mattermost.Post{
			UserId: s.user.Id, ChannelId: "channel", Message: "Post " + number + " was seen.", Props: map[string]any{"number": name},
		}
		switch outcome, err := s.compare(post, sent); {
		case err != nil:
			s.ledger.fault("a post of the plugin went wrong", err.Error())
		case outcome == fallback:
			count.CreatedDefaults++
		}
		count.Created++
	}
	for name, count := range times {
		if count > 1 {
			s.ledger.fault("a post is stored more than once", name)
		}
	}
	for number := range s.ledger.events.posted {
		if times[strconv.Itoa(number)] == 0 {
			s.ledger.fault("a post is missing", strconv.Itoa(number))
		}
	}
	return count
}
