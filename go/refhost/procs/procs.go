// Package procs reads process trees, memory and processor time from /proc.
package procs

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Process is one process. Started tells a process from a later one with the same id.
type Process struct {
	Pid     int    `json:"pid"`
	Parent  int    `json:"parent"`
	Name    string `json:"name"`
	Command string `json:"command"`
	State   string `json:"state"`
	Started uint64 `json:"-"`
	// Ticks is user and system time in clock ticks of 10 ms, RSS the resident memory in kB.
	Ticks uint64 `json:"ticks"`
	RSS   uint64 `json:"rss_kb"`
	// Reaped is the time of the children that ended and were waited for, and of theirs.
	Reaped uint64 `json:"-"`
}

// Read returns one process, or an error if it is gone.
func Read(pid int) (Process, error) {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return Process{}, err
	}
	// The name is in parentheses and may hold any character.
	text := string(data)
	first, last := strings.IndexByte(text, '('), strings.LastIndexByte(text, ')')
	if first < 0 || last < first {
		return Process{}, fmt.Errorf("/proc/%d/stat is not understood", pid)
	}
	fields := strings.Fields(text[last+1:])
	if len(fields) < 20 {
		return Process{}, fmt.Errorf("/proc/%d/stat is too short", pid)
	}
	number := func(i int) uint64 {
		parsed, _ := strconv.ParseUint(fields[i], 10, 64)
		return parsed
	}
	process := Process{
		Pid: pid, Name: text[first+1 : last], State: fields[0], Parent: int(number(1)),
		Ticks: number(11) + number(12), Reaped: number(13) + number(14), Started: number(19), RSS: rss(pid),
	}
	if command, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
		process.Command = strings.TrimSpace(strings.ReplaceAll(string(command), "\x00", " "))
	}
	return process, nil
}

func rss(pid int) uint64 {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	for _, line := range strings.Split(string(data), "\n") {
		if rest, ok := strings.CutPrefix(line, "VmRSS:"); ok {
			parsed, _ := strconv.ParseUint(strings.TrimSuffix(strings.TrimSpace(rest), " kB"), 10, 64)
			return parsed
		}
	}
	return 0
}

// Tree returns the process and all its descendants, zombies left out.
func Tree(root int) []Process {
	alive := WithZombies(root)
	return slices.DeleteFunc(alive, func(process Process) bool { return process.State == "Z" })
}

// WithZombies returns the process and all its descendants, also those that ended and were not waited for.
func WithZombies(root int) []Process {
	children := map[int][]Process{}
	entries, err := os.ReadDir("/proc")
	if err != nil {
		return nil
	}
	for _, entry := range entries {
		pid, err := strconv.Atoi(entry.Name())
		if err != nil {
			continue
		}
		if process, err := Read(pid); err == nil {
			children[process.Parent] = append(children[process.Parent], process)
		}
	}
	var tree []Process
	if process, err := Read(root); err == nil {
		tree = append(tree, process)
	}
	pending := []int{root}
	for len(pending) > 0 {
		for _, child := range children[pending[0]] {
			pending = append(pending, child.Pid)
			tree = append(tree, child)
		}
		pending = pending[1:]
	}
	return tree
}

// Alive returns those of the processes that still run.
func Alive(list []Process) []Process {
	var alive []Process
	for _, process := range list {
		current, err := Read(process.Pid)
		if err == nil && current.Started == process.Started && current.State != "Z" {
			alive = append(alive, current)
		}
	}
	return alive
}

// IsStopped says whether every thread of a process stands still by a signal, or is gone.
func IsStopped(pid int) bool {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return true
	}
	for _, thread := range threads {
		id, err := strconv.Atoi(thread.Name())
		if err != nil {
			continue
		}
		// A thread can be read like a process, although /proc does not list it.
		if one, err := Read(id); err == nil && one.State != "T" && one.State != "Z" {
			return false
		}
	}
	return true
}

// Usage sums up memory in kB and processor time in clock ticks.
func Usage(list []Process) (rss, ticks uint64) {
	for _, process := range list {
		rss += process.RSS
		ticks += process.Ticks
	}
	return rss, ticks
}
