package soak

import (
	"strings"
	"testing"
	"time"

	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/procs"
)

func TestTheLogSaysWhenAKillWasNoticed(t *testing.T) {
	l := newLedger()
	line := func(after time.Duration, worker, state string) host.Entry {
		return host.Entry{At: l.start.Add(after), Level: "error", Message: "it ended", Fields: map[string]any{"worker": worker, "state": state}}
	}
	entries := []host.Entry{
		line(9*second, "0", "restarting"), line(10100*time.Millisecond, "1", "restarting"),
		line(10150*time.Millisecond, "0", "ready"), line(10200*time.Millisecond, "0", "restarting"),
		line(30*second, "0", "restarting"),
	}
	zero, one := procs.Worker{Index: "0"}, procs.Worker{Index: "1"}
	first := &kill{at: 10 * second, victims: []procs.Worker{zero}}
	both := &kill{at: 10 * second, victims: []procs.Worker{zero, one}}
	unsaid := &kill{at: 20 * second, back: 21 * second, victims: []procs.Worker{zero, one}}
	l.readNotices([]*kill{first, both}, entries)
	if first.noticed != 10200*time.Millisecond || both.noticed != 10200*time.Millisecond || faulty(l) != "" {
		t.Errorf("%s, %s, %q", first.noticed, both.noticed, faulty(l))
	}
	l.readNotices([]*kill{unsaid}, entries)
	if unsaid.noticed != 0 || !strings.Contains(faulty(l), "does not say that a killed worker has ended") {
		t.Errorf("%s, %q", unsaid.noticed, faulty(l))
	}
}

func TestAnotherWorkerCoversAKillIfItHasServed(t *testing.T) {
	l := newLedger()
	present := []procs.Worker{{Process: procs.Process{Pid: 1}}, {Process: procs.Process{Pid: 2}}}
	others := without(present, present[:1])
	if len(others) != 1 || others[0].Pid != 2 || l.anyServed(others) {
		t.Errorf("%+v", others)
	}
	l.answeredBy(2)
	if !l.anyServed(others) || l.anyServed(without(present, present)) {
		t.Error("a worker that has served is not known, or one that is killed covers itself")
	}
}
