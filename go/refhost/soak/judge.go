package soak

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"mattermost-plugin/refhost/host"
)

// What a soak has to keep to.
const (
	// handlersAtOnce is how many hooks a worker of this load runs at the same time: as many as it has connections for at first.
	handlersAtOnce = 4
	// mostDefaults is the greatest share of hooks that may get the server's default, in percent.
	mostDefaults = 5
	// memoryGrowth in kB and memoryShare in percent: the bridge's memory may grow by the greater of the two.
	memoryGrowth = 2048
	memoryShare  = 10
	// moreFiles and moreThreads are what the counts may differ by.
	moreFiles   = 2
	moreThreads = 0
)

// judge turns what was seen into a report, and adds a fault for each bound that was not kept.
func (s *session) judge(killer *killer, samples []sample, end usage) *Report {
	l, kills := s.ledger, killer.kills
	postCount := s.judgePosts()
	l.mutex.Lock()
	calls := l.calls
	l.mutex.Unlock()
	report := &Report{
		Duration: s.options.Duration, KillEvery: s.options.KillEvery, Posts: postCount,
		CPU: perCall(s.begin, end, len(calls)), Log: s.logLines(),
	}
	l.readNotices(kills, s.server.Log.Entries(0))
	report.Kills = judgeKills(kills)
	report.Kills.Skipped = killer.skipped
	report.Kinds = s.judgeCalls(calls, kills)
	report.Events = l.judgeEvents(kills)
	report.Bridge = s.judgeSamples(samples, kills)
	s.judgePlugin(report)
	if s.options.KillEvery > 0 && len(kills) == 0 {
		l.fault("no worker was killed", "the soak is too short, or there are no workers")
	}
	report.Faults = l.faults
	return report
}

// judgeCalls sorts the calls by kind. Without a kill that excuses it, every call has to be served.
func (s *session) judgeCalls(calls []call, kills []*kill) []KindFigures {
	figures := make([]KindFigures, kinds)
	for i := range figures {
		figures[i].Kind = kind(i).String()
	}
	for _, c := range calls {
		f := &figures[c.kind]
		f.Outcomes[c.outcome]++
		hit := slices.ContainsFunc(kills, func(k *kill) bool { return k.hit(c) })
		excused := slices.ContainsFunc(kills, func(k *kill) bool { return k.excuses(c) })
		switch {
		case c.outcome == served && hit:
			f.hit = append(f.hit, c.end-c.begin)
		case c.outcome == served:
			f.quiet = append(f.quiet, c.end-c.begin)
		case !excused:
			s.ledger.fault(c.kind.String()+" was not served although no kill can have hit it", fmt.Sprintf("from %s to %s", c.begin.Round(time.Millisecond), c.end.Round(time.Millisecond)))
		}
	}
	hooks, defaults := 0, 0
	for i := range figures {
		f := &figures[i]
		f.Quiet, f.Hit = quantiles(f.quiet), quantiles(f.hit)
		if f.Outcomes[served] == 0 {
			s.ledger.fault("nothing of a kind was served", f.Kind)
		}
		if kind(i) == posts || kind(i) == commands {
			hooks += f.Outcomes[served] + f.Outcomes[fallback]
			defaults += f.Outcomes[fallback]
		}
	}
	if defaults*100 > hooks*mostDefaults {
		s.ledger.fault("too many hooks got the server's default", fmt.Sprintf("%d of %d, more than %d %%", defaults, hooks, mostDefaults))
	}
	return figures
}

// judgeKills measures how long the plugin was away.
func judgeKills(kills []*kill) KillFigures {
	figures := KillFigures{}
	var all, one, noticed []time.Duration
	for _, k := range kills {
		switch {
		case k.all:
			figures.All++
			all = append(all, k.back-k.at)
		default:
			figures.One++
			if k.noticed > 0 {
				noticed = append(noticed, k.noticed-k.at)
			}
			if k.returned {
				one = append(one, k.back-k.at)
			}
		}
	}
	figures.AllBack, figures.OneBack, figures.OneNoticed = quantiles(all), quantiles(one), quantiles(noticed)
	return figures
}

