package conform

import (
	"fmt"
	"io"
	"os"
	"path/filepath"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
)

// Options of a conformance run.
type Options struct {
	PluginDir string
	Seed      uint64
	// Styles of API calls; sync and async if empty.
	Styles []string
	Out    io.Writer
}

// Report counts what was compared.
type Report struct {
	Methods, Hooks     int
	APICases, HookDone int
	Problems           []string

	inPlugin, inHost *coverage
}

// Run starts the plugin, runs all cases and stops it.
func Run(options Options) (*Report, error) {
	dir, err := os.MkdirTemp("", "conformance")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	manifest, err := host.ReadManifest(options.PluginDir)
	if err != nil {
		return nil, err
	}
	server := host.New(options.Seed)
	server.Memory.SetConfig(manifest.ID, map[string]any{"conformance_dir": dir})
	tells := &teller{next: server.Desk.ForPlugin(manifest.ID, options.PluginDir)}
	plugin, err := host.Start(options.PluginDir, host.Options{Log: server.Log, API: tells})
	if err != nil {
		return nil, withLog(err, server.Log)
	}
	defer func() { _ = plugin.Deactivate() }()
	if err := plugin.Activate(); err != nil {
		return nil, withLog(err, server.Log)
	}
	report := &Report{inPlugin: newCoverage("the plugin"), inHost: newCoverage("the host")}
	if len(options.Styles) == 0 {
		options.Styles = []string{"sync", "async"}
	}
	for _, style := range options.Styles {
		if err := report.api(plugin, tells, dir, options.Seed, style); err != nil {
			return report, withLog(err, server.Log)
		}
	}
	if err := report.hooks(plugin, dir, options.Seed); err != nil {
		return report, withLog(err, server.Log)
	}
	report.Problems = append(report.Problems, report.inPlugin.missing()...)
	report.Problems = append(report.Problems, report.inHost.missing()...)
	report.print(options.Out)
	return report, nil
}

func (r *Report) api(plugin *host.Plugin, tells *teller, dir string, seed uint64, style string) error {
	cases := apiCases(seed, style)
	path := filepath.Join(dir, style+".jsonl")
	if err := writePlan(path, cases); err != nil {
		return err
	}
	tells.expect(cases)
	args := &mattermost.ExecuteCommandArgs{
		A: &mattermost.Context{},
		B: &mattermost.CommandArgs{Command: "/conformance " + style + " " + path},
	}
	reply, err := plugin.Call("ExecuteCommand", args)
	if err != nil {
		return err
	}
	if answer := reply.(*mattermost.ExecuteCommandReturns).A; answer == nil || answer.Text != "done" {
		return fmt.Errorf("the plugin did not run the plan %s: %+v", path, answer)
	}
	if err := checkResults(path+".out", cases); err != nil {
		return err
	}
	methods := map[string]bool{}
	for _, c := range cases {
		methods[c.spec.Name] = true
		c.cover(r)
		r.Problems = append(r.Problems, c.problems...)
	}
	r.Methods = len(methods)
	r.APICases += len(cases)
	return nil
}

func (r *Report) hooks(plugin *host.Plugin, dir string, seed uint64) error {
	names := map[string]bool{}
	for _, c := range hookCases(seed) {
		if err := c.run(plugin, dir); err != nil {
			return fmt.Errorf("%s: %w", c, err)
		}
		names[c.spec.Name] = true
		c.cover(r)
		r.HookDone++
		r.Problems = append(r.Problems, c.problems...)
	}
	r.Hooks = len(names)
	return nil
}

// print shows the first problems and the counts.
func (r *Report) print(out io.Writer) {
	const shown = 50
	for i, problem := range r.Problems {
		if i == shown {
			fmt.Fprintf(out, "... and %d more\n", len(r.Problems)-shown)
			break
		}
		fmt.Fprintln(out, problem)
	}
	fmt.Fprintln(out, r.inPlugin)
	fmt.Fprintln(out, r.inHost)
	fmt.Fprintf(out, "%d API methods in %d calls, %d hooks in %d calls, %d differences\n",
		r.Methods, r.APICases, r.Hooks, r.HookDone, len(r.Problems))
}

// withLog adds the last log lines to an error, because they say what the plugin had to say.
func withLog(err error, log *host.Log) error {
	entries := log.Entries(max(0, log.Len()-20))
	text := ""
	for _, entry := range entries {
		text += "\n    " + entry.String()
	}
	return fmt.Errorf("%w\n  the log ends with:%s", err, text)
}
