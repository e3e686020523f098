package demo

import (
	"fmt"
	"io"
	"sort"
	"strings"
	"sync"

	"mattermost-plugin/refhost/host"
)

// printer writes the conversation; log lines come from other goroutines.
type printer struct {
	mutex  sync.Mutex
	out    io.Writer
	number int
}

func (p *printer) line(text string) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	fmt.Fprintln(p.out, text)
}

func (p *printer) title(format string, values ...any) {
	p.number++
	p.line(fmt.Sprintf("\n%d. %s", p.number, fmt.Sprintf(format, values...)))
}

func (p *printer) fact(ok bool, text string) {
	mark := "ok  "
	if !ok {
		mark = "NOT "
	}
	p.line("   " + mark + text)
}

// log shows what plugins log; the host's debug lines about processes are left out, and what yamux says when a connection ends.
func (p *printer) log(entry host.Entry) {
	isQuiet := entry.Source != host.SourceAPI && entry.Level != "warn" && entry.Level != "error"
	if isQuiet || entry.Source == host.SourceHost && strings.Contains(entry.Message, "yamux: ") {
		return
	}
	name := entry.Plugin
	if name == "" {
		name = "the host"
	}
	p.line(fmt.Sprintf("   log of %s: %s", name, entry))
}

func countText(counts map[string]int) string {
	var parts []string
	for name, count := range counts {
		parts = append(parts, fmt.Sprintf("%s %d", name, count))
	}
	sort.Strings(parts)
	return strings.Join(parts, ", ")
}
