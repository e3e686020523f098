package soak

import (
	"fmt"
	"time"

	"mattermost-plugin/refhost/host"
)

// readNotices finds out when the bridge had noticed the kills. It has one line in the log for each worker that ends, and gives that
// worker nothing more to do from then on, so the time of the line is a bound that a machine which stands still cannot make wrong.
func (l *ledger) readNotices(kills []*kill, entries []host.Entry) {
	for _, kill := range kills {
		for _, victim := range kill.victims {
			at, found := l.noticeOf(victim.Index, kill.at, entries)
			if !found {
				l.fault("the log does not say that a killed worker has ended", "worker "+victim.Index+" of "+kill.String())
				kill.noticed = 0
				break
			}
			kill.noticed = max(kill.noticed, at)
		}
	}
}

// noticeOf is when the first line came after the kill that says of a worker that it is to be started again.
func (l *ledger) noticeOf(index string, killed time.Duration, entries []host.Entry) (time.Duration, bool) {
	for _, entry := range entries {
		at := entry.At.Sub(l.start)
		state := entry.Fields["state"]
		if at >= killed && fmt.Sprint(entry.Fields["worker"]) == index && (state == "restarting" || state == "degraded") {
			return at, true
		}
	}
	return 0, false
}
