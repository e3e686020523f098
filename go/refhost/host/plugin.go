// Package host starts plugins and talks to them as Mattermost's supervisor does, with the unmodified go-plugin.
package host

import (
	"crypto/sha256"
	"fmt"
	"net/http"
	"net/rpc"
	"os/exec"
	"sync"
	"sync/atomic"
	"time"

	goplugin "github.com/hashicorp/go-plugin"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/mask"
)

// startTimeout is how long Mattermost waits for the handshake line.
const startTimeout = 3 * time.Second

var handshake = goplugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "MATTERMOST_PLUGIN",
	MagicCookieValue: "Securely message teams, anywhere.",
}

// Options say how the host treats a plugin.
type Options struct {
	Log *Log
	// API answers the plugin's API calls, Driver those of the database driver; it may be nil, as on a server without one.
	API    mattermost.Handler
	Driver mattermost.Handler
	// Mask makes the host an older or a newer one.
	Mask *mask.Mask
	// AcceptDelay lets the host wait before it accepts the API connection.
	AcceptDelay time.Duration
	// Environment is added to the plugin's.
	Environment []string
	// PluginHTTP answers the plugin's requests to other plugins; nil is "no response".
	PluginHTTP func(source string, request *http.Request) *http.Response
	// ResponseWriter and APIStreams count the calls of these services; they may be nil.
	ResponseWriter, APIStreams *Counters
	// WithoutFlush makes the response writer an older server's, which has no Flush.
	WithoutFlush bool
	// Launched is told the process id when the handshake is done. What follows, Implemented and OnActivate, has no time limit.
	Launched func(pid int)
}

// Plugin is one running plugin process and its connections.
type Plugin struct {
	Manifest *Manifest
	Dir      string

	options     Options
	command     *exec.Cmd
	client      *goplugin.Client
	connection  *connection
	implemented map[string]bool
	names       []string

	// HandshakeTime is how long the start took until the connection was there, StartTime until Implemented was answered,
	// ActivateTime until OnActivate was.
	HandshakeTime, StartTime, ActivateTime time.Duration
	APIClosed                              chan struct{}

	// hijacked is how many of the clients' connections that the plugin took over are not closed.
	hijacked atomic.Int64
}

// connection is what Dispense returns: the hooks' RPC client and the broker.
type connection struct {
	hooks   *rpc.Client
	broker  *goplugin.MuxBroker
	serving sync.WaitGroup
}

// dispenser is the entry "hooks" of go-plugin's plugin map.
type dispenser struct{}

func (dispenser) Server(*goplugin.MuxBroker) (any, error) {
	return nil, fmt.Errorf("the host serves no hooks")
}

func (dispenser) Client(broker *goplugin.MuxBroker, client *rpc.Client) (any, error) {
	return &connection{hooks: client, broker: broker}, nil
}

// Start launches the plugin in dir and asks which hooks it implements. It does not activate it.
func Start(dir string, options Options) (*Plugin, error) {
	manifest, err := ReadManifest(dir)
	if err != nil {
		return nil, err
	}
	plugin := &Plugin{Manifest: manifest, Dir: dir, options: options, implemented: map[string]bool{}, APIClosed: make(chan struct{})}
	if err := plugin.launch(); err != nil {
		plugin.Kill()
		return nil, fmt.Errorf("unable to start plugin: %s: %w", manifest.ID, err)
	}
	return plugin, nil
}

func (p *Plugin) launch() error {
	executable, err := p.Manifest.executable(p.Dir)
	if err != nil {
		return err
	}
	sum, err := checksum(executable)
	if err != nil {
		return fmt.Errorf("unable to generate plugin checksum: %w", err)
	}
	begin := time.Now()
	p.command = exec.Command(executable)
	p.command.Env = p.options.Environment
	p.client = goplugin.NewClient(&goplugin.ClientConfig{
		HandshakeConfig: handshake,
		Plugins:         map[string]goplugin.Plugin{"hooks": dispenser{}},
		Cmd:             p.command,
		SecureConfig:    &goplugin.SecureConfig{Checksum: sum, Hash: sha256.New()},
		SyncStdout:      p.options.Log.Writer(p.Manifest.ID, SourceStdout),
		SyncStderr:      p.options.Log.Writer(p.Manifest.ID, SourceStderr),
		Logger:          &adapter{log: p.options.Log, plugin: p.Manifest.ID},
		StartTimeout:    startTimeout,
	})
	protocol, err := p.client.Client()
	if err != nil {
		return err
	}
	p.HandshakeTime = time.Since(begin)
	if p.options.Launched != nil {
		p.options.Launched(p.Pid())
	}
	raw, err := protocol.Dispense("hooks")
	if err != nil {
		return err
	}
	p.connection = raw.(*connection)
	if err := p.connection.hooks.Call("Plugin.Implemented", struct{}{}, &p.names); err != nil {
		return err
	}
	for _, name := range p.names {
		// Names that the host does not know are ignored.
		if mattermost.HookByName(name) != nil {
			p.implemented[name] = true
		}
	}
	p.StartTime = time.Since(begin)
	return nil
}

// ID is the plugin's id from its manifest.
func (p *Plugin) ID() string { return p.Manifest.ID }

// Pid is the process id of the plugin's executable.
func (p *Plugin) Pid() int { return p.command.Process.Pid }

// ImplementedNames is the answer to Implemented, unknown names included.
func (p *Plugin) ImplementedNames() []string { return p.names }

// Implements says whether the plugin named a hook that the host knows.
func (p *Plugin) Implements(hook string) bool { return p.implemented[hook] }

// Ping is one Control.Ping.
func (p *Plugin) Ping() error {
	protocol, err := p.client.Client()
	if err != nil {
		return err
	}
	return protocol.Ping()
}

// HealthCheck pings up to three times, as the server's health check job does every 30 s.
func (p *Plugin) HealthCheck() error {
	for range 3 {
		if p.Ping() == nil {
			return nil
		}
	}
	return fmt.Errorf("plugin RPC connection is not responding")
}

// Hijacked is how many of the clients' connections that the plugin took over it has not closed yet.
func (p *Plugin) Hijacked() int64 { return p.hijacked.Load() }

// Streams is how many yamux streams are open: four for control, standard output, standard error and hooks, one each for the
// API and the driver, and those of the requests under way.
func (p *Plugin) Streams() (int, error) {
	session, err := session(p.connection.broker)
	if err != nil {
		return 0, err
	}
	return session.NumStreams(), nil
}

// Exited says whether the plugin's process is gone.
func (p *Plugin) Exited() bool { return p.client.Exited() }

// Kill stops the process as go-plugin does: Control.Quit, 2 s of grace, SIGKILL. It waits for the API's connections to end.
func (p *Plugin) Kill() {
	if p.client != nil {
		p.client.Kill()
	}
	if p.connection != nil {
		p.connection.serving.Wait()
	}
}

// Deactivate calls OnDeactivate and kills the plugin.
func (p *Plugin) Deactivate() error {
	_, err := p.Call("OnDeactivate", &mattermost.OnDeactivateArgs{})
	p.Kill()
	return err
}

// Terminate kills the process at once, for a run that hangs.
func (p *Plugin) Terminate() error { return p.command.Process.Kill() }
