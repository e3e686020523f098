package mask_test

import (
	"bytes"
	"encoding/gob"
	"net"
	"net/rpc"
	"strings"
	"sync"
	"testing"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/mask"
)

// server answers GetPost with a post, CreatePost with its argument, and GetPluginConfig with what gob cannot encode.
type server struct {
	mutex sync.Mutex
	got   *mattermost.Post
}

type unregistered struct{ A string }

func (s *server) Serve(spec *mattermost.MethodSpec, args, returns any) error {
	switch returns := returns.(type) {
	case *mattermost.GetPostReturns:
		returns.A = &mattermost.Post{Id: "p", Message: "hello", Hashtags: "#one", Props: map[string]any{"k": "v"}}
	case *mattermost.CreatePostReturns:
		s.mutex.Lock()
		defer s.mutex.Unlock()
		s.got = args.(*mattermost.CreatePostArgs).A
		returns.A = s.got
	case *mattermost.GetPluginConfigReturns:
		returns.A = map[string]any{"bad": unregistered{"x"}}
	}
	return nil
}

// connect returns a client of a server with the mask, or of net/rpc's own codec if the mask is nil.
func connect(t *testing.T, m *mask.Mask, handler mattermost.Handler) *rpc.Client {
	t.Helper()
	near, far := net.Pipe()
	rpcServer := rpc.NewServer()
	if err := rpcServer.RegisterName("Plugin", &mattermost.APIServer{Handler: handler}); err != nil {
		t.Fatal(err)
	}
	if m == nil {
		go rpcServer.ServeConn(far)
	} else {
		go rpcServer.ServeCodec(mask.NewServerCodec(m, far))
	}
	client := rpc.NewClient(near)
	t.Cleanup(func() { client.Close() })
	return client
}

func newMask(t *testing.T, methods, without, with []string) *mask.Mask {
	t.Helper()
	m, err := mask.New(methods, without, with)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestHiddenMethodHasTheTextOfNetRPC(t *testing.T) {
	client := connect(t, newMask(t, []string{"GetPost"}, nil, nil), &server{})
	err := client.Call("Plugin.GetPost", &mattermost.GetPostArgs{A: "p"}, &mattermost.GetPostReturns{})
	if err == nil || err.Error() != "rpc: can't find method Plugin.GetPost" {
		t.Fatalf("%v", err)
	}
	if err := client.Call("Plugin.CreatePost", &mattermost.CreatePostArgs{A: &mattermost.Post{}}, &mattermost.CreatePostReturns{}); err != nil {
		t.Fatalf("the next call: %v", err)
	}
}

type newerPost struct {
	Id, Message, Hashtags, Mood string
}

func TestFieldsReallyDifferOnTheWire(t *testing.T) {
	m := newMask(t, nil, []string{"Post.Hashtags"}, []string{"Post.Mood:string"})
	client := connect(t, m, &server{})
	reply := struct{ A *newerPost }{}
	if err := client.Call("Plugin.GetPost", &mattermost.GetPostArgs{A: "p"}, &reply); err != nil {
		t.Fatal(err)
	}
	if *reply.A != (newerPost{Id: "p", Message: "hello", Mood: mask.AddedText}) {
		t.Fatalf("%+v", reply.A)
	}
	var wire bytes.Buffer
	if err := gob.NewEncoder(&wire).Encode(m.Out(&mattermost.GetPostReturns{A: &mattermost.Post{}})); err != nil {
		t.Fatal(err)
	}
	if text := wire.String(); strings.Contains(text, "Hashtags") || !strings.Contains(text, "Mood") || !strings.Contains(text, "Props") {
		t.Fatal("the type definition is not the masked one")
	}
}

func TestRemovedFieldIsNotReceived(t *testing.T) {
	handler := &server{}
	client := connect(t, newMask(t, nil, []string{"Post.Hashtags"}, nil), handler)
	sent := &mattermost.Post{Message: "hello", Hashtags: "#one", Props: map[string]any{"k": "v"}}
	reply := &mattermost.CreatePostReturns{}
	if err := client.Call("Plugin.CreatePost", &mattermost.CreatePostArgs{A: sent}, reply); err != nil {
		t.Fatal(err)
	}
	if handler.got.Hashtags != "" || handler.got.Message != "hello" || reply.A.Props["k"] != "v" {
		t.Fatalf("%+v", handler.got)
	}
}

func TestUnaffectedTypesStay(t *testing.T) {
	m := newMask(t, nil, []string{"Post.Hashtags"}, nil)
	args := &mattermost.GetUserReturns{A: &mattermost.User{Id: "u"}}
	if m.Out(args) != any(args) {
		t.Error("a reply without posts was rebuilt")
	}
}

// The masking codec and net/rpc's own behave alike when something cannot be encoded or decoded.
func TestFailuresAreThoseOfNetRPC(t *testing.T) {
	for name, m := range map[string]*mask.Mask{"net/rpc": nil, "mask": newMask(t, nil, []string{"Post.Hashtags"}, nil)} {
		t.Run(name, func(t *testing.T) {
			client := connect(t, m, &server{})
			err := client.Call("Plugin.GetPost", &struct{ A int }{1}, &mattermost.GetPostReturns{})
			if err == nil || !strings.Contains(err.Error(), "gob: ") {
				t.Fatalf("arguments of another kind: %v", err)
			}
			if err := client.Call("Plugin.GetPost", &mattermost.GetPostArgs{A: "p"}, &mattermost.GetPostReturns{}); err != nil {
				t.Fatalf("the call after it: %v", err)
			}
			err = client.Call("Plugin.GetPluginConfig", &mattermost.GetPluginConfigArgs{}, &mattermost.GetPluginConfigReturns{})
			if err == nil || !strings.Contains(err.Error(), "EOF") {
				t.Fatalf("a reply that cannot be encoded: %v", err)
			}
			err = client.Call("Plugin.GetPost", &mattermost.GetPostArgs{A: "p"}, &mattermost.GetPostReturns{})
			if err != rpc.ErrShutdown {
				t.Fatalf("the connection is not closed: %v", err)
			}
		})
	}
}

func TestWrongTexts(t *testing.T) {
	if _, err := mask.New(nil, []string{"Hashtags"}, nil); err == nil {
		t.Error("a field without a type was taken")
	}
	if _, err := mask.New(nil, nil, []string{"Post.Mood:colour"}); err == nil {
		t.Error("an unknown type was taken")
	}
}
