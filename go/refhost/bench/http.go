package bench

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"

	"mattermost-plugin/refhost/web"
)

// Workloads that go through a real HTTP server and client on the loopback interface.
const (
	Small = "small" // GET /hello, a short text
	Down  = "down"  // GET /down?bytes=1048576
	Up    = "up"    // POST /up with 1 MiB; the answer is JSON with the number of "bytes"
)

// HTTPWorkloads in the order in which they are run and shown.
var HTTPWorkloads = []string{Small, Down, Up}

// bodySize is the size of the large bodies, so that their calls a second are MiB a second.
const bodySize = 1 << 20

// largeWeight is how many small calls a large one stands for in the number of calls of a round.
const largeWeight = 20

// largeBody is what Up sends.
var largeBody = make([]byte, bodySize)

// frontend is the HTTP side of one contestant.
type frontend struct {
	server *web.Server
	base   string
	client *http.Client
}

// serve starts the HTTP server of a contestant. The client keeps as many connections as there are concurrent callers.
func (c *contestant) serve(connections int) error {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	server := web.New(c.server, nil)
	go func() { _ = server.Serve(listener) }()
	c.front = &frontend{
		server: server,
		base:   "http://" + listener.Addr().String() + "/plugins/" + c.plugin.ID(),
		client: &http.Client{Transport: &http.Transport{MaxIdleConns: connections, MaxIdleConnsPerHost: connections, DisableCompression: true}},
	}
	return nil
}

// request makes one request and makes sure that the plugin did the work.
func (f *frontend) request(workload string) error {
	switch workload {
	case Down:
		return f.do(http.MethodGet, fmt.Sprintf("/down?bytes=%d", bodySize), nil, func(body io.Reader) error {
			size, err := io.Copy(io.Discard, body)
			if err == nil && size != bodySize {
				err = fmt.Errorf("the plugin wrote %d bytes", size)
			}
			return err
		})
	case Up:
		return f.do(http.MethodPost, "/up", bytes.NewReader(largeBody), func(body io.Reader) error {
			answer := struct {
				Bytes int `json:"bytes"`
			}{}
			if err := json.NewDecoder(body).Decode(&answer); err != nil {
				return err
			}
			if answer.Bytes != bodySize {
				return fmt.Errorf("the plugin read %d bytes", answer.Bytes)
			}
			return nil
		})
	}
	return f.do(http.MethodGet, "/hello", nil, func(body io.Reader) error {
		size, err := io.Copy(io.Discard, body)
		if err == nil && size == 0 {
			err = errors.New("the answer is empty")
		}
		return err
	})
}

func (f *frontend) do(method, path string, body io.Reader, check func(io.Reader) error) error {
	request, err := http.NewRequest(method, f.base+path, body)
	if err != nil {
		return err
	}
	response, err := f.client.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: status %d", method, path, response.StatusCode)
	}
	if err := check(response.Body); err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	// What is left has to be read, or the connection cannot be used again.
	_, err = io.Copy(io.Discard, response.Body)
	return err
}

// close ends the HTTP side, if there is one.
func (f *frontend) close() {
	if f == nil {
		return
	}
	f.client.CloseIdleConnections()
	_ = f.server.Close()
}
