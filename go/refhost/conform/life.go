package conform

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
	"mattermost-plugin/refhost/fill"
	"mattermost-plugin/refhost/host"
)

// lifeCase is a hook of start or stop.
type lifeCase struct {
	record
	hook string
}

// activation is the case of OnActivate; the plugin's process is one that was just launched.
func activation(s *session, variant string) (*lifeCase, error) {
	c := &lifeCase{record: record{name: "life/OnActivate/" + variant}, hook: "OnActivate"}
	failure, err := c.tell(s, variant)
	if err != nil {
		return c, err
	}
	c.checkOutcome(failure, s.plugin.Activate())
	c.checkArguments(s, mattermost.HookByName(c.hook), &struct{}{})
	return c, s.silence()
}

// deactivation is the case of OnDeactivate, the last of all. Its error is only logged by a server.
func deactivation(s *session) (*lifeCase, error) {
	c := &lifeCase{record: record{name: "life/OnDeactivate/" + variantError}, hook: "OnDeactivate"}
	failure, err := c.tell(s, variantError)
	if err != nil {
		return c, err
	}
	reply, err := s.plugin.Call("OnDeactivate", &mattermost.OnDeactivateArgs{})
	if err != nil {
		c.problemf("%v", err)
		return c, nil
	}
	c.checkOutcome(failure, reply.(*mattermost.OnDeactivateReturns).A)
	c.checkArguments(s, mattermost.HookByName(c.hook), &struct{}{})
	return c, nil
}

func (c *lifeCase) tell(s *session, variant string) (error, error) {
	if variant == variantFull {
		return nil, s.tell(c.hook, map[string]any{"answer": "returns", "returns": []any{}})
	}
	failure := &mattermost.ErrorString{Err: fill.New(s.seed, c.name, false).Value(reflect.TypeFor[string]()).String()}
	return failure, s.tell(c.hook, map[string]any{"answer": "error", "error": canon.ErrorFields(failure)})
}

// checkOutcome wants the error's text among what the host got: what else the error says is for the administrator.
func (c *lifeCase) checkOutcome(want, got error) {
	switch {
	case want == nil && got != nil:
		c.problemf("the hook failed: %v", got)
	case want != nil && got == nil:
		c.problemf("the host got no error")
	case want != nil && !strings.Contains(got.Error(), want.Error()):
		c.problemf("the host got the error %q, which does not say %q", got, want)
	}
}

// implemented is the case of Implemented: the plugin must name all hooks, and none that does not exist.
func implemented(plugin *host.Plugin) *lifeCase {
	c := &lifeCase{record: record{name: "life/Implemented/" + variantFull}, hook: "Implemented"}
	for i := range mattermost.Hooks {
		if name := mattermost.Hooks[i].Name; !plugin.Implements(name) {
			c.problemf("the plugin does not name %s", name)
		}
	}
	names := slices.Sorted(slices.Values(plugin.ImplementedNames()))
	for i, name := range names {
		if mattermost.HookByName(name) == nil {
			c.problemf("the plugin names %s, which is no hook", name)
		}
		if i > 0 && names[i-1] == name {
			c.problemf("the plugin names %s twice", name)
		}
	}
	return c
}

func (c *lifeCase) cover(report *Report) {
	if len(c.problems) == 0 {
		report.exercised[fmt.Sprintf("hook %s", c.hook)] = true
	}
}
