// Package demo shows a plugin at work: a scripted conversation, printed as it happens.
package demo

import (
	"cmp"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/memapi"
	"mattermost-plugin/refhost/procs"
)

// Options of a demo. The first plugin must behave as examples/hello_python does (but for Word), the second, if there is one, as go/goplugin.
type Options struct {
	PluginDirs []string
	// Word is what the first plugin replaces by an emoji when it stands between colons; "python" if empty.
	Word string
	Out  io.Writer
}

// stage is the demo while it runs.
type stage struct {
	host     *host.Host
	out      *printer
	alice    *mattermost.User
	channel  *mattermost.Channel
	word     string
	failures int
}

// Run plays the conversation and returns an error if something did not go as it should.
func Run(options Options) error {
	server := host.New(1)
	server.Log.CaptureStandard()
	s := &stage{host: server, out: &printer{out: options.Out}, word: ":" + cmp.Or(options.Word, "python") + ":"}
	server.Log.Watch(s.out.log)
	defer server.StopAll()
	s.furnish()
	hello, err := s.start(options.PluginDirs[0])
	if err != nil {
		return err
	}
	s.activation(hello)
	s.posts()
	s.command(hello)
	if len(options.PluginDirs) > 1 {
		if err := s.together(options.PluginDirs[1]); err != nil {
			return err
		}
	}
	s.stop()
	if s.failures > 0 {
		return fmt.Errorf("%d expectations of the demo were not met", s.failures)
	}
	s.out.line("\nEverything went as expected.")
	return nil
}

// furnish creates the people and places of the conversation.
func (s *stage) furnish() {
	s.alice = s.host.Memory.CreateUser(&mattermost.User{Username: "alice", FirstName: "Alice", Email: "alice@example.com"})
	team := s.host.Memory.CreateTeam(&mattermost.Team{Name: "demo", DisplayName: "Demo"})
	s.channel = s.host.Memory.CreateChannel(&mattermost.Channel{TeamId: team.Id, Name: "town-square", DisplayName: "Town Square", Type: "O"})
	s.out.line("A Mattermost server (Go's own go-plugin, the API in memory) with the user alice and the channel ~town-square.")
}

func (s *stage) start(dir string) (*host.Plugin, error) {
	manifest, err := host.ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	s.out.title("The server starts the plugin %s", manifest.ID)
	plugin, err := s.host.Start(dir)
	if err != nil {
		s.out.line("   FAILED: " + err.Error())
		return nil, err
	}
	s.expect(true, "active after %d ms, with the hooks %s", plugin.ActivateTime.Milliseconds(), strings.Join(plugin.ImplementedNames(), ", "))
	return plugin, nil
}

// expect prints a fact; a wrong one makes the demo fail.
func (s *stage) expect(ok bool, format string, values ...any) {
	s.out.fact(ok, fmt.Sprintf(format, values...))
	if !ok {
		s.failures++
	}
}

func (s *stage) activation(plugin *host.Plugin) {
	// The plugin's log lines come on their own, so this one may come after the activation.
	pattern := regexp.MustCompile(regexp.QuoteMeta(s.host.Memory.Version))
	entry, found := s.host.Log.Await(0, pattern, 5*time.Second)
	found = found && entry.Plugin == plugin.ID()
	s.expect(found, "it asked for the server's version and logged it: %s", s.host.Memory.Version)
}

// say lets alice write a post and shows what became of it.
func (s *stage) say(message string) (*mattermost.Post, *mattermost.AppError) {
	s.out.title("alice writes: %s", message)
	post, err := s.host.Memory.CreatePost(&mattermost.Post{UserId: s.alice.Id, ChannelId: s.channel.Id, Message: message})
	s.host.Memory.Settle()
	switch {
	case err != nil && strings.Contains(err.Id, memapi.DismissPost):
		s.out.line("   the post vanished, alice sees no error")
	case err != nil:
		s.out.line("   the post was rejected, alice sees: " + err.Id)
	default:
		s.out.line("   in the channel: " + post.Message)
	}
	return post, err
}

func (s *stage) posts() {
	const plain = "Good morning, everybody!"
	post, err := s.say(plain)
	s.expect(err == nil && post.Message == plain, "an ordinary post passes unchanged")

	_, err = s.say("This is a badword, is it not?")
	s.expect(err != nil && strings.Contains(err.Id, "Message blocked: contains prohibited content"), "the plugin rejected it and said why")

	_, err = s.say("Please dismiss me")
	s.expect(err != nil && err.Id == memapi.DismissPost, "the plugin dismissed it")

	edited := "I like " + s.word + " very much"
	post, err = s.say(edited)
	s.expect(err == nil && !strings.Contains(post.Message, s.word), "the plugin edited it on its way")
	s.expect(len(s.host.Memory.Posts()) == 2, "the channel holds 2 of the 4 posts")
}

func (s *stage) command(plugin *host.Plugin) {
	var texts []string
	for range 2 {
		s.out.title("alice types: /hello")
		response, err := s.host.Memory.ExecuteCommand(&mattermost.CommandArgs{UserId: s.alice.Id, ChannelId: s.channel.Id, Command: "/hello"})
		if err != nil {
			s.expect(false, "the command failed: %s", err.Id)
			return
		}
		s.out.line("   only alice sees: " + response.Text)
		texts = append(texts, response.Text)
	}
	s.expect(strings.Contains(texts[0], "alice") && strings.Contains(texts[1], "alice"), "the plugin looked up her name through the API")
	s.expect(texts[0] != texts[1] && strings.Contains(texts[1], "2"), "it counted her greetings in the key-value store")
	counts := map[string]int{}
	for _, call := range s.host.Desk.Calls("") {
		if call.Plugin == plugin.ID() {
			counts[call.Method]++
		}
	}
	s.expect(len(counts) > 0, "API calls of the plugin so far: %s", countText(counts))
}

// together shows that both plugins see the same post, one after the other, as in Mattermost.
func (s *stage) together(dir string) error {
	if _, err := s.start(dir); err != nil {
		return err
	}
	post, err := s.say("A " + s.word + " meets a :gopher:")
	if err != nil {
		s.expect(false, "the post was rejected: %s", err.Id)
		return nil
	}
	s.expect(!strings.Contains(post.Message, s.word), "the first plugin edited it")
	s.expect(!strings.Contains(post.Message, ":gopher:"), "the second, written in Go, edited what the first had made of it")
	return nil
}

func (s *stage) stop() {
	s.out.title("The server stops")
	var processes []procs.Process
	for _, plugin := range s.host.Plugins() {
		processes = append(processes, procs.Tree(plugin.Pid())...)
	}
	s.host.StopAll()
	var left []procs.Process
	for deadline := time.Now().Add(3 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if left = procs.Alive(processes); len(left) == 0 || time.Now().After(deadline) {
			break
		}
	}
	s.expect(len(left) == 0, "the plugins' %d processes have ended", len(processes))
}
