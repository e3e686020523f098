package main

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"net/rpc"
	"os"
	"os/exec"
	"time"

	"github.com/hashicorp/go-hclog"
	"github.com/hashicorp/go-plugin"
)

// host is one started plugin.
type host struct {
	client   *plugin.Client
	protocol plugin.ClientProtocol
	hooks    *rpc.Client
	broker   *plugin.MuxBroker
	api      *api
	log      *buffer
	stdout   *buffer
	stderr   *buffer
}

// hooksPlugin gives the bare connection, so that a check can send what a well-behaved client would not.
type hooksPlugin struct{}

type dispensed struct {
	broker *plugin.MuxBroker
	client *rpc.Client
}

func (hooksPlugin) Server(*plugin.MuxBroker) (any, error) {
	return nil, errors.New("this is the host")
}

func (hooksPlugin) Client(b *plugin.MuxBroker, c *rpc.Client) (any, error) {
	return dispensed{b, c}, nil
}

// start starts a plugin with the settings of Mattermost's supervisor.
func start(path string) (*host, error) {
	sum, err := fileSum(path)
	if err != nil {
		return nil, err
	}
	h := &host{log: newBuffer(), stdout: newBuffer(), stderr: newBuffer()}
	h.client = plugin.NewClient(&plugin.ClientConfig{
		HandshakeConfig: plugin.HandshakeConfig{
			ProtocolVersion:  1,
			MagicCookieKey:   "MATTERMOST_PLUGIN",
			MagicCookieValue: "Securely message teams, anywhere.",
		},
		Plugins:      map[string]plugin.Plugin{"hooks": hooksPlugin{}, "other": hooksPlugin{}},
		Cmd:          exec.Command(path),
		SyncStdout:   h.stdout,
		SyncStderr:   h.stderr,
		Logger:       hclog.New(&hclog.LoggerOptions{Level: hclog.Trace, Output: h.log}),
		StartTimeout: 3 * time.Second,
		SecureConfig: &plugin.SecureConfig{Checksum: sum, Hash: sha256.New()},
	})
	if h.protocol, err = h.client.Client(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, h.log.String())
	}
	raw, err := h.protocol.Dispense("hooks")
	if err != nil {
		h.client.Kill()
		return nil, err
	}
	d := raw.(dispensed)
	h.broker, h.hooks = d.broker, d.client
	h.api = &api{broker: d.broker}
	return h, nil
}

func fileSum(path string) ([]byte, error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(data)
	return sum[:], nil
}
