package conform

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
)

// Options of a conformance run.
type Options struct {
	PluginDir string
	Seed      uint64
	// Styles of API calls; sync and async if empty.
	Styles []string
	// CasesDir has the cases that are written by hand; none if empty.
	CasesDir string
	// Summary is a file for the report; none if empty.
	Summary string
	// Limit is how long the run may take until the plugin is killed; without limit if zero.
	Limit time.Duration
	Out   io.Writer
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
	skips, err := readSkips(options.PluginDir)
	if err != nil {
		return nil, err
	}
	written, err := loadWritten(options.CasesDir)
	if err != nil {
		return nil, err
	}
	if len(options.Styles) == 0 {
		options.Styles = []string{"sync", "async"}
	}
	r := &run{options: options, manifest: manifest, server: host.New(options.Seed), written: written, report: newReport(manifest.ID, options.Seed, skips)}
	r.session = &session{dir: dir, seed: options.Seed, writer: host.NewCounters(host.ResponseWriterMethods...)}
	r.server.Memory.SetConfig(manifest.ID, map[string]any{"conformance_dir": dir})
	if err := r.all(); err != nil {
		return r.report, withLog(err, r.server.Log)
	}
	r.report.finish()
	r.report.print(options.Out)
	if options.Summary != "" {
		return r.report, r.report.write(options.Summary)
	}
	return r.report, nil
}

// run is one run under way.
type run struct {
	*session
	options  Options
	manifest *host.Manifest
	server   *host.Host
	written  []written
	report   *Report
}

// hookTest is a case that calls one hook.
type hookTest interface {
	base() *record
	run(*session) error
	cover(*Report)
}

func (r *record) base() *record { return r }

func (r *run) all() error {
	if err := r.failingActivation(); err != nil {
		return err
	}
	if err := r.launch(); err != nil {
		return err
	}
	defer r.plugin.Kill()
	defer r.watch()()
	r.front = newFront(r.plugin)
	defer r.front.close()
	r.life(implemented(r.plugin), nil)
	c, err := activation(r.session, variantFull)
	if r.life(c, err); err != nil {
		return err
	}
	for _, style := range r.options.Styles {
		if err := r.style(style); err != nil {
			return err
		}
	}
	if err := r.hooks(); err != nil {
		return err
	}
	c, err = deactivation(r.session)
	r.life(c, err)
	return err
}

// launch starts the plugin's process.
func (r *run) launch() (err error) {
	r.tells = &teller{next: r.server.Desk.ForPlugin(r.manifest.ID, r.options.PluginDir)}
	r.plugin, err = host.Start(r.options.PluginDir, host.Options{
		Log: r.server.Log, API: r.tells, Driver: driverTeller{r.tells}, PluginHTTP: r.tells.answerHTTP,
		ResponseWriter: r.writer,
	})
	if err == nil {
		r.tells.open = r.plugin.Open
	}
	return err
}

// watch kills the plugin when the run takes too long: whatever waits for it fails then. The returned function ends that.
func (r *run) watch() func() {
	if r.options.Limit == 0 {
		return func() {}
	}
	plugin := r.plugin
	timer := time.AfterFunc(r.options.Limit, func() {
		fmt.Fprintf(r.options.Out, "the run hangs: after %s the plugin is killed\n", r.options.Limit)
		_ = plugin.Terminate()
	})
	return func() { timer.Stop() }
}

func (r *run) life(c *lifeCase, err error) {
	if err == nil {
		c.cover(r.report)
		r.report.add(&c.record)
	}
}

// failingActivation activates the plugin in a process of its own, where it shall fail.
func (r *run) failingActivation() error {
	if err := r.launch(); err != nil {
		return err
	}
	defer r.plugin.Kill()
	defer r.watch()()
	c, err := activation(r.session, variantError)
	r.life(c, err)
	return err
}

// style runs the plans of one style of API calls.
func (r *run) style(style string) error {
	plans := [][]*apiCase{
		apiCases(r.seed, style), apiStreamCases(r.seed, style), driverCases(r.seed, style), writtenCalls(r.written, style),
	}
	for i, cases := range plans {
		if err := r.plan(style, fmt.Sprintf("%s-%d.jsonl", style, i), cases); err != nil {
			return err
		}
	}
	return nil
}

func (r *run) plan(style, name string, all []*apiCase) error {
	var cases []*apiCase
	for _, c := range all {
		if !r.report.isSkipped(&c.record) {
			cases = append(cases, c)
		}
	}
	if len(cases) == 0 {
		return nil
	}
	path := filepath.Join(r.dir, name)
	if err := writePlan(r.dir, path, cases); err != nil {
		return err
	}
	r.tells.expect(cases)
	args := &mattermost.ExecuteCommandArgs{
		A: &mattermost.Context{},
		B: &mattermost.CommandArgs{Command: "/conformance " + style + " " + path},
	}
	reply, err := r.plugin.Call("ExecuteCommand", args)
	if err != nil {
		return err
	}
	if answer := reply.(*mattermost.ExecuteCommandReturns).A; answer == nil || answer.Text != "done" {
		return fmt.Errorf("the plugin did not run the plan %s: %+v", path, answer)
	}
	if err := checkResults(path+".out", cases); err != nil {
		return err
	}
	for _, c := range cases {
		if c.stream != nil {
			c.stream.sent.remove()
		}
		c.cover(r.report)
		r.report.add(&c.record)
	}
	return nil
}

func (r *run) hooks() error {
	var tests []hookTest
	for _, c := range hookCases(r.seed) {
		tests = append(tests, c)
	}
	for _, c := range eventCases() {
		tests = append(tests, c)
	}
	for _, c := range httpCases(r.seed) {
		tests = append(tests, c)
	}
	for _, c := range fileCases(r.seed) {
		tests = append(tests, c)
	}
	tests = append(tests, writtenHooks(r.written, r.seed)...)
	for _, c := range tests {
		if r.report.isSkipped(c.base()) {
			continue
		}
		if err := c.run(r.session); err != nil {
			return fmt.Errorf("%s: %w", c.base().name, err)
		}
		c.cover(r.report)
		r.report.add(c.base())
	}
	return r.silence()
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
