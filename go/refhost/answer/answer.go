// Package answer decides what an API call gets: a rule that a test has set, the in-memory server, or an echo.
// Every call is recorded.
package answer

import (
	"errors"
	"reflect"
	"sync"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/fill"
	"mattermost-plugin/refhost/memapi"
)

// Call is one recorded API call with the canonical form of its arguments.
type Call struct {
	Plugin string `json:"plugin"`
	Method string `json:"method"`
	Args   []any  `json:"args"`
}

// Rule overrides the answer of one method. Exactly one of the fields below Times is used, the first that is set.
type Rule struct {
	Method string
	// Times is how many calls the rule answers; 0 means every further one.
	Times int

	RPCError    string          // the RPC itself fails with this text
	Error       error           // the method's error result
	Unencodable bool            // the reply holds what gob cannot encode: net/rpc closes the connection
	Delay       time.Duration   // the call is answered as usual, but late
	Hold        <-chan struct{} // the call is answered as usual when the channel is closed
	Returns     any             // pointer to the reply struct
}

// Desk answers the API calls of all plugins of a host.
type Desk struct {
	Memory *memapi.Server
	Seed   uint64
	// Record may be switched off where millions of calls are made.
	Record bool
	// Observe, if it is set, sees every call before it is answered. Calls of one plugin come at the same time.
	Observe func(plugin, method string, args any)

	mutex sync.Mutex
	calls []Call
	rules []*Rule
}

// New returns a desk that records.
func New(memory *memapi.Server, seed uint64) *Desk {
	return &Desk{Memory: memory, Seed: seed, Record: true}
}

// Set adds a rule; later rules come first.
func (d *Desk) Set(rule Rule) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.rules = append(d.rules, &rule)
}

// ClearRules removes all rules.
func (d *Desk) ClearRules() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.rules = nil
}

// Calls returns the recorded calls of a method, or of all if method is empty.
func (d *Desk) Calls(method string) []Call {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	var found []Call
	for _, call := range d.calls {
		if method == "" || call.Method == method {
			found = append(found, call)
		}
	}
	return found
}

// ClearCalls forgets the recorded calls.
func (d *Desk) ClearCalls() {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.calls = nil
}

// ForPlugin returns the handler of one plugin's API calls.
func (d *Desk) ForPlugin(plugin, dir string) mattermost.Handler {
	return &handler{desk: d, plugin: plugin, memory: d.Memory.ForPlugin(plugin, dir)}
}

// ErrStreams is returned for a method with a stream, which only the host can answer: the stream is one of the plugin's
// connection.
var ErrStreams = errors.New("this host serves no streams")

type handler struct {
	desk   *Desk
	plugin string
	memory mattermost.Handler
}

// Serve implements mattermost.Handler.
func (h *handler) Serve(spec *mattermost.MethodSpec, args, returns any) error {
	if h.desk.Observe != nil {
		h.desk.Observe(h.plugin, spec.Name, args)
	}
	rule := h.desk.take(h.plugin, spec, args)
	if rule != nil {
		if rule.Hold != nil {
			<-rule.Hold
		}
		time.Sleep(rule.Delay)
		if done, err := rule.apply(spec, returns); done {
			return err
		}
	}
	err := h.memory.Serve(spec, args, returns)
	if errors.Is(err, memapi.ErrUnknown) {
		if spec.Streams {
			return ErrStreams
		}
		Echo(h.desk.Seed, spec, returns)
		return nil
	}
	return err
}

// take records the call and returns the rule that answers it.
func (d *Desk) take(plugin string, spec *mattermost.MethodSpec, args any) *Rule {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	if d.Record {
		d.calls = append(d.calls, Call{Plugin: plugin, Method: spec.Name, Args: arguments(spec, args)})
	}
	for i := len(d.rules) - 1; i >= 0; i-- {
		rule := d.rules[i]
		if rule.Method != spec.Name {
			continue
		}
		if rule.Times > 0 {
			rule.Times--
			if rule.Times == 0 {
				d.rules = append(d.rules[:i:i], d.rules[i+1:]...)
			}
		}
		taken := *rule
		return &taken
	}
	return nil
}

func arguments(spec *mattermost.MethodSpec, args any) []any {
	list := make([]any, len(spec.Params))
	for i, slot := range spec.Params {
		tree, err := canon.Tree(reflect.ValueOf(args).Elem().FieldByName(slot.Field))
		if err != nil {
			tree = err.Error()
		}
		list[i] = tree
	}
	return list
}

func (r *Rule) apply(spec *mattermost.MethodSpec, returns any) (bool, error) {
	target := reflect.ValueOf(returns).Elem()
	switch {
	case r.RPCError != "":
		return true, errors.New(r.RPCError)
	case r.Error != nil:
		SetError(spec, returns, r.Error)
		return true, nil
	case r.Unencodable:
		return true, makeUnencodable(target)
	case r.Returns != nil:
		target.Set(reflect.ValueOf(r.Returns).Elem())
		return true, nil
	}
	return false, nil
}

// SetError stores an error in the method's error result. A plain error for a result of type *AppError becomes one.
func SetError(spec *mattermost.MethodSpec, returns any, failure error) {
	field := reflect.ValueOf(returns).Elem().FieldByName(spec.Error)
	if !field.IsValid() {
		return
	}
	if reflect.TypeOf(failure).AssignableTo(field.Type()) {
		field.Set(reflect.ValueOf(failure))
		return
	}
	field.Set(reflect.ValueOf(&mattermost.AppError{Id: failure.Error(), Message: failure.Error(), Where: spec.Name, StatusCode: 500}))
}

// Echo answers with seeded values and without an error.
func Echo(seed uint64, spec *mattermost.MethodSpec, returns any) {
	fill.New(seed, spec.Name, false).Struct(returns, spec.Error)
}
