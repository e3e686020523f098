package scenario

import (
	"fmt"
	"os"
	"regexp"
	"syscall"
	"time"

	"mattermost-plugin/refhost/procs"
)

type startStep struct {
	common
	Dir string `json:"dir"`
	As  string `json:"as"`
	// ExpectActivationError is a pattern; the start must fail, within Within, and the error or a log line must match.
	ExpectActivationError string         `json:"expect_activation_error"`
	Config                map[string]any `json:"config"`
}

type plainStep struct{ common }

type expectErrorStep struct {
	common
	ExpectError string `json:"expect_error"`
}

type killStep struct {
	common
	// Target is plugin, worker (the first descendant), tree, or host.
	Target string `json:"target"`
	Signal string `json:"signal"`
}

type processesStep struct {
	common
	Count *int   `json:"count"`
	Match string `json:"match"`
}

type memoryStep struct {
	common
	MaxKB uint64 `json:"max_kb"`
}

type waitStep struct {
	common
	For string `json:"for"`
}

func init() {
	on("start", runStart)
	on("stop", runStop)
	on("ping", runPing)
	on("health", runHealth)
	on("kill", runKill)
	on("freeze", runFreeze)
	on("thaw", func(r *runner, c common, _ *plainStep) (any, error) { return r.signal(c, "tree", "CONT") })
	on("processes", runProcesses)
	on("survivors", runSurvivors)
	on("memory", runMemory)
	on("wait", runWait)
}

func runStart(r *runner, c common, wanted *startStep) (any, error) {
	from := r.host.Log.Len()
	if wanted.Config != nil {
		id, err := manifestID(wanted.Dir)
		if err != nil {
			return nil, err
		}
		r.host.Memory.SetConfig(id, wanted.Config)
	}
	begin := time.Now()
	plugin, err := r.host.Start(wanted.Dir)
	took := time.Since(begin)
	if wanted.ExpectActivationError != "" {
		return r.checkFailedStart(c, wanted, from, took, err)
	}
	if err != nil {
		return nil, err
	}
	if took > c.limit(defaultLimit) {
		return nil, fmt.Errorf("the start took %s", took)
	}
	name := wanted.As
	if name == "" {
		name = plugin.ID()
	}
	r.plugins[name], r.last = plugin, name
	return map[string]any{"implemented": plugin.ImplementedNames(), "processes": r.remember(plugin), "active_ms": plugin.ActivateTime.Milliseconds()}, nil
}

func (r *runner) checkFailedStart(c common, wanted *startStep, from int, took time.Duration, err error) (any, error) {
	if err == nil {
		return nil, fmt.Errorf("the plugin was activated, but should have failed with %q", wanted.ExpectActivationError)
	}
	pattern, bad := regexp.Compile(wanted.ExpectActivationError)
	if bad != nil {
		return nil, bad
	}
	if took > c.limit(defaultLimit) {
		return nil, fmt.Errorf("the start failed, but only after %s", took)
	}
	if pattern.MatchString(err.Error()) {
		return err.Error(), nil
	}
	if entry, ok := r.host.Log.Await(from, pattern, 200*time.Millisecond); ok {
		return entry.String(), nil
	}
	return nil, fmt.Errorf("the start failed with another error: %w", err)
}

func runStop(r *runner, c common, _ *plainStep) (any, error) {
	plugin, err := r.plugin(c)
	if err != nil {
		return nil, err
	}
	r.remember(plugin)
	begin := time.Now()
	err = r.host.Stop(plugin)
	if took := time.Since(begin); err == nil && took > c.limit(defaultLimit) {
		err = fmt.Errorf("the stop took %s", took)
	}
	for name, running := range r.plugins {
		if running == plugin {
			delete(r.plugins, name)
		}
	}
	return nil, err
}

func runPing(r *runner, c common, wanted *expectErrorStep) (any, error) {
	plugin, err := r.plugin(c)
	if err != nil {
		return nil, err
	}
	// go-plugin's ping has no limit of its own; the server's waits until yamux gives the connection up.
	answer := make(chan error, 1)
	go func() { answer <- plugin.Ping() }()
	limit := c.limit(5 * time.Second)
	select {
	case err = <-answer:
	case <-time.After(limit):
		err = fmt.Errorf("no answer within %s", limit)
	}
	return nil, expectError(err, wanted.ExpectError)
}

// runHealth does one health check; a plugin that fails it is started again, and the step says so.
func runHealth(r *runner, c common, _ *plainStep) (any, error) {
	plugin, err := r.plugin(c)
	if err != nil {
		return nil, err
	}
	current, err := r.host.CheckHealth(plugin)
	if err != nil {
		return nil, err
	}
	for name, running := range r.plugins {
		if running == plugin {
			r.plugins[name] = current
		}
	}
	r.remember(current)
	return map[string]any{"restarted": current != plugin}, nil
}

