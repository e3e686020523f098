package web

import (
	"net"
	"net/http"
	"strings"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
)

const (
	pluginPrefix  = "/plugins/"
	metricsPrefix = "/metrics/plugins/"
)

// pluginOf returns the plugin's id of a path like /plugins/ID or /plugins/ID/anything.
func pluginOf(path, prefix string) (string, bool) {
	rest, ok := strings.CutPrefix(path, prefix)
	id, _, _ := strings.Cut(rest, "/")
	return id, ok && id != ""
}

// servePlugin does what the server does with a request for a plugin: it finds out who asks, takes out what only the server
// may say and what the plugin need not know, and strips the path. RequestURI stays as it was.
func (s *Server) servePlugin(w http.ResponseWriter, r *http.Request, id string) {
	plugin := s.host.Plugin(id)
	if plugin == nil {
		http.NotFound(w, r)
		return
	}
	preset(w)
	context := &mattermost.Context{
		RequestId: s.host.NewRequestID(), IPAddress: address(r),
		AcceptLanguage: r.Header.Get("Accept-Language"), UserAgent: r.UserAgent(),
	}
	token, cookie := tokenOf(r)
	r.Header.Del(host.PluginHeader)
	r.Header.Del(host.UserHeader)
	r.Header.Del("Referer")
	removeSessionCookie(r)
	query := r.URL.Query()
	query.Del("access_token")
	r.URL.RawQuery = query.Encode()
	r.URL.Path = strings.TrimPrefix(r.URL.Path, pluginPrefix+id)
	if user, ok := strings.CutPrefix(token, tokenPrefix); ok && user != "" {
		r.Header.Del("Authorization")
		if !cookie || trustsCookie(r) {
			r.Header.Set(host.UserHeader, user)
			context.SessionId = "session-" + user
		}
	}
	plugin.ServeHTTP(context, w, r)
}

// serveMetrics does the same for the metrics port, where nobody is signed in.
func (s *Server) serveMetrics(w http.ResponseWriter, r *http.Request, id string) {
	plugin := s.host.Plugin(id)
	if plugin == nil {
		http.NotFound(w, r)
		return
	}
	r.URL.Path = strings.TrimPrefix(r.URL.Path, metricsPrefix+id)
	plugin.ServeMetrics(&mattermost.Context{}, w, r)
}

// preset sets response headers before the hook, as the server's CORS handler does.
func preset(w http.ResponseWriter) {
	w.Header().Set("X-Refhost", "preset")
	w.Header().Set("Vary", "Origin")
}

func address(r *http.Request) string {
	ip, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return ip
}
