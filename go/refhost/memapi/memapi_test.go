package memapi_test

import (
	"reflect"
	"testing"

	m "mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/memapi"
)

// fakePlugin answers hooks from functions.
type fakePlugin struct {
	id    string
	hooks map[string]func(args any) any
	seen  []string
}

func (p *fakePlugin) ID() string                  { return p.id }
func (p *fakePlugin) Implements(hook string) bool { return p.hooks[hook] != nil }
func (p *fakePlugin) Call(hook string, args any) (any, error) {
	p.seen = append(p.seen, hook)
	return p.hooks[hook](args), nil
}

func newServer() *memapi.Server {
	return memapi.New(func(string, string, string, map[string]any) {})
}

func call[R any](t *testing.T, s *memapi.Server, method string, args any) *R {
	t.Helper()
	returns := new(R)
	if err := s.ForPlugin("plugin", "/dir").Serve(m.APIByName(method), args, returns); err != nil {
		t.Fatal(err)
	}
	return returns
}

func TestKeyValueStore(t *testing.T) {
	s := newServer()
	call[m.KVSetReturns](t, s, "KVSet", &m.KVSetArgs{A: "k", B: []byte("1")})
	if got := call[m.KVGetReturns](t, s, "KVGet", &m.KVGetArgs{A: "k"}); string(got.A) != "1" {
		t.Fatalf("%q", got.A)
	}
	set := call[m.KVCompareAndSetReturns](t, s, "KVCompareAndSet", &m.KVCompareAndSetArgs{A: "k", B: []byte("x"), C: []byte("2")})
	if set.A {
		t.Error("compare and set with another old value succeeded")
	}
	set = call[m.KVCompareAndSetReturns](t, s, "KVCompareAndSet", &m.KVCompareAndSetArgs{A: "k", B: []byte("1"), C: []byte("2")})
	if !set.A {
		t.Error("compare and set with the right old value failed")
	}
	created := call[m.KVCompareAndSetReturns](t, s, "KVCompareAndSet", &m.KVCompareAndSetArgs{A: "new", C: []byte("2")})
	if !created.A {
		t.Error("compare and set of a new key with nil failed")
	}
	keys := call[m.KVListReturns](t, s, "KVList", &m.KVListArgs{A: 0, B: 10})
	if !reflect.DeepEqual(keys.A, []string{"k", "new"}) {
		t.Errorf("%v", keys.A)
	}
	call[m.KVSetWithExpiryReturns](t, s, "KVSetWithExpiry", &m.KVSetWithExpiryArgs{A: "k", B: []byte("3"), C: -1})
	if got := call[m.KVGetReturns](t, s, "KVGet", &m.KVGetArgs{A: "k"}); string(got.A) != "3" {
		t.Errorf("a value without expiry has gone: %q", got.A)
	}
	if failed := call[m.KVSetReturns](t, s, "KVSet", &m.KVSetArgs{A: "", B: []byte("1")}); failed.A == nil {
		t.Error("an empty key was taken")
	}
}

func edit(text string) func(any) any {
	return func(args any) any {
		post := args.(*m.MessageWillBePostedArgs).B
		post.Message += text
		return &m.MessageWillBePostedReturns{A: post}
	}
}

func TestPluginsSeeAPostOneAfterTheOther(t *testing.T) {
	s := newServer()
	told := &fakePlugin{id: "b", hooks: map[string]func(any) any{
		"MessageWillBePosted":  edit(" second"),
		"MessageHasBeenPosted": func(any) any { return &struct{}{} },
	}}
	s.AddPlugin(&fakePlugin{id: "a", hooks: map[string]func(any) any{"MessageWillBePosted": edit(" first")}})
	s.AddPlugin(told)
	post, err := s.CreatePost(&m.Post{Message: "text", Metadata: &m.PostMetadata{}})
	s.Settle()
	if err != nil || post.Message != "text first second" || post.Metadata == nil {
		t.Fatalf("%+v %v", post, err)
	}
	if !reflect.DeepEqual(told.seen, []string{"MessageWillBePosted", "MessageHasBeenPosted"}) {
		t.Errorf("%v", told.seen)
	}
}

func TestPluginsSeeNoMetadata(t *testing.T) {
	s := newServer()
	s.AddPlugin(&fakePlugin{id: "a", hooks: map[string]func(any) any{"MessageWillBePosted": func(args any) any {
		if args.(*m.MessageWillBePostedArgs).B.Metadata != nil {
			t.Error("the plugin saw metadata")
		}
		return &m.MessageWillBePostedReturns{}
	}}})
	if _, err := s.CreatePost(&m.Post{Metadata: &m.PostMetadata{}}); err != nil {
		t.Fatal(err)
	}
}

func TestRejection(t *testing.T) {
	for reason, id := range map[string]string{"no": "Post rejected by plugin. no", memapi.DismissPost: memapi.DismissPost} {
		s := newServer()
		s.AddPlugin(&fakePlugin{id: "a", hooks: map[string]func(any) any{"MessageWillBePosted": func(any) any {
			return &m.MessageWillBePostedReturns{B: reason}
		}}})
		_, err := s.CreatePost(&m.Post{Message: "text"})
		if err == nil || err.Id != id || len(s.Posts()) != 0 {
			t.Errorf("%s: %v", reason, err)
		}
	}
}

func TestAnUpdateWithoutAnswerIsRejected(t *testing.T) {
	s := newServer()
	post, _ := s.CreatePost(&m.Post{Message: "text"})
	s.AddPlugin(&fakePlugin{id: "a", hooks: map[string]func(any) any{"MessageWillBeUpdated": func(any) any {
		return &m.MessageWillBeUpdatedReturns{B: "why"}
	}}})
	if _, err := s.UpdatePost(post); err == nil || err.Id != "Post rejected by plugin. why" {
		t.Fatalf("%v", err)
	}
	if err := s.DeletePost(post.Id); err != nil {
		t.Fatal(err)
	}
	if _, err := s.GetPost(post.Id); err == nil {
		t.Error("a deleted post is still there")
	}
}

func TestCommands(t *testing.T) {
	s := newServer()
	call[m.RegisterCommandReturns](t, s, "RegisterCommand", &m.RegisterCommandArgs{A: &m.Command{Trigger: "Hello"}})
	if _, err := s.ExecuteCommand(&m.CommandArgs{Command: "/hello x"}); err == nil || err.StatusCode != 500 {
		t.Errorf("a command of a plugin that is gone: %v", err)
	}
	s.AddPlugin(&fakePlugin{id: "plugin", hooks: map[string]func(any) any{"ExecuteCommand": func(args any) any {
		return &m.ExecuteCommandReturns{A: &m.CommandResponse{Text: args.(*m.ExecuteCommandArgs).B.Command}}
	}}})
	response, err := s.ExecuteCommand(&m.CommandArgs{Command: "/hello x"})
	if err != nil || response.Text != "/hello x" {
		t.Errorf("%v %v", response, err)
	}
	if _, err := s.ExecuteCommand(&m.CommandArgs{Command: "/other"}); err == nil || err.StatusCode != 404 {
		t.Errorf("%v", err)
	}
}

func TestBots(t *testing.T) {
	s := newServer()
	first := call[m.EnsureBotUserReturns](t, s, "EnsureBotUser", &m.EnsureBotUserArgs{A: &m.Bot{Username: "bot"}})
	second := call[m.EnsureBotUserReturns](t, s, "EnsureBotUser", &m.EnsureBotUserArgs{A: &m.Bot{Username: "bot"}})
	if first.A == "" || first.A != second.A {
		t.Errorf("%q and %q", first.A, second.A)
	}
}