func runKill(r *runner, c common, wanted *killStep) (any, error) {
	if wanted.Signal == "" {
		wanted.Signal = "KILL"
	}
	if wanted.Target == "host" {
		r.print(Line{Do: "kill", Note: "the host kills itself", OK: true, Value: procs.Alive(r.seen)})
		return nil, syscall.Kill(os.Getpid(), syscall.SIGKILL)
	}
	return r.signal(c, wanted.Target, wanted.Signal)
}

var signals = map[string]syscall.Signal{"KILL": syscall.SIGKILL, "TERM": syscall.SIGTERM, "STOP": syscall.SIGSTOP, "CONT": syscall.SIGCONT, "INT": syscall.SIGINT}

func kill(pid int) { _ = syscall.Kill(pid, syscall.SIGKILL) }

func (r *runner) signal(c common, target, name string) ([]procs.Process, error) {
	plugin, err := r.plugin(c)
	if err != nil {
		return nil, err
	}
	signal, ok := signals[name]
	if !ok {
		return nil, fmt.Errorf("there is no signal %q", name)
	}
	tree := r.remember(plugin)
	switch {
	case target == "plugin" && len(tree) > 0:
		tree = tree[:1]
	case target == "worker" && len(tree) > 1:
		tree = tree[1:2]
	case target == "tree":
	default:
		return nil, fmt.Errorf("the plugin has no process %q among %v", target, tree)
	}
	for _, process := range tree {
		if err := syscall.Kill(process.Pid, signal); err != nil {
			return nil, err
		}
	}
	return tree, nil
}

// runFreeze stops the plugin's processes, and returns when they stand still: kill returns as soon as the signal is pending, and a
// process that runs on another processor may answer something before it sees it.
func runFreeze(r *runner, c common, _ *plainStep) (any, error) {
	tree, err := r.signal(c, "tree", "STOP")
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(c.limit(defaultLimit))
	for _, process := range tree {
		for !procs.IsStopped(process.Pid) {
			if time.Now().After(deadline) {
				return nil, fmt.Errorf("process %d does not stop: %+v", process.Pid, process)
			}
			time.Sleep(time.Millisecond)
		}
	}
	return tree, nil
}

// runProcesses waits until the plugin's tree has the wanted number of processes (that match, if a pattern is given).
func runProcesses(r *runner, c common, wanted *processesStep) (any, error) {
	plugin, err := r.plugin(c)
	if err != nil {
		return nil, err
	}
	return poll(c, wanted, func() []procs.Process { return r.remember(plugin) })
}

// runSurvivors looks at all processes that any plugin ever had.
func runSurvivors(r *runner, c common, wanted *processesStep) (any, error) {
	return poll(c, wanted, func() []procs.Process { return procs.Alive(r.seen) })
}

func poll(c common, wanted *processesStep, list func() []procs.Process) (any, error) {
	pattern, err := regexp.Compile(wanted.Match)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(c.limit(3 * time.Second))
	for {
		var found []procs.Process
		for _, process := range list() {
			if pattern.MatchString(process.Command) {
				found = append(found, process)
			}
		}
		if wanted.Count == nil || len(found) == *wanted.Count {
			return found, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("there are %d processes instead of %d: %+v", len(found), *wanted.Count, found)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func runMemory(r *runner, c common, wanted *memoryStep) (any, error) {
	plugin, err := r.plugin(c)
	if err != nil {
		return nil, err
	}
	tree := r.remember(plugin)
	rss, _ := procs.Usage(tree)
	if wanted.MaxKB > 0 && rss > wanted.MaxKB {
		return nil, fmt.Errorf("the plugin's processes use %d kB, more than %d", rss, wanted.MaxKB)
	}
	return tree, nil
}

// runWait waits for "exit" of the plugin's process or for "api_closed", the end of its API connection.
func runWait(r *runner, c common, wanted *waitStep) (any, error) {
	plugin, err := r.plugin(c)
	if err != nil {
		return nil, err
	}
	limit := c.limit(5 * time.Second)
	switch wanted.For {
	case "api_closed":
		select {
		case <-plugin.APIClosed:
			return nil, nil
		case <-time.After(limit):
			return nil, fmt.Errorf("the API connection is still open after %s", limit)
		}
	case "exit":
		for deadline := time.Now().Add(limit); !plugin.Exited(); time.Sleep(5 * time.Millisecond) {
			if time.Now().After(deadline) {
				return nil, fmt.Errorf("the plugin still runs after %s", limit)
			}
		}
		return nil, nil
	}
	return nil, fmt.Errorf("a step can wait for exit or api_closed, not for %q", wanted.For)
}
