package host

import (
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/answer"
	"mattermost-plugin/refhost/mask"
	"mattermost-plugin/refhost/memapi"
)

// Host is one server with several plugins.
type Host struct {
	Log    *Log
	Memory *memapi.Server
	Desk   *answer.Desk
	// The following apply to plugins started later.
	Mask         *mask.Mask
	AcceptDelay  time.Duration
	WithoutFlush bool
	Environment  []string

	// Driver returns what answers a plugin's database calls, and what is closed with the plugin if it is an io.Closer. Without a
	// driver the server would crash, and the log says so.
	Driver func(plugin string) mattermost.Handler

	// ResponseWriter and APIStreams count the calls of all plugins.
	ResponseWriter, APIStreams *Counters

	mutex    sync.Mutex
	plugins  []*Plugin
	launched []int
	requests atomic.Int64
}

// New returns a host without plugins.
func New(seed uint64) *Host {
	log := NewLog()
	memory := memapi.New(func(plugin, level, message string, fields map[string]any) {
		log.Add(Entry{Plugin: plugin, Source: SourceAPI, Level: level, Message: message, Fields: fields})
	})
	return &Host{
		Log: log, Memory: memory, Desk: answer.New(memory, seed),
		ResponseWriter: NewCounters(ResponseWriterMethods...), APIStreams: NewCounters(APIStreamMethods...),
	}
}

// Start launches and activates the plugin in dir; the plugin takes part in hooks from then on.
func (h *Host) Start(dir string) (*Plugin, error) {
	manifest, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	h.Memory.SetConfig(manifest.ID, merged(manifest.defaults(), h.Memory.Config(manifest.ID)))
	plugin, err := Start(dir, Options{
		Log: h.Log, API: h.Desk.ForPlugin(manifest.ID, dir), Driver: h.driver(manifest.ID),
		PluginHTTP: h.answerPlugin, ResponseWriter: h.ResponseWriter, APIStreams: h.APIStreams,
		Mask: h.Mask, AcceptDelay: h.AcceptDelay, WithoutFlush: h.WithoutFlush, Environment: h.Environment, Launched: h.noteLaunch,
	})
	if err != nil {
		return nil, err
	}
	if err := plugin.Activate(); err != nil {
		plugin.Kill()
		return nil, fmt.Errorf("activation of %s: %w", manifest.ID, err)
	}
	h.Memory.AddPlugin(plugin)
	h.mutex.Lock()
	h.plugins = append(h.plugins, plugin)
	h.mutex.Unlock()
	return plugin, nil
}

func (h *Host) driver(plugin string) mattermost.Handler {
	if h.Driver == nil {
		return nil
	}
	return h.Driver(plugin)
}

func (h *Host) noteLaunch(pid int) {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	h.launched = append(h.launched, pid)
}

// Launched returns the process ids of all plugins that ever got through the handshake, those whose start hangs included.
func (h *Host) Launched() []int {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return append([]int(nil), h.launched...)
}

func merged(defaults, saved map[string]any) map[string]any {
	for key, value := range saved {
		defaults[key] = value
	}
	return defaults
}

// Stop deactivates a plugin.
func (h *Host) Stop(plugin *Plugin) error {
	h.Memory.RemovePlugin(plugin.ID())
	h.mutex.Lock()
	for i, running := range h.plugins {
		if running == plugin {
			h.plugins = append(h.plugins[:i:i], h.plugins[i+1:]...)
			break
		}
	}
	h.mutex.Unlock()
	err := plugin.Deactivate()
	if closer, ok := plugin.options.Driver.(io.Closer); ok {
		if failure := closer.Close(); failure != nil {
			plugin.logStream("the database connections that the plugin left could not be closed", "OnDeactivate", failure)
		}
	}
	if errors.Is(err, ErrNotImplemented) {
		return nil
	}
	return err
}

// StopAll deactivates all plugins at once.
func (h *Host) StopAll() {
	h.mutex.Lock()
	plugins := append([]*Plugin(nil), h.plugins...)
	h.mutex.Unlock()
	var stopping sync.WaitGroup
	for _, plugin := range plugins {
		stopping.Go(func() { _ = h.Stop(plugin) })
	}
	stopping.Wait()
}

// CheckHealth does what the server does every 30 s: a plugin that does not answer is stopped and started again. The third
// failure in 60 minutes is the last; that part is left to the caller.
func (h *Host) CheckHealth(plugin *Plugin) (*Plugin, error) {
	if plugin.HealthCheck() == nil {
		return plugin, nil
	}
	_ = h.Stop(plugin)
	return h.Start(plugin.Dir)
}

// Plugins returns the active plugins.
func (h *Host) Plugins() []*Plugin {
	h.mutex.Lock()
	defer h.mutex.Unlock()
	return append([]*Plugin(nil), h.plugins...)
}

// Plugin returns the active plugin with this id, or nil.
func (h *Host) Plugin(id string) *Plugin {
	for _, plugin := range h.Plugins() {
		if plugin.ID() == id {
			return plugin
		}
	}
	return nil
}

// NewRequestID returns an id in the form of Mattermost's: 26 letters and digits.
func (h *Host) NewRequestID() string { return fmt.Sprintf("request%019d", h.requests.Add(1)) }
