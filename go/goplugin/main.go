// The test plugin in Go: the baseline of the benchmarks, the second plugin of the demo, and the peer with which the host's
// conformance run tests itself. Its connections, reads and round trips are those of Mattermost's own plugin library.
package main

import (
	"encoding/json"
	"net/rpc"
	"os"
	"path/filepath"

	goplugin "github.com/hashicorp/go-plugin"
)

var handshake = goplugin.HandshakeConfig{
	ProtocolVersion:  1,
	MagicCookieKey:   "MATTERMOST_PLUGIN",
	MagicCookieValue: "Securely message teams, anywhere.",
}

func main() {
	goplugin.Serve(&goplugin.ServeConfig{
		HandshakeConfig: handshake,
		Plugins:         map[string]goplugin.Plugin{"hooks": hooksPlugin{mode: readMode()}},
	})
}

// readMode looks into the plugin.json of the bundle. The property "mode" is "conformance" if all hooks shall be implemented and
// do as the host says, "late" if events are acknowledged before that, "hello" if the plugin shall behave as examples/hello_python does, and otherwise absent.
func readMode() string {
	executable, err := os.Executable()
	if err != nil {
		return ""
	}
	data, err := os.ReadFile(filepath.Join(filepath.Dir(executable), "plugin.json"))
	if err != nil {
		return ""
	}
	var manifest struct {
		Props struct {
			Mode string `json:"mode"`
		} `json:"props"`
	}
	if err := json.Unmarshal(data, &manifest); err != nil {
		return ""
	}
	return manifest.Props.Mode
}

// hooksPlugin is the entry "hooks" of go-plugin's plugin map.
type hooksPlugin struct{ mode string }

func (h hooksPlugin) Server(broker *goplugin.MuxBroker) (any, error) {
	return newServer(broker, h.mode), nil
}

func (hooksPlugin) Client(*goplugin.MuxBroker, *rpc.Client) (any, error) { return nil, nil }
