// Package postgres runs a PostgreSQL of its own in a temporary directory, on a Unix socket that nobody else knows.
package postgres

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// ErrNotInstalled is returned where there is no PostgreSQL.
var ErrNotInstalled = errors.New("no PostgreSQL is installed: neither in PATH nor in /usr/lib/postgresql")

// startLimit is how long the start may take.
const startLimit = 30 * time.Second

// readyText is what the server logs when it can be connected to.
const readyText = "database system is ready to accept connections"

// Cluster is a running server.
type Cluster struct {
	// DSN is the data source name of its database.
	DSN string

	dir     string
	process *exec.Cmd
}

// Start makes a cluster and starts it. It ends with this process, however that ends.
func Start() (*Cluster, error) {
	programs, err := find()
	if err != nil {
		return nil, err
	}
	credential, err := otherUser()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg")
	if err != nil {
		return nil, err
	}
	c := &Cluster{dir: dir, DSN: fmt.Sprintf("host=%s user=refhost dbname=postgres sslmode=disable", dir)}
	if credential != nil {
		err = os.Chown(dir, int(credential.Uid), int(credential.Gid))
	}
	if err == nil {
		err = c.start(programs, credential)
	}
	if err != nil {
		c.Stop()
		return nil, err
	}
	return c, nil
}

func (c *Cluster) start(programs string, credential *syscall.Credential) error {
	data := filepath.Join(c.dir, "data")
	initdb := exec.Command(filepath.Join(programs, "initdb"), "-D", data, "-U", "refhost", "-A", "trust", "-E", "UTF8", "--no-locale", "--no-sync")
	initdb.Dir, initdb.SysProcAttr = c.dir, &syscall.SysProcAttr{Credential: credential}
	if output, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, output)
	}
	c.process = exec.Command(filepath.Join(programs, "postgres"), "-D", data, "-k", c.dir, "-c", "listen_addresses=", "-c", "fsync=off")
	// Without its parent the server shuts down at once.
	c.process.Dir, c.process.SysProcAttr = c.dir, &syscall.SysProcAttr{Credential: credential, Pdeathsig: syscall.SIGQUIT}
	log, err := c.process.StderrPipe()
	if err != nil {
		return err
	}
	if err := c.process.Start(); err != nil {
		return err
	}
	return awaitReady(log)
}

// awaitReady reads the server's log until it is ready, and then throws the rest away.
func awaitReady(log io.Reader) error {
	result := make(chan error, 1)
	go func() {
		lines := bufio.NewScanner(log)
		var seen []string
		for lines.Scan() {
			seen = append(seen, lines.Text())
			if strings.Contains(lines.Text(), readyText) {
				result <- nil
				_, _ = io.Copy(io.Discard, log)
				return
			}
		}
		result <- fmt.Errorf("postgres did not start: %s", strings.Join(seen, "\n"))
	}()
	select {
	case err := <-result:
		return err
	case <-time.After(startLimit):
		return fmt.Errorf("postgres did not start within %s", startLimit)
	}
}

// Stop ends the server at once and removes what it wrote.
func (c *Cluster) Stop() {
	if c.process != nil && c.process.Process != nil {
		_ = c.process.Process.Signal(syscall.SIGQUIT)
		_ = c.process.Wait()
	}
	_ = os.RemoveAll(c.dir)
}

// find returns the directory of the programs: that of the newest version, or the one in PATH.
func find() (string, error) {
	found, err := filepath.Glob("/usr/lib/postgresql/*/bin/initdb")
	if err != nil {
		return "", err
	}
	if len(found) > 0 {
		return filepath.Dir(slices.MaxFunc(found, func(a, b string) int { return version(a) - version(b) })), nil
	}
	if initdb, err := exec.LookPath("initdb"); err == nil {
		return filepath.Dir(initdb), nil
	}
	return "", ErrNotInstalled
}

func version(path string) int {
	number, err := strconv.Atoi(filepath.Base(filepath.Dir(filepath.Dir(path))))
	if err != nil {
		return 0
	}
	return number
}

// otherUser is who runs the server, because PostgreSQL refuses root; nil is this user.
func otherUser() (*syscall.Credential, error) {
	if os.Geteuid() != 0 {
		return nil, nil
	}
	nobody, err := user.Lookup("nobody")
	if err != nil {
		return nil, fmt.Errorf("PostgreSQL does not run as root, and there is nobody else: %w", err)
	}
	uid, err := strconv.ParseUint(nobody.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(nobody.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}
