package host

import (
	"errors"
	"fmt"
	"reflect"
	"sync"
	"time"

	"mattermost-plugin/mattermost"
)

// ErrNotImplemented is returned for a hook that the plugin did not name; the server would not have called it.
var ErrNotImplemented = errors.New("the plugin does not implement this hook")

// Call calls a hook as the server does and returns the reply struct. On an error the reply is what the server goes on with.
func (p *Plugin) Call(hook string, args any) (any, error) {
	returns, _, err := p.CallWire(hook, args)
	return returns, err
}

// CallWire is Call; it also returns the reply struct in the form that it had on the wire, with the fields that only the mask has.
func (p *Plugin) CallWire(hook string, args any) (returns, wire any, err error) {
	spec := mattermost.HookByName(hook)
	if spec == nil {
		return nil, nil, fmt.Errorf("there is no hook %s", hook)
	}
	returns = spec.NewReturns()
	if spec.Echo != nil && spec.Echo.Mode == mattermost.Prefilled {
		giveBack(spec, args, returns)
	}
	if !p.Implements(hook) {
		return unanswered(spec, args, returns), nil, ErrNotImplemented
	}
	wire, err = p.call(hook, args, returns)
	if err != nil {
		p.logCallFailure(hook, err)
		return unanswered(spec, args, returns), nil, err
	}
	return returns, wire, nil
}

// giveBack puts the argument into the reply. For a pre-filled reply gob merges what the plugin sends into it.
func giveBack(spec *mattermost.MethodSpec, args, returns any) {
	argument := reflect.ValueOf(args).Elem().FieldByName(spec.Params[spec.Echo.Argument].Field)
	reflect.ValueOf(returns).Elem().FieldByName(spec.Results[spec.Echo.Result].Field).Set(argument)
}

// unanswered is what the server goes on with when a hook gave no answer. An empty reply to MessageWillBeUpdated would reject
// the edit, so there the argument takes its place.
func unanswered(spec *mattermost.MethodSpec, args, returns any) any {
	if spec.Echo != nil && spec.Echo.Mode == mattermost.NilRejects {
		giveBack(spec, args, returns)
	}
	return returns
}

// CallAnyway calls a hook, implemented or not, with any arguments and any reply.
func (p *Plugin) CallAnyway(hook string, args, returns any) error {
	_, err := p.call(hook, args, returns)
	return err
}

func (p *Plugin) call(hook string, args, returns any) (wire any, err error) {
	masked := p.options.Mask.Out(returns)
	if err := p.connection.hooks.Call("Plugin."+hook, p.options.Mask.Out(args), masked); err != nil {
		return nil, err
	}
	p.options.Mask.Back(returns, masked)
	return masked, nil
}

func (p *Plugin) logCallFailure(hook string, err error) {
	p.options.Log.Add(Entry{
		Plugin: p.ID(), Source: SourceHost, Level: "error",
		Message: "RPC call " + hook + " to plugin failed.", Fields: map[string]any{"error": err.Error()},
	})
}

// Activate calls OnActivate. An error of the RPC itself is only logged and counts as success, as on the server.
func (p *Plugin) Activate() error {
	begin := time.Now()
	broker := p.connection.broker
	apiID := broker.NextId()
	apiDone := sync.OnceFunc(func() { close(p.APIClosed) })
	p.connection.serving.Go(func() {
		time.Sleep(p.options.AcceptDelay)
		p.serve(apiID, newAPIService(p))
		apiDone()
	})
	driverID := broker.NextId()
	p.connection.serving.Go(func() {
		p.serve(driverID, &mattermost.DriverServer{Handler: &driverAPI{plugin: p, inner: p.options.Driver}})
	})
	returns := &mattermost.OnActivateReturns{}
	args := &mattermost.OnActivateArgs{APIMuxId: apiID, DriverMuxId: driverID}
	if err := p.connection.hooks.Call("Plugin.OnActivate", args, returns); err != nil {
		p.options.Log.Add(Entry{
			Plugin: p.ID(), Source: SourceHost, Level: "error",
			Message: "RPC call to OnActivate plugin failed.", Fields: map[string]any{"error": err.Error()},
		})
	}
	p.ActivateTime = p.StartTime + time.Since(begin)
	return returns.A
}
