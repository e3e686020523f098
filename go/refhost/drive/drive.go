// Package drive is a host that another program drives: commands come as JSON lines, each is carried out beside the others, and
// its answer is a JSON line with the same id. So a test can have many calls under way while it harms the plugin.
package drive

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/web"
)

// Options say how a host is driven.
type Options struct {
	// Listen is the address of the HTTP side.
	Listen string
	// Record keeps every API call.
	Record bool
	// WithoutFlush makes the host an older server.
	WithoutFlush bool

	In  io.Reader
	Out io.Writer
}

// request is one command. What else it holds depends on Do.
type request struct {
	ID int64  `json:"id"`
	Do string `json:"do"`
}

// response is what came of a command. Error is about the command; what a hook or the API answered is part of the value.
type response struct {
	ID    int64   `json:"id"`
	OK    bool    `json:"ok"`
	MS    float64 `json:"ms"`
	Value any     `json:"value,omitempty"`
	Error string  `json:"error,omitempty"`
}

// session is one run.
type session struct {
	host  *host.Host
	admin *mattermost.User

	outMutex sync.Mutex
	out      *json.Encoder

	// supervisors are the health checks of plugins, by plugin id.
	mutex       sync.Mutex
	supervisors map[string]*supervisor
}

// command carries a command out. raw is the whole line.
type command func(s *session, raw json.RawMessage) (any, error)

var commands = map[string]command{}

// on registers a command whose keys are those of T.
func on[T any](name string, run func(s *session, wanted *T) (any, error)) {
	commands[name] = func(s *session, raw json.RawMessage) (any, error) {
		wanted := new(T)
		if err := json.Unmarshal(raw, wanted); err != nil {
			return nil, err
		}
		return run(s, wanted)
	}
}

// Run carries commands out until the end of the input, and stops what still runs then.
func Run(options Options) error {
	server := host.New(1)
	server.Log.CaptureStandard()
	server.Desk.Record, server.WithoutFlush = options.Record, options.WithoutFlush
	s := &session{host: server, out: json.NewEncoder(options.Out), supervisors: map[string]*supervisor{}}
	s.out.SetEscapeHTML(false)
	s.admin = server.Memory.CreateUser(&mattermost.User{Username: "admin", Email: "admin@example.com", Roles: "system_user system_admin"})
	listener, err := net.Listen("tcp", options.Listen)
	if err != nil {
		return err
	}
	front := web.New(server, nil)
	go func() { _ = front.Serve(listener) }()
	defer front.Close()
	defer server.StopAll()
	defer s.stopSupervisors()
	s.print(map[string]any{"listen": listener.Addr().String(), "admin": s.admin.Id})
	return s.serve(options.In)
}

// serve reads commands; it does not wait for those that are under way at the end of the input.
func (s *session) serve(in io.Reader) error {
	lines := bufio.NewReader(in)
	for {
		line, err := lines.ReadBytes('\n')
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		wanted := request{}
		if err := json.Unmarshal(line, &wanted); err != nil {
			return fmt.Errorf("%q is no command: %w", line, err)
		}
		go s.carryOut(wanted, line)
	}
}

func (s *session) carryOut(wanted request, line []byte) {
	begin := time.Now()
	var value any
	err := fmt.Errorf("there is no command %q", wanted.Do)
	if run, ok := commands[wanted.Do]; ok {
		value, err = run(s, line)
	}
	done := response{ID: wanted.ID, OK: err == nil, MS: milliseconds(time.Since(begin)), Value: value}
	if err != nil {
		done.Error = err.Error()
	}
	s.print(done)
}

func (s *session) print(line any) {
	s.outMutex.Lock()
	defer s.outMutex.Unlock()
	if err := s.out.Encode(line); err != nil {
		// A value that JSON cannot hold, for example a float that is not a number, must not leave the other side waiting.
		if done, ok := line.(response); ok {
			_ = s.out.Encode(response{ID: done.ID, MS: done.MS, Error: err.Error()})
		}
	}
}

func milliseconds(duration time.Duration) float64 {
	return float64(duration.Microseconds()) / 1000
}

// plugin returns the plugin with this id, or the only one.
func (s *session) plugin(id string) (*host.Plugin, error) {
	active := s.host.Plugins()
	if id == "" && len(active) == 1 {
		return active[0], nil
	}
	if plugin := s.host.Plugin(id); plugin != nil {
		return plugin, nil
	}
	return nil, fmt.Errorf("no plugin %q is active", id)
}
