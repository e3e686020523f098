// Package soak keeps a plugin under a steady mixed load, kills its workers meanwhile, and checks everything that comes out.
package soak

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/web"
)

// Options of a soak. The plugin is that of tests/soak.
type Options struct {
	Dir      string
	Duration time.Duration
	// KillEvery is the pause between two kills; 0 is none at all.
	KillEvery time.Duration
	Progress  io.Writer
}

// progressEvery is how often a line is written while it runs.
const progressEvery = time.Minute

// healthEvery is how often the plugin is pinged as the server does it; the server does so every 30 s.
const healthEvery = 5 * time.Second

// session is a soak while it runs.
type session struct {
	options Options
	server  *host.Host
	plugin  *host.Plugin
	ledger  *ledger
	user    *mattermost.User
	// temporary is what the plugin takes for the directory of temporary files.
	temporary string
	base      string
	address   string
	client    *http.Client
	begin     usage
	// wanted is what there has to be of the plugin when everything has come to rest.
	wanted Standing
}

// Run soaks the plugin and returns what was seen. An error means that there was nothing to see.
func Run(options Options) (*Report, error) {
	if err := adoptOrphans(); err != nil {
		return nil, err
	}
	temporary, err := os.MkdirTemp("", "soak-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(temporary)
	server := host.New(1)
	server.Log.CaptureStandard()
	server.Desk.Record = false
	server.Environment = []string{"TMPDIR=" + temporary}
	s := &session{options: options, server: server, temporary: temporary, ledger: newLedger()}
	server.Desk.Observe = s.observe
	s.user = server.Memory.CreateUser(&mattermost.User{Username: "alice", Email: "alice@example.com"})
	if s.plugin, err = server.Start(options.Dir); err != nil {
		return nil, err
	}
	defer server.StopAll()
	if s.wanted, err = s.whatIsWanted(); err != nil {
		return nil, err
	}
	front, err := s.serve()
	if err != nil {
		return nil, err
	}
	s.begin = measure(s.plugin.Pid())
	killer, samples := s.play()
	end := measure(s.plugin.Pid())
	_ = front.Close()
	report := s.judge(killer, samples, end)
	s.stop(report)
	return report, nil
}

// serve puts the plugin behind a real HTTP server.
func (s *session) serve() (*web.Server, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	front := web.New(s.server, nil)
	go func() { _ = front.Serve(listener) }()
	s.address = listener.Addr().String()
	s.base = "http://" + s.address + "/plugins/" + s.plugin.ID()
	s.client = &http.Client{Timeout: patience, Transport: &http.Transport{MaxIdleConnsPerHost: 8, DisableCompression: true}}
	return front, nil
}

// play runs the load, the kills and the samples for as long as the soak takes, and returns when everything has come to rest.
func (s *session) play() (*killer, []sample) {
	running, end := context.WithTimeout(context.Background(), s.options.Duration)
	defer end()
	load := s.load(running)
	killer, sampler := newKiller(s), &sampler{session: s}
	// The last kill leaves enough time to see the worker come back.
	killing, stop := context.WithTimeout(running, s.options.Duration-lastKill(s.options.Duration))
	defer stop()
	watching := together(
		func() { killer.run(killing) }, func() { sampler.run(running) },
		func() { s.checkHealth(running) }, func() { s.tell(running, killer) },
	)
	load.Wait()
	watching.Wait()
	s.settle()
	return killer, sampler.samples
}

// lastKill is how long before the end the last kill is.
func lastKill(whole time.Duration) time.Duration { return min(20*time.Second, whole/4) }

// settle waits for the hooks that run after the fact, and for the events in the queue.
func (s *session) settle() {
	settled := make(chan struct{})
	go func() {
		s.server.Memory.Settle()
		close(settled)
	}()
	select {
	case <-settled:
	case <-time.After(patience):
		s.ledger.fault("hooks without a result have not been acknowledged at the end", "after "+patience.String())
	}
	s.ledger.awaitEvents(patience)
}

func (s *session) checkHealth(running context.Context) {
	every(running, healthEvery, func() {
		if err := s.plugin.HealthCheck(); err != nil {
			s.ledger.fault("the server would have restarted the plugin", err.Error())
		}
	})
}

func (s *session) tell(running context.Context, killer *killer) {
	every(running, progressEvery, func() {
		fmt.Fprintf(s.options.Progress, "%s: %s, %d kills\n", s.ledger.now().Round(time.Second), s.ledger.summary(), killer.count())
	})
}
