package conform

import (
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"time"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
)

// exchangeLimit is how long a request may take; one that takes longer hangs.
const exchangeLimit = time.Minute

// front is the HTTP server through which the plugin's ServeHTTP and ServeMetrics are called, and its client.
type front struct {
	server *httptest.Server
	client *http.Client

	mutex   sync.Mutex
	current *exchange
}

// exchange is one request as the server got it.
type exchange struct {
	hook    string
	preset  http.Header
	context *mattermost.Context
	seen    *mattermost.HTTPRequestSubset
	done    chan struct{}
}

func newFront(plugin *host.Plugin) *front {
	f := &front{client: &http.Client{
		Timeout:       exchangeLimit,
		Transport:     &http.Transport{DisableCompression: true, DisableKeepAlives: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
	f.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { f.serve(plugin, w, r) }))
	return f
}

func (f *front) close() { f.server.Close() }

// begin sets the exchange that the next request belongs to.
func (f *front) begin(e *exchange) {
	e.done = make(chan struct{})
	f.mutex.Lock()
	f.current = e
	f.mutex.Unlock()
}

func (f *front) serve(plugin *host.Plugin, w http.ResponseWriter, r *http.Request) {
	f.mutex.Lock()
	e := f.current
	f.current = nil
	f.mutex.Unlock()
	if e == nil {
		http.NotFound(w, r)
		return
	}
	defer close(e.done)
	maps.Copy(w.Header(), e.preset)
	e.seen = host.Subset(r)
	if e.hook == "ServeMetrics" {
		plugin.ServeMetrics(e.context, w, r)
		return
	}
	plugin.ServeHTTP(e.context, w, r)
}
