package conform

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/canon"
)

// A hook without a result is acknowledged to the server before or after its handler has run, as the plugin likes. What its handler
// does must therefore be awaited.

// variantMany: many events from one caller, each with a number of its own.
const variantMany = "many"

// manyEvents is how many.
const manyEvents = 200

// handlerPatience is how long a handler may take to do what it was told, after the call has returned.
const handlerPatience = 15 * time.Second

// isEvent says whether nobody waits for the hook's handler.
func isEvent(spec *mattermost.MethodSpec) bool {
	return len(spec.Results) == 0 && spec.Error == "" && !spec.Streams
}

// await asks again and again until there is an answer; it says whether there was one in time.
func await(limit time.Duration, answered func() bool) bool {
	for deadline := time.Now().Add(limit); !answered(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

// event is one of many: its number, counted in its lane.
type event struct {
	lane   string
	number int
}

// eventCase sends many events, of which each must be handled once.
type eventCase struct {
	record
	spec *mattermost.MethodSpec
	// lanes are told apart by what the events are about; the events of a lane must be handled in the order in which they were sent.
	// Without lanes any order will do: a plugin may handle several events at once.
	lanes []string
	args  func(event) any
	of    func(args any) (lane, number string)
}

func eventCases() []*eventCase {
	context := &mattermost.Context{SessionId: "session", RequestId: "request", IPAddress: "127.0.0.1"}
	return []*eventCase{
		newEventCase("MessageHasBeenPosted", nil,
			func(e event) any {
				return &mattermost.MessageHasBeenPostedArgs{A: context, B: &mattermost.Post{Id: strconv.Itoa(e.number)}}
			},
			func(args any) (string, string) { return "", args.(*mattermost.MessageHasBeenPostedArgs).B.Id }),
		newEventCase("WebSocketMessageHasBeenPosted", []string{"connection a", "connection b", "connection c", "connection d"},
			func(e event) any {
				request := &mattermost.WebSocketRequest{Action: strconv.Itoa(e.number)}
				return &mattermost.WebSocketMessageHasBeenPostedArgs{A: e.lane, B: "user", C: request}
			},
			func(args any) (string, string) {
				got := args.(*mattermost.WebSocketMessageHasBeenPostedArgs)
				return got.A, got.C.Action
			}),
	}
}

func newEventCase(hook string, lanes []string, args func(event) any, of func(any) (string, string)) *eventCase {
	return &eventCase{
		record: record{name: fmt.Sprintf("hooks/%s/%s", hook, variantMany)},
		spec:   mattermost.HookByName(hook), lanes: lanes, args: args, of: of,
	}
}

// sent are the events in their order; those of the lanes come by turns.
func (c *eventCase) sent() []event {
	lanes := c.lanes
	if len(lanes) == 0 {
		lanes = []string{""}
	}
	var events []event
	for i := range manyEvents {
		events = append(events, event{lanes[i%len(lanes)], i / len(lanes)})
	}
	return events
}

func (c *eventCase) cover(*Report) {}

func (c *eventCase) run(s *session) error {
	if err := s.forgetNotes(); err != nil {
		return err
	}
	if err := s.tell(c.spec.Name, map[string]any{"answer": "note"}); err != nil {
		return err
	}
	for _, e := range c.sent() {
		if _, err := s.plugin.Call(c.spec.Name, c.args(e)); err != nil {
			c.problemf("event %d: %v", e.number, err)
			return nil
		}
	}
	var notes []hookOutput
	var err error
	complete := await(handlerPatience, func() bool {
		notes, err = s.notes()
		return err != nil || len(notes) >= manyEvents
	})
	if err != nil {
		return err
	}
	if !complete {
		c.problemf("%d of %d events were handled within %s", len(notes), manyEvents, handlerPatience)
	}
	c.check(s.number, notes)
	return nil
}

// check compares what the handlers noted with what was sent.
func (c *eventCase) check(number int, notes []hookOutput) {
	handled := map[string][]int{}
	for _, note := range notes {
		e, err := c.parse(number, note)
		if err != nil {
			c.problemf("a note of the plugin: %v", err)
			return
		}
		handled[e.lane] = append(handled[e.lane], e.number)
	}
	wanted := map[string][]int{}
	for _, e := range c.sent() {
		wanted[e.lane] = append(wanted[e.lane], e.number)
	}
	for lane, numbers := range wanted {
		got := handled[lane]
		if len(c.lanes) == 0 {
			got = slices.Sorted(slices.Values(got))
		}
		if !slices.Equal(numbers, got) {
			c.problemf("the events %swere handled as %v", laneText(lane), got)
		}
		delete(handled, lane)
	}
	for lane, got := range handled {
		c.problemf("events %swere handled that nobody sent: %v", laneText(lane), got)
	}
}

func laneText(lane string) string {
	if lane == "" {
		return ""
	}
	return fmt.Sprintf("of %q ", lane)
}

func (c *eventCase) parse(number int, note hookOutput) (event, error) {
	if note.Case != number || len(note.Args) != len(c.spec.Params) {
		return event{}, fmt.Errorf("case %d with %d arguments", note.Case, len(note.Args))
	}
	args := c.spec.NewArgs()
	if err := decodeInto(args, c.spec.Params, note.Args); err != nil {
		return event{}, err
	}
	for _, slot := range c.spec.Params {
		if value := canon.SlotValue(args, slot); value.Kind() == reflect.Pointer && value.IsNil() {
			return event{}, fmt.Errorf("no %s", slot.Name)
		}
	}
	lane, text := c.of(args)
	count, err := strconv.Atoi(text)
	return event{lane, count}, err
}

// hookNotes is what handlers append to, a line for each call.
const hookNotes = "hook.notes"

func (s *session) forgetNotes() error {
	if err := os.Remove(filepath.Join(s.dir, hookNotes)); err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// notes are the whole lines so far.
func (s *session) notes() ([]hookOutput, error) {
	data, err := os.ReadFile(filepath.Join(s.dir, hookNotes))
	if err != nil && !os.IsNotExist(err) {
		return nil, err
	}
	var notes []hookOutput
	lines := bytes.SplitAfter(data, []byte("\n"))
	for _, line := range lines[:len(lines)-1] {
		note := hookOutput{}
		if err := json.Unmarshal(line, &note); err != nil {
			return nil, fmt.Errorf("%s: %w: %s", hookNotes, err, line)
		}
		notes = append(notes, note)
	}
	return notes, nil
}
