package drive

import (
	"sync"
	"time"

	"mattermost-plugin/refhost/host"
)

// allowance is how often the server starts a plugin again within an hour; the next failure switches it off.
const allowance = 3

// supervisor does the server's health check, only more often: three pings that fail are a failure, and after a failure the
// plugin is stopped and started again, until the allowance is used up.
type supervisor struct {
	host   *host.Host
	every  time.Duration
	stopAt chan struct{}
	once   sync.Once

	mutex  sync.Mutex
	plugin *host.Plugin
	// asked is when the ping under way began.
	asked  time.Time
	report healthReport
}

// healthReport is what a supervisor has seen.
type healthReport struct {
	Pings   int     `json:"pings"`
	Failed  int     `json:"failed"`
	Slowest float64 `json:"slowest_ms"`
	// Restarts is how much of the allowance was used up, Off whether it was all.
	Restarts int    `json:"restarts"`
	Off      bool   `json:"off"`
	Last     string `json:"last,omitempty"`
}

func newSupervisor(h *host.Host, plugin *host.Plugin, every time.Duration) *supervisor {
	return &supervisor{host: h, every: every, stopAt: make(chan struct{}), plugin: plugin}
}

func (s *supervisor) run() {
	ticks := time.NewTicker(s.every)
	defer ticks.Stop()
	for {
		select {
		case <-s.stopAt:
			return
		case <-ticks.C:
		}
		if !s.check() {
			return
		}
	}
}

// stop ends the checks; a plugin that is stopped on purpose has not failed.
func (s *supervisor) stop() { s.once.Do(func() { close(s.stopAt) }) }

func (s *supervisor) stopped() bool {
	select {
	case <-s.stopAt:
		return true
	default:
		return false
	}
}

// check says whether the plugin shall be checked again.
func (s *supervisor) check() bool {
	var last error
	for range 3 {
		if last = s.ping(); last == nil {
			return true
		}
	}
	if s.stopped() {
		return false
	}
	return s.restart(last)
}

// ping measures how long the plugin takes; go-plugin's ping has no limit of its own.
func (s *supervisor) ping() error {
	s.mutex.Lock()
	s.asked = time.Now()
	plugin := s.plugin
	s.mutex.Unlock()
	err := plugin.Ping()
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if s.stopped() {
		s.asked = time.Time{}
		return err
	}
	s.report.Pings++
	s.report.Slowest = max(s.report.Slowest, milliseconds(time.Since(s.asked)))
	s.asked = time.Time{}
	if err != nil {
		s.report.Failed++
		s.report.Last = err.Error()
	}
	return err
}

func (s *supervisor) restart(reason error) bool {
	s.mutex.Lock()
	plugin := s.plugin
	s.report.Restarts++
	s.report.Last = reason.Error()
	s.report.Off = s.report.Restarts >= allowance
	off := s.report.Off
	s.mutex.Unlock()
	_ = s.host.Stop(plugin)
	if off {
		return false
	}
	again, err := s.host.Start(plugin.Dir)
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if err != nil {
		s.report.Last = err.Error()
		return false
	}
	s.plugin = again
	return true
}

// seen includes the ping under way.
func (s *supervisor) seen() healthReport {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	report := s.report
	if !s.asked.IsZero() && !s.stopped() {
		report.Slowest = max(report.Slowest, milliseconds(time.Since(s.asked)))
	}
	return report
}
