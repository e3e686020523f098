package scenario

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/answer"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/host"
)

type apiStep struct {
	common
	Method      string            `json:"method"`
	Times       int               `json:"times"`
	Returns     []json.RawMessage `json:"returns"`
	Error       json.RawMessage   `json:"error"`
	RPCError    string            `json:"rpc_error"`
	Unencodable bool              `json:"unencodable"`
	Delay       Duration          `json:"delay"`
	// Hold keeps the answers back until a release step of the same name.
	Hold string `json:"hold"`
}

type releaseStep struct {
	common
	Hold string `json:"hold"`
}

type expectAPIStep struct {
	common
	Method string `json:"method"`
	Count  *int   `json:"count"`
	// Args are the first arguments, of which every mentioned part must agree; null stands for any.
	Args []json.RawMessage `json:"args"`
}

type expectLogStep struct {
	common
	Match  string `json:"match"`
	Source string `json:"source"`
	Absent bool   `json:"absent"`
	// Keep leaves the lines before the match for further steps.
	Keep bool `json:"keep"`
}

type configStep struct {
	common
	Values map[string]any `json:"values"`
}

func init() {
	on("api", runAPI)
	on("release", runRelease)
	on("clear", func(r *runner, _ common, _ *plainStep) (any, error) {
		r.host.Desk.ClearRules()
		r.host.Desk.ClearCalls()
		r.logFrom = r.host.Log.Len()
		return nil, nil
	})
	on("expect_api", runExpectAPI)
	on("expect_log", runExpectLog)
	on("config", runConfig)
}

func manifestID(dir string) (string, error) {
	manifest, err := host.ReadManifest(dir)
	if err != nil {
		return "", err
	}
	return manifest.ID, nil
}

func runAPI(r *runner, _ common, wanted *apiStep) (any, error) {
	spec := mattermost.APIByName(wanted.Method)
	if spec == nil {
		return nil, fmt.Errorf("there is no API method %s", wanted.Method)
	}
	rule := answer.Rule{
		Method: wanted.Method, Times: wanted.Times, RPCError: wanted.RPCError,
		Unencodable: wanted.Unencodable, Delay: time.Duration(wanted.Delay),
	}
	if wanted.Hold != "" {
		if r.holds[wanted.Hold] == nil {
			r.holds[wanted.Hold] = make(chan struct{})
		}
		rule.Hold = r.holds[wanted.Hold]
	}
	if wanted.Error != nil {
		tree, err := canon.Parse(wanted.Error)
		if err != nil {
			return nil, err
		}
		if rule.Error, err = canon.ParseError(tree); err != nil {
			return nil, err
		}
	}
	if wanted.Returns != nil {
		returns, err := returnsOf(spec, wanted.Returns)
		if err != nil {
			return nil, err
		}
		rule.Returns = returns
	}
	r.host.Desk.Set(rule)
	return nil, nil
}

func returnsOf(spec *mattermost.MethodSpec, list []json.RawMessage) (any, error) {
	returns := spec.NewReturns()
	for i, slot := range spec.Results {
		if i >= len(list) {
			break
		}
		field := reflect.ValueOf(returns).Elem().FieldByName(slot.Field)
		value, err := canon.Decode(list[i], field.Type())
		if err != nil {
			return nil, fmt.Errorf("result %d: %w", i, err)
		}
		field.Set(value)
	}
	return returns, nil
}

func runRelease(r *runner, _ common, wanted *releaseStep) (any, error) {
	hold, ok := r.holds[wanted.Hold]
	if !ok {
		return nil, fmt.Errorf("nothing is held as %q", wanted.Hold)
	}
	close(hold)
	delete(r.holds, wanted.Hold)
	return nil, nil
}

// runExpectAPI waits until the plugin has made the call with these arguments, as often as wanted.
func runExpectAPI(r *runner, c common, wanted *expectAPIStep) (any, error) {
	want := make([]any, len(wanted.Args))
	for i, text := range wanted.Args {
		tree, err := canon.Parse(text)
		if err != nil {
			return nil, err
		}
		want[i] = tree
	}
	deadline := time.Now().Add(c.limit(3 * time.Second))
	for {
		calls := r.host.Desk.Calls(wanted.Method)
		var found []answer.Call
		for _, call := range calls {
			fromPlugin := c.Plugin == "" || c.Plugin == call.Plugin
			if fromPlugin && agree(want, call.Args) {
				found = append(found, call)
			}
		}
		if wanted.Count == nil && len(found) > 0 || wanted.Count != nil && len(found) == *wanted.Count {
			return len(found), nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("%d of %d calls of %s match", len(found), len(calls), wanted.Method)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func agree(want, got []any) bool {
	if len(want) > len(got) {
		return false
	}
	for i, item := range want {
		if item != nil && len(canon.Subset(item, got[i])) > 0 {
			return false
		}
	}
	return true
}

// runExpectLog waits for a line; the next such step looks behind it. An absent line must not have come so far.
func runExpectLog(r *runner, c common, wanted *expectLogStep) (any, error) {
	pattern, err := regexp.Compile(wanted.Match)
	if err != nil {
		return nil, err
	}
	deadline := time.Now().Add(c.limit(3 * time.Second))
	for {
		for i, entry := range r.host.Log.Entries(r.logFrom) {
			if !matches(entry, pattern, c.Plugin, wanted.Source) {
				continue
			}
			if wanted.Absent {
				return nil, fmt.Errorf("the log has %q", entry.String())
			}
			if !wanted.Keep {
				r.logFrom += i + 1
			}
			return entry.String(), nil
		}
		if wanted.Absent {
			return nil, nil
		}
		if time.Now().After(deadline) {
			return nil, fmt.Errorf("no log line matches %q", wanted.Match)
		}
		time.Sleep(2 * time.Millisecond)
	}
}

func matches(entry host.Entry, pattern *regexp.Regexp, plugin, source string) bool {
	return (plugin == "" || plugin == entry.Plugin) && (source == "" || source == entry.Source) && pattern.MatchString(entry.String())
}

// runConfig saves settings and tells the plugin, as saving them in the System Console does.
func runConfig(r *runner, c common, wanted *configStep) (any, error) {
	plugin, err := r.plugin(c)
	if err != nil {
		return nil, err
	}
	r.host.Memory.SetConfig(plugin.ID(), wanted.Values)
	_, err = plugin.Call("OnConfigurationChange", &mattermost.OnConfigurationChangeArgs{})
	return nil, err
}