// judgeSamples compares the bridge after the first fifth with the bridge at the end. Samples taken while a worker was missing
// are left out.
func (s *session) judgeSamples(samples []sample, kills []*kill) BridgeFigures {
	whole := s.options.Duration
	between := func(from, to time.Duration) []sample {
		return slices.DeleteFunc(slices.Clone(samples), func(taken sample) bool {
			moment := call{begin: taken.at - time.Second, end: taken.at}
			return taken.at < from || taken.at > to || slices.ContainsFunc(kills, func(k *kill) bool { return k.hit(moment) })
		})
	}
	first, last := between(whole/5, whole*3/10), between(whole*9/10, whole)
	if len(first) == 0 || len(last) == 0 {
		s.ledger.fault("there are no samples to compare", "the soak is too short")
		return BridgeFigures{}
	}
	figures := BridgeFigures{
		Memory: pairOf(first, last, func(taken sample) uint64 { return taken.memory }), GuardMemory: pairOf(first, last, func(taken sample) uint64 { return taken.guardMemory }),
		Files: pairOf(first, last, func(taken sample) int { return taken.files }), Threads: pairOf(first, last, func(taken sample) int { return taken.threads }),
		Temporary: pairOf(first, last, func(taken sample) int { return taken.temporary }),
		Guards:    pairOf(first, last, func(taken sample) int { return taken.guards }), Workers: pairOf(first, last, func(taken sample) int { return taken.workers }),
	}
	for _, taken := range samples {
		figures.MostMemory = max(figures.MostMemory, taken.memory)
	}
	grown := func(what string, first, last, most int) {
		if last > first+most {
			s.ledger.fault("the bridge has more and more "+what, fmt.Sprintf("%d, then %d", first, last))
		}
	}
	memory, guards := int(figures.Memory.First), int(figures.GuardMemory.First)
	grown("memory (kB)", memory, int(figures.Memory.Last), max(memoryGrowth, memory*memoryShare/100))
	grown("memory in its guards (kB)", guards, int(figures.GuardMemory.Last), max(memoryGrowth, guards*memoryShare/100))
	grown("files", figures.Files.First, figures.Files.Last, moreFiles)
	grown("threads", figures.Threads.First, figures.Threads.Last, moreThreads)
	grown("temporary files", figures.Temporary.First, figures.Temporary.Last, 0)
	s.ledger.same("guards under load", s.wanted.Guards, figures.Guards.Last)
	s.ledger.same("workers under load", s.wanted.Workers, figures.Workers.Last)
	return figures
}

func pairOf[T cmp.Ordered](first, last []sample, value func(sample) T) Pair[T] {
	middle := func(list []sample) T {
		values := make([]T, len(list))
		for i, taken := range list {
			values[i] = value(taken)
		}
		slices.Sort(values)
		return values[len(values)/2]
	}
	return Pair[T]{middle(first), middle(last)}
}

// judgePlugin checks that the plugin is as the server has started it.
func (s *session) judgePlugin(report *Report) {
	if s.plugin.Exited() {
		s.ledger.fault("the bridge has ended", "the server would have restarted the plugin")
	}
	if _, err := s.plugin.Streams(); err != nil {
		s.ledger.fault("the connection to the bridge is gone", err.Error())
	}
	report.Wanted, report.AtRest = s.wanted, await(s.standing, s.wanted, restLimit)
	s.ledger.judgeStanding(report.Wanted, report.AtRest)
	if hijacked := s.plugin.Hijacked(); hijacked > 0 {
		s.ledger.fault("connections that the plugin took over are not closed", fmt.Sprint(hijacked))
	}
	for _, entry := range s.server.Log.Entries(0) {
		if entry.Message == host.CrashMessage {
			s.ledger.fault("the server would have crashed", entry.String())
		}
	}
}

// logLines counts the lines of the log by level and text.
func (s *session) logLines() []LogLine {
	counts := map[LogLine]int{}
	for _, entry := range s.server.Log.Entries(0) {
		if entry.Level == "warn" || entry.Level == "error" {
			counts[LogLine{Level: entry.Level, Message: entry.Message}]++
		}
	}
	var lines []LogLine
	for line, count := range counts {
		line.Count = count
		lines = append(lines, line)
	}
	slices.SortFunc(lines, func(a, b LogLine) int {
		return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Message, b.Message))
	})
	return lines
}

func perCall(begin, end usage, calls int) CPUFigures {
	each := func(spent time.Duration) time.Duration { return spent / time.Duration(max(calls, 1)) }
	return CPUFigures{Bridge: each(end.bridge - begin.bridge), Others: each(end.others - begin.others)}
}
