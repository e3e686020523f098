package soak

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"mattermost-plugin/refhost/procs"
)

// sampleEvery is how often the processes are looked at.
const sampleEvery = 2 * time.Second

// clockTick is the unit of processor time in /proc.
const clockTick = 10 * time.Millisecond

// usage is the processor time of the bridge and of everything below it, those that have ended included.
type usage struct{ bridge, others time.Duration }

func measure(bridge int) usage {
	var ticks [2]uint64
	for i, process := range procs.WithZombies(bridge) {
		if i == 0 {
			ticks[0], ticks[1] = process.Ticks, process.Reaped
			continue
		}
		ticks[1] += process.Ticks + process.Reaped
	}
	return usage{time.Duration(ticks[0]) * clockTick, time.Duration(ticks[1]) * clockTick}
}

// sample is what the bridge has at a time. Memory is in kB. Its open files are counted without the connections to workers, of
// which there may be more after hooks had to wait.
type sample struct {
	at                  time.Duration
	memory, guardMemory uint64
	files, threads      int
	temporary           int
	guards, workers     int
}

// sampler takes samples.
type sampler struct {
	session *session
	samples []sample
	zombies map[int]uint64
}

func (s *sampler) run(running context.Context) { every(running, sampleEvery, s.take) }

func (s *sampler) take() {
	bridge := s.session.plugin.Pid()
	taken := sample{at: s.session.ledger.now(), files: files(bridge, ""), threads: threads(bridge)}
	own, still := procs.Executable(bridge), map[int]uint64{}
	for i, process := range procs.WithZombies(os.Getpid()) {
		switch {
		case process.State == "Z":
			// One that is there a moment later, too, is not waited for.
			if s.zombies[process.Pid] == process.Started {
				s.session.ledger.fault("a zombie stays", fmt.Sprintf("%d %s", process.Pid, process.Name))
			}
			still[process.Pid] = process.Started
		case process.Pid == bridge:
			taken.memory = process.RSS
		case i > 0 && procs.Executable(process.Pid) == own:
			taken.guards++
			taken.guardMemory += process.RSS
		case i > 0:
			taken.workers++
			taken.files -= files(process.Pid, "socket:")
		}
	}
	s.zombies = still
	if list, err := os.ReadDir(s.session.temporary); err == nil {
		taken.temporary = len(list)
	}
	s.samples = append(s.samples, taken)
}

// files counts the open files of a process that begin so.
func files(pid int, beginning string) int {
	directory := fmt.Sprintf("/proc/%d/fd", pid)
	list, err := os.ReadDir(directory)
	if err != nil {
		return 0
	}
	count := 0
	for _, file := range list {
		if target, err := os.Readlink(filepath.Join(directory, file.Name())); err == nil && strings.HasPrefix(target, beginning) {
			count++
		}
	}
	return count
}

func threads(pid int) int {
	list, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return 0
	}
	return len(list)
}

// adoptOrphans makes this process the parent of all descendants whose parent has ended, so that none gets lost.
func adoptOrphans() error {
	const setChildSubreaper = 36
	if _, _, errno := syscall.Syscall(syscall.SYS_PRCTL, setChildSubreaper, 1, 0); errno != 0 {
		return fmt.Errorf("prctl(PR_SET_CHILD_SUBREAPER): %w", errno)
	}
	return nil
}

// stop ends the plugin as the server does, and looks for what it leaves behind.
func (s *session) stop(report *Report) {
	begin := time.Now()
	s.server.StopAll()
	report.Stop = time.Since(begin)
	var left []procs.Process
	for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if left = survivors(); len(left) == 0 || time.Now().After(deadline) {
			break
		}
	}
	for _, process := range left {
		report.add("a process is left behind", fmt.Sprintf("%d %s %s %s", process.Pid, process.State, process.Name, process.Command))
		_ = syscall.Kill(process.Pid, syscall.SIGKILL)
	}
	files, err := os.ReadDir(s.temporary)
	if err != nil {
		report.add("the directory of temporary files is gone", err.Error())
	}
	var names []string
	for _, file := range files {
		names = append(names, file.Name())
	}
	if len(names) > 0 {
		report.add("temporary files are left behind", strings.Join(names, ", "))
	}
}

// survivors are this process's descendants. Those that ended without a parent are this process's to wait for.
func survivors() []procs.Process {
	var left []procs.Process
	for _, process := range procs.WithZombies(os.Getpid())[1:] {
		if process.State == "Z" && process.Parent == os.Getpid() {
			if _, err := syscall.Wait4(process.Pid, nil, syscall.WNOHANG, nil); err == nil {
				continue
			}
		}
		left = append(left, process)
	}
	return left
}
