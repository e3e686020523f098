package soak

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/procs"
)

const second = time.Second

// faulty are the texts of what is wrong.
func faulty(l *ledger) string {
	var texts []string
	for _, fault := range l.faults {
		texts = append(texts, fault.text)
	}
	return strings.Join(texts, "; ")
}

func newSession() *session {
	return &session{ledger: newLedger(), user: &mattermost.User{Id: "alice"}, options: Options{Duration: 100 * second}}
}

func TestPostsAreAsSentOrAsThePluginMakesThem(t *testing.T) {
	s := newSession()
	for number := 1; number <= 2*longEvery; number++ {
		sent := s.newPost("7", number)
		asSent := *sent
		asSent.Id, asSent.CreateAt = "id", 1
		if outcome, err := s.compare(&asSent, sent); err != nil || outcome != fallback {
			t.Fatalf("as sent: %v %v", outcome, err)
		}
		made := changed(sent, "123")
		if outcome, err := s.compare(made, sent); err != nil || outcome != served {
			t.Fatalf("as made: %v %v", outcome, err)
		}
		made.Props = maps.Clone(made.Props)
		made.Props["extra"] = "x"
		if _, err := s.compare(made, sent); err == nil || !strings.Contains(err.Error(), "Props is") {
			t.Fatalf("with one property more: %v", err)
		}
		half := *sent
		half.Message = changed(sent, "123").Message
		if _, err := s.compare(&half, sent); err == nil {
			t.Fatal("a post that is half changed passes")
		}
	}
	if _, known := s.ledger.workers[123]; !known {
		t.Error("the worker that answered is not known")
	}
}

func TestEventsRunOnceUnlessAKillHitThem(t *testing.T) {
	kills := []*kill{{at: 10 * second, back: 12 * second, victims: make([]procs.Worker, 1), all: true}}
	for name, test := range map[string]struct {
		told  time.Duration
		times int
		sum   string
		fault string
	}{
		"ran once":                       {5 * second, 1, "a", ""},
		"ran twice":                      {5 * second, 2, "a", "more than once"},
		"another post":                   {5 * second, 1, "b", "another post"},
		"was running":                    {9800 * time.Millisecond, 0, "", ""},
		"lost without a kill":            {5 * second, 0, "", "no kill can have hit"},
		"lost while there was no worker": {11 * second, 0, "", "no kill can have hit"},
	} {
		l := newLedger()
		l.events.posted[1] = posted{test.told, "a"}
		if test.times > 0 {
			l.events.seen[1] = seen{test.times, test.sum}
		}
		l.judgeEvents(kills)
		if got := faulty(l); test.fault == "" && got != "" || !strings.Contains(got, test.fault) {
			t.Errorf("%s: %q", name, got)
		}
	}
	l := newLedger()
	for number := range handlersAtOnce + 1 {
		l.events.posted[number] = posted{9900 * time.Millisecond, ""}
	}
	if count := l.judgeEvents(kills); count.Lost != handlersAtOnce+1 || !strings.Contains(faulty(l), "more events were lost") {
		t.Errorf("%+v: %s", count, faulty(l))
	}
}

func TestOnlyKillsExcuseCalls(t *testing.T) {
	kills := []*kill{{at: 10 * second, back: 12 * second}}
	whole := func(kind kind) call { return call{kind, served, second, 2 * second} }
	calls := []call{whole(posts), whole(commands), whole(downloads), whole(uploads), whole(lines), whole(talks)}
	for name, test := range map[string]struct {
		call  call
		fault string
	}{
		"503 while there is no worker":     {call{downloads, refused, 11 * second, 11 * second}, ""},
		"503 afterwards":                   {call{downloads, refused, 13 * second, 13 * second}, "HTTP download was not served"},
		"broken off by the kill":           {call{talks, broken, 9 * second, 10 * second}, ""},
		"broken off before":                {call{talks, broken, 8 * second, 9 * second}, "WebSocket was not served"},
		"the default for every other hook": {call{posts, fallback, 11 * second, 11 * second}, "too many hooks"},
	} {
		s := newSession()
		s.judgeCalls(append(calls[:len(calls):len(calls)], test.call), kills)
		if got := faulty(s.ledger); test.fault == "" && got != "" || !strings.Contains(got, test.fault) {
			t.Errorf("%s: %q", name, got)
		}
	}
	for name, test := range map[string]struct {
		kill  kill
		begin time.Duration
		fault string
	}{
		"before the bridge has noticed":           {kill{covered: true, noticed: 10100 * time.Millisecond}, 10050 * time.Millisecond, ""},
		"afterwards, while another worker serves": {kill{covered: true, noticed: 10100 * time.Millisecond}, 10150 * time.Millisecond, "not served although no kill can have hit it"},
		"afterwards, while no worker serves":      {kill{noticed: 10100 * time.Millisecond}, 11 * second, ""},
		"when it is not known to have noticed":    {kill{covered: true}, 11 * second, ""},
	} {
		s := newSession()
		test.kill.at, test.kill.back = 10*second, 12*second
		s.judgeCalls(append(calls[:len(calls):len(calls)], call{downloads, refused, test.begin, 11 * second}), []*kill{&test.kill})
		if got := faulty(s.ledger); test.fault == "" && got != "" || !strings.Contains(got, test.fault) {
			t.Errorf("%s: %q", name, got)
		}
	}
	s := newSession()
	s.judgeCalls(calls[1:], nil)
	if !strings.Contains(faulty(s.ledger), "nothing of a kind was served") {
		t.Error("a kind may be missing")
	}
}

