package bench

import (
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
	"mattermost-plugin/refhost/procs"
)

// clockTick is the unit of processor time in /proc.
const clockTick = 10 * time.Millisecond

// round is one batch of calls of one plugin. Times are per hook, or per API call in the API workloads.
type round struct {
	p50, p99, rate float64
}

// series is everything measured of one plugin, workload and concurrency.
type series struct {
	rounds []round
	calls  int
	// ticks of the plugin's executable and of the processes below it
	rootTicks, childTicks uint64
}

// contestant is one plugin with its own host, so that nothing is shared.
type contestant struct {
	name   string
	server *host.Host
	plugin *host.Plugin
	userID string
	// steps is how long Spin computes.
	steps int
	// front is there if a workload needs it.
	front *frontend
}

func newContestant(name, dir string) (*contestant, error) {
	server := host.New(1)
	server.Desk.Record = false
	user := server.Memory.CreateUser(&mattermost.User{
		Username: "alice", Email: "alice@example.com", FirstName: "Alice", LastName: "Example", Nickname: "al", Locale: "en",
		Roles: "system_user", NotifyProps: map[string]string{"email": "true", "desktop": "mention", "channel": "true"},
		Timezone: map[string]string{"useAutomaticTimezone": "true", "automaticTimezone": "Europe/Berlin"},
	})
	plugin, err := server.Start(dir)
	if err != nil {
		return nil, err
	}
	set := &mattermost.KVSetArgs{A: kvKey, B: []byte(strings.Repeat("v", 100))}
	memory := server.Memory.ForPlugin(plugin.ID(), dir)
	if err := memory.Serve(mattermost.APIByName("KVSet"), set, &mattermost.KVSetReturns{}); err != nil {
		return nil, err
	}
	return &contestant{name: name, server: server, plugin: plugin, userID: user.Id}, nil
}

// call calls the hook once, or makes a request, and makes sure that the plugin did the work.
func (c *contestant) call(workload string) error {
	if slices.Contains(HTTPWorkloads, workload) {
		if err := c.front.request(workload); err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		return nil
	}
	post := newPost(workload, c.userID)
	if workload == Spin {
		post.Message = fmt.Sprintf("bench:spin %d", c.steps)
	}
	want := post.Message
	args := &mattermost.MessageWillBePostedArgs{A: &mattermost.Context{SessionId: "session", RequestId: "request", IPAddress: "127.0.0.1"}, B: post}
	returns := &mattermost.MessageWillBePostedReturns{A: post}
	if err := c.plugin.CallAnyway("MessageWillBePosted", args, returns); err != nil {
		return err
	}
	if workload == Plain || workload == Rich || workload == Spin {
		want += " (seen)"
	}
	if returns.B != "" || returns.A == nil || returns.A.Message != want {
		return fmt.Errorf("%s did not answer the workload %s as it should: %q", c.name, workload, returns.B)
	}
	return nil
}

// stop ends the contestant.
func (c *contestant) stop() {
	c.front.close()
	c.server.StopAll()
}

// batch makes count hook calls, `concurrent` at once, and adds what it measured to the series.
func (c *contestant) batch(into *series, workload string, concurrent, count int) error {
	before := procs.Tree(c.plugin.Pid())
	took := make([]time.Duration, count)
	errs := make(chan error, concurrent)
	numbers := make(chan int, count)
	for i := range count {
		numbers <- i
	}
	close(numbers)
	var workers sync.WaitGroup
	begin := time.Now()
	for range concurrent {
		workers.Go(func() {
			for i := range numbers {
				start := time.Now()
				if err := c.call(workload); err != nil {
					errs <- err
					return
				}
				took[i] = time.Since(start)
			}
		})
	}
	workers.Wait()
	elapsed := time.Since(begin)
	select {
	case err := <-errs:
		return err
	default:
	}
	root, children := ticksSince(before, procs.Tree(c.plugin.Pid()))
	into.rootTicks += root
	into.childTicks += children
	perHook := callsPerHook(workload)
	into.calls += count * perHook
	slices.Sort(took)
	into.rounds = append(into.rounds, round{
		p50:  microseconds(took[count/2]) / float64(perHook),
		p99:  microseconds(took[count*99/100]) / float64(perHook),
		rate: float64(count*perHook) / elapsed.Seconds(),
	})
	return nil
}

func microseconds(d time.Duration) float64 { return float64(d) / float64(time.Microsecond) }

// ticksSince splits the processor time between the plugin's executable, which comes first, and its descendants.
func ticksSince(before, after []procs.Process) (root, children uint64) {
	earlier := map[int]uint64{}
	for _, process := range before {
		earlier[process.Pid] = process.Ticks
	}
	for i, process := range after {
		if i == 0 {
			root = process.Ticks - earlier[process.Pid]
		} else {
			children += process.Ticks - earlier[process.Pid]
		}
	}
	return root, children
}
