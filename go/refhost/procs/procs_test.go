package procs_test

import (
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"

	"mattermost-plugin/refhost/procs"
)

func TestTreeAndSurvivors(t *testing.T) {
	// cat ends when its standard input does.
	command := exec.Command("cat")
	input, err := command.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	tree := procs.Tree(os.Getpid())
	found := false
	for _, process := range tree {
		found = found || process.Pid == command.Process.Pid && process.Parent == os.Getpid() && process.Parent == tree[0].Pid
	}
	if !found || tree[0].Pid != os.Getpid() || tree[0].RSS == 0 {
		t.Errorf("%+v", tree)
	}
	child := procs.Tree(command.Process.Pid)
	if len(child) != 1 || len(procs.Alive(child)) != 1 {
		t.Errorf("%+v are not alive", child)
	}
	if procs.IsStopped(command.Process.Pid) {
		t.Error("a process that runs is called stopped")
	}
	for _, signal := range []syscall.Signal{syscall.SIGSTOP, syscall.SIGCONT} {
		if err := command.Process.Signal(signal); err != nil {
			t.Fatal(err)
		}
		for wanted := signal == syscall.SIGSTOP; procs.IsStopped(command.Process.Pid) != wanted; {
			runtime.Gosched()
		}
	}
	input.Close()
	if err := command.Wait(); err != nil {
		t.Fatal(err)
	}
	if alive := procs.Alive(child); len(alive) != 0 {
		t.Errorf("%+v are still alive", alive)
	}
}
