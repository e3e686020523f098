package scenario

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/invoke"
	"mattermost-plugin/refhost/mask"
	"mattermost-plugin/refhost/procs"
)

// defaultLimit ends a step that hangs.
const defaultLimit = 15 * time.Second

// common are the keys that every step may have.
type common struct {
	Do     string   `json:"do"`
	Note   string   `json:"note"`
	Plugin string   `json:"plugin"`
	Within Duration `json:"within"`
}

func (c common) limit(otherwise time.Duration) time.Duration {
	if c.Within > 0 {
		return time.Duration(c.Within)
	}
	return otherwise
}

// step is one kind of step. A value that it returns is printed.
type step func(r *runner, raw json.RawMessage, c common) (any, error)

var steps = map[string]step{}

// Line is one line of the output.
type Line struct {
	Step  int    `json:"step"`
	Do    string `json:"do"`
	Note  string `json:"note,omitempty"`
	OK    bool   `json:"ok"`
	MS    int64  `json:"ms"`
	Value any    `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

type runner struct {
	host     *host.Host
	plugins  map[string]*host.Plugin
	last     string
	logFrom  int
	holds    map[string]chan struct{}
	pending  map[string]chan invoke.Result
	seen     []procs.Process
	out      *json.Encoder
	outMutex sync.Mutex
}

// Run runs all steps and prints a JSON line for each. It stops at the first that fails.
func Run(file *File, out io.Writer) error {
	server := host.New(file.Host.Seed)
	server.Log.CaptureStandard()
	masked, err := mask.New(file.Host.WithoutMethods, file.Host.WithoutFields, file.Host.WithFields)
	if err != nil {
		return err
	}
	server.Mask = masked
	server.AcceptDelay = time.Duration(file.Host.AcceptDelay)
	server.Environment = file.Host.Environment
	if file.Host.Version != "" {
		server.Memory.Version = file.Host.Version
	}
	r := &runner{
		host: server, plugins: map[string]*host.Plugin{}, holds: map[string]chan struct{}{},
		pending: map[string]chan invoke.Result{}, out: json.NewEncoder(out),
	}
	r.out.SetEscapeHTML(false)
	defer r.finish()
	for i, raw := range file.Steps {
		if err := r.run(i+1, raw); err != nil {
			return err
		}
	}
	return nil
}

// finish leaves no process behind, whatever state it is in.
func (r *runner) finish() {
	for _, hold := range r.holds {
		close(hold)
	}
	for _, process := range procs.Alive(r.seen) {
		kill(process.Pid)
	}
	for _, pid := range r.host.Launched() {
		// The id may belong to somebody else by now; a plugin's parent is this process.
		if process, err := procs.Read(pid); err != nil || process.Parent != os.Getpid() {
			continue
		}
		for _, process := range procs.Tree(pid) {
			kill(process.Pid)
		}
	}
	for _, plugin := range r.host.Plugins() {
		plugin.Kill()
	}
}

func (r *runner) run(number int, raw json.RawMessage) error {
	c := common{}
	if err := json.Unmarshal(raw, &c); err != nil {
		return fmt.Errorf("step %d: %w", number, err)
	}
	run, ok := steps[c.Do]
	if !ok {
		return fmt.Errorf("step %d: there is no step %q", number, c.Do)
	}
	begin := time.Now()
	value, err := r.limited(run, raw, c)
	line := Line{Step: number, Do: c.Do, Note: c.Note, OK: err == nil, MS: time.Since(begin).Milliseconds(), Value: value}
	if err != nil {
		line.Error = err.Error()
		line.Value = r.lastLines()
	}
	r.print(line)
	if err != nil {
		return fmt.Errorf("step %d (%s): %w", number, c.Do, err)
	}
	return nil
}

func (r *runner) print(line Line) {
	r.outMutex.Lock()
	defer r.outMutex.Unlock()
	if err := r.out.Encode(line); err != nil {
		line.Value = fmt.Sprint(line.Value)
		_ = r.out.Encode(line)
	}
}

// limited ends a step that does not end itself: a host in which a call hangs cannot go on.
func (r *runner) limited(run step, raw json.RawMessage, c common) (any, error) {
	type outcome struct {
		value any
		err   error
	}
	done := make(chan outcome, 1)
	go func() {
		value, err := run(r, raw, c)
		done <- outcome{value, err}
	}()
	limit := c.limit(defaultLimit) + 2*time.Second
	select {
	case result := <-done:
		return result.value, result.err
	case <-time.After(limit):
		return nil, fmt.Errorf("the step hangs: no end after %s", limit)
	}
}

func (r *runner) lastLines() []string {
	var lines []string
	for _, entry := range r.host.Log.Entries(max(0, r.host.Log.Len()-15)) {
		lines = append(lines, entry.String())
	}
	return lines
}

// plugin returns the plugin that a step names, or the one started last.
func (r *runner) plugin(c common) (*host.Plugin, error) {
	name := c.Plugin
	if name == "" {
		name = r.last
	}
	plugin, ok := r.plugins[name]
	if !ok {
		return nil, fmt.Errorf("no plugin %q is running", name)
	}
	return plugin, nil
}

// remember keeps the processes of a plugin's tree, so that survivors can be found when their parent is gone.
func (r *runner) remember(plugin *host.Plugin) []procs.Process {
	tree := procs.Tree(plugin.Pid())
	for _, process := range tree {
		known := false
		for _, seen := range r.seen {
			known = known || seen.Pid == process.Pid && seen.Started == process.Started
		}
		if !known {
			r.seen = append(r.seen, process)
		}
	}
	return tree
}

// on registers a step whose keys are those of T, which embeds common.
func on[T any](name string, run func(r *runner, c common, wanted *T) (any, error)) {
	steps[name] = func(r *runner, raw json.RawMessage, c common) (any, error) {
		wanted := new(T)
		if err := strict(raw, wanted); err != nil {
			return nil, err
		}
		return run(r, c, wanted)
	}
}
