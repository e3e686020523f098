package soak

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"mattermost-plugin/mattermost"
)

// events are the MessageHasBeenPosted hooks: the server told the plugin of a post, and the plugin, by an API call, of the hook.
type events struct {
	posted map[int]posted
	seen   map[int]seen
	more   chan struct{}
}

// posted is a post that is stored.
type posted struct {
	at       time.Duration
	checksum string
}

// seen is what the plugin said of a post.
type seen struct {
	times    int
	checksum string
}

// Around a kill, an event may be lost that was handed to the worker and had not run: this long before its end is noticed, and
// this long after it was told.
const (
	unnoticed = 100 * time.Millisecond
	mayRun    = time.Second
)

// observe sees the plugin's API calls. The event's handler begins with one that says which post it is called for.
func (s *session) observe(_, method string, args any) {
	set, ok := args.(*mattermost.KVSetArgs)
	if method != "KVSet" || !ok || !strings.HasPrefix(set.A, "event-") {
		return
	}
	text, checksum, _ := strings.Cut(string(set.B), ":")
	number, err := strconv.Atoi(text)
	if err != nil {
		s.ledger.fault("an event has no number", string(set.B))
		return
	}
	s.ledger.mutex.Lock()
	defer s.ledger.mutex.Unlock()
	already := s.ledger.events.seen[number]
	s.ledger.events.seen[number] = seen{already.times + 1, checksum}
	select {
	case s.ledger.events.more <- struct{}{}:
	default:
	}
}

// stored writes down that the server told the plugin of a post.
func (l *ledger) stored(number int, checksum string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.events.posted[number] = posted{l.now(), checksum}
}

// awaitEvents waits until every event has run or nothing has happened for a while.
func (l *ledger) awaitEvents(limit time.Duration) {
	const quiet = 3 * time.Second
	for deadline := time.Now().Add(limit); time.Now().Before(deadline); {
		l.mutex.Lock()
		missing := len(l.events.posted) - len(l.events.seen)
		l.mutex.Unlock()
		if missing <= 0 {
			return
		}
		select {
		case <-l.events.more:
		case <-time.After(quiet):
			return
		}
	}
}

// judgeEvents checks that every event ran once, but for those that were running when a worker was killed.
func (l *ledger) judgeEvents(kills []*kill) EventCount {
	count := EventCount{Told: len(l.events.posted)}
	killed := 0
	for _, kill := range kills {
		killed += len(kill.victims)
	}
	count.MayBeLost = killed * handlersAtOnce
	for number, post := range l.events.posted {
		seen := l.events.seen[number]
		example := fmt.Sprintf("post %d of %s", number, post.at.Round(time.Millisecond))
		switch {
		case seen.times == 0 && ranDuringKill(post.at, kills):
			count.Lost++
		case seen.times == 0:
			count.Lost++
			l.fault("an event was lost that no kill can have hit", example+around(post.at, kills))
		case seen.times > 1:
			l.fault("an event ran more than once", example)
		case seen.checksum != post.checksum:
			l.fault("an event was told of another post than the one that was stored", example)
		default:
			count.Ran++
		}
	}
	if count.Lost > count.MayBeLost {
		l.fault("more events were lost than can have been running at the kills", fmt.Sprintf("%d, at most %d", count.Lost, count.MayBeLost))
	}
	return count
}

// around describes the kills before and after a moment.
func around(moment time.Duration, kills []*kill) string {
	text := ""
	for i, kill := range kills {
		if i+1 == len(kills) || kills[i+1].at > moment {
			text = "; kills: " + kill.String()
			if i+1 < len(kills) {
				text += ", " + kills[i+1].String()
			}
			break
		}
	}
	return text
}

// ranDuringKill says whether an event that was told at this time can have been at a worker when that was killed. One that was
// told while there was no worker waits in the queue, and is not lost.
func ranDuringKill(told time.Duration, kills []*kill) bool {
	for _, kill := range kills {
		if told > kill.at-mayRun && told < max(kill.at, kill.struck)+unnoticed {
			return true
		}
	}
	return false
}