func TestABridgeThatGrowsIsNoticed(t *testing.T) {
	sampled := func(change func(number int, taken *sample)) string {
		s := newSession()
		s.wanted = Standing{Guards: 2, Workers: 2}
		var samples []sample
		for number := range 100 {
			taken := sample{at: time.Duration(number) * second, memory: 5000, guardMemory: 6000, files: 20, threads: 1, temporary: 2, guards: 2, workers: 2}
			change(number, &taken)
			samples = append(samples, taken)
		}
		s.judgeSamples(samples, []*kill{{at: 50 * second, back: 52 * second}})
		return faulty(s.ledger)
	}
	for name, change := range map[string]func(number int, taken *sample){
		"":                             func(number int, taken *sample) { taken.memory += uint64(number) },
		"memory":                       func(number int, taken *sample) { taken.memory += uint64(40 * number) },
		"files":                        func(number int, taken *sample) { taken.files += number / 3 },
		"threads":                      func(number int, taken *sample) { taken.threads += number / 50 },
		"temporary files":              func(number int, taken *sample) { taken.temporary += number / 50 },
		"in its guards":                func(number int, taken *sample) { taken.guardMemory += uint64(40 * number) },
		"guards under":                 func(number int, taken *sample) { taken.guards += number / 50 },
		"number of workers under load": func(number int, taken *sample) { taken.workers -= number / 50 },
	} {
		if got := sampled(change); name == "" && got != "" || !strings.Contains(got, name) {
			t.Errorf("%s: %q", name, got)
		}
	}
}

func TestNoWorkerIsKilledSoOftenThatItIsGivenUp(t *testing.T) {
	for workers, wantTogether := range map[int]bool{1: false, 2: true, 3: true} {
		var present []procs.Worker
		for index := range workers {
			present = append(present, procs.Worker{Process: procs.Process{Pid: index}, Index: string(rune('0' + index))})
		}
		k := newKiller(newSession())
		struck, all := 0, 0
		for now := time.Duration(0); now < 10*time.Minute; now += 10 * second {
			victims := k.choose(present, now)
			struck += min(1, len(victims))
			if len(victims) > 1 {
				all++
			}
		}
		for index, times := range k.history {
			for i := mostKills; i < len(times); i++ {
				if times[i]-times[i-mostKills] <= 60*second {
					t.Errorf("worker %s of %d is killed %d times in a minute", index, workers, mostKills+1)
				}
			}
		}
		if wantTogether && (all < 5 || struck != 60) || !wantTogether && struck < 35 {
			t.Errorf("%d workers: %d kills, %d of all", workers, struck, all)
		}
	}
}

func TestAnswersByHTTP(t *testing.T) {
	answers := map[string]http.HandlerFunc{
		"right": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("right")) },
		"wrong": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("wrong")) },
		"short": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("rig")) },
		"500":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) },
		"later": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(http.StatusServiceUnavailable)
		},
		"when": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusServiceUnavailable) },
		"cut": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "5")
			_, _ = w.Write([]byte("rig"))
		},
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { answers[r.URL.Path[1:]](w, r) }))
	defer server.Close()
	s := newSession()
	s.base, s.client = server.URL, server.Client()
	for path, want := range map[string]outcome{"right": served, "later": refused, "cut": broken} {
		if got, err := s.request(http.MethodGet, "/"+path, nil, []byte("right")); err != nil || got != want {
			t.Errorf("%s: %v %v", path, got, err)
		}
	}
	for _, path := range []string{"wrong", "short", "500", "when"} {
		if got, err := s.request(http.MethodGet, "/"+path, nil, []byte("right")); err == nil {
			t.Errorf("%s: %v", path, got)
		}
	}
}

func TestProcessorTimeIsThatOfTheWholeTree(t *testing.T) {
	before := measure(os.Getpid())
	// A child that has ended is gone from the tree; its time is not.
	if err := exec.Command("sh", "-c", "i=0; while [ $i -lt 300000 ]; do i=$((i+1)); done").Run(); err != nil {
		t.Fatal(err)
	}
	if after := measure(os.Getpid()); after.others-before.others < 3*clockTick {
		t.Errorf("%v, then %v", before, after)
	}
}
