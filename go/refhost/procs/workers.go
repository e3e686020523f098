package procs

import (
	"fmt"
	"os"
	"strings"
)

// Worker is a worker process of a bridge. Its index tells it from others, and its successor has the same.
type Worker struct {
	Process
	Index string
}

// Workers returns the processes that run something else than the bridge's executable and whose parent runs it: guards are not
// among them, nor what a worker has started.
func Workers(bridge int) []Worker {
	own := Executable(bridge)
	var found []Worker
	for _, process := range Tree(bridge) {
		if program := Executable(process.Pid); program == "" || program == own || Executable(process.Parent) != own {
			continue
		}
		found = append(found, Worker{process, variable(process.Pid, "MATTERMOST_PLUGIN_WORKER_INDEX")})
	}
	return found
}

// Executable is the path of what a process runs, or empty if it is gone.
func Executable(pid int) string {
	path, err := os.Readlink(fmt.Sprintf("/proc/%d/exe", pid))
	if err != nil {
		return ""
	}
	return path
}

// variable reads the environment that a process was started with.
func variable(pid int, name string) string {
	data, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	if err != nil {
		return ""
	}
	for _, pair := range strings.Split(string(data), "\x00") {
		if value, found := strings.CutPrefix(pair, name+"="); found {
			return value
		}
	}
	return ""
}
