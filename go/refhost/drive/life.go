package drive

import (
	"fmt"
	"os"
	"time"

	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/procs"
)

type startCommand struct {
	Dir    string         `json:"dir"`
	Config map[string]any `json:"config"`
	// Environment is added to that of plugins from now on.
	Environment []string `json:"environment"`
}

type pluginCommand struct {
	Plugin string `json:"plugin"`
}

type superviseCommand struct {
	Plugin  string  `json:"plugin"`
	EveryMS float64 `json:"every_ms"`
}

func init() {
	on("start", start)
	on("stop", stop)
	on("ping", ping)
	on("supervise", supervise)
	on("health", health)
	on("processes", processes)
}

// started describes a plugin that was activated.
type started struct {
	ID          string   `json:"id"`
	Pid         int      `json:"pid"`
	Hooks       []string `json:"hooks"`
	HandshakeMS float64  `json:"handshake_ms"`
	ActiveMS    float64  `json:"active_ms"`
}

func start(s *session, wanted *startCommand) (any, error) {
	if wanted.Environment != nil {
		s.host.Environment = wanted.Environment
	}
	manifest, err := host.ReadManifest(wanted.Dir)
	if err != nil {
		return nil, err
	}
	if wanted.Config != nil {
		s.host.Memory.SetConfig(manifest.ID, wanted.Config)
	}
	plugin, err := s.host.Start(wanted.Dir)
	if err != nil {
		return nil, err
	}
	return started{
		plugin.ID(), plugin.Pid(), plugin.ImplementedNames(), milliseconds(plugin.HandshakeTime), milliseconds(plugin.ActivateTime),
	}, nil
}

// stop deactivates a plugin as the server does: OnDeactivate, Quit, 2 s of grace, SIGKILL.
func stop(s *session, wanted *pluginCommand) (any, error) {
	plugin, err := s.plugin(wanted.Plugin)
	if err != nil {
		return nil, err
	}
	s.stopSupervisor(plugin.ID())
	return nil, s.host.Stop(plugin)
}

func ping(s *session, wanted *pluginCommand) (any, error) {
	plugin, err := s.plugin(wanted.Plugin)
	if err != nil {
		return nil, err
	}
	return nil, plugin.Ping()
}

// supervise begins the health check of a plugin.
func supervise(s *session, wanted *superviseCommand) (any, error) {
	plugin, err := s.plugin(wanted.Plugin)
	if err != nil {
		return nil, err
	}
	if wanted.EveryMS <= 0 {
		return nil, fmt.Errorf("every_ms is missing")
	}
	begun := newSupervisor(s.host, plugin, time.Duration(wanted.EveryMS*float64(time.Millisecond)))
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.supervisors[plugin.ID()] != nil {
		return nil, fmt.Errorf("%s is supervised already", plugin.ID())
	}
	s.supervisors[plugin.ID()] = begun
	go begun.run()
	return nil, nil
}

// health returns what the health check of a plugin has seen so far; the plugin may be stopped by now.
func health(s *session, wanted *pluginCommand) (any, error) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for id, found := range s.supervisors {
		if wanted.Plugin == "" || wanted.Plugin == id {
			return found.seen(), nil
		}
	}
	return nil, fmt.Errorf("the plugin %q is not supervised", wanted.Plugin)
}

func (s *session) stopSupervisor(id string) {
	s.mutex.Lock()
	found := s.supervisors[id]
	s.mutex.Unlock()
	if found != nil {
		found.stop()
	}
}

func (s *session) stopSupervisors() {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, found := range s.supervisors {
		found.stop()
	}
}

// described is a process with its open descriptors.
type described struct {
	procs.Process
	Descriptors int `json:"descriptors"`
}

// processes lists the plugin's executable and all below it.
func processes(s *session, wanted *pluginCommand) (any, error) {
	plugin, err := s.plugin(wanted.Plugin)
	if err != nil {
		return nil, err
	}
	tree := []described{}
	for _, process := range procs.Tree(plugin.Pid()) {
		open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", process.Pid))
		if err != nil {
			continue // it is gone
		}
		tree = append(tree, described{process, len(open)})
	}
	return tree, nil
}
