package host

import (
	"io"
	"net/http"
	"net/url"
	"strings"

	"mattermost-plugin/mattermost"
)

// The headers by which a plugin learns who asks.
const (
	UserHeader   = "Mattermost-User-Id"
	PluginHeader = "Mattermost-Plugin-ID"
)

// answerPlugin answers PluginHTTP: the first part of the path names the plugin, or a target of targets.go.
func (h *Host) answerPlugin(source string, request *http.Request) *http.Response {
	parts := strings.SplitN(request.URL.Path, "/", 3)
	if len(parts) != 3 {
		return plainResponse(http.StatusBadRequest, "Not enough URL. Form of URL should be /<pluginid>/*")
	}
	id := parts[1]
	inner, err := url.Parse("/" + parts[2])
	if err != nil || id == "" {
		return plainResponse(http.StatusBadRequest, "No plugin specified. Form of URL should be /<pluginid>/*")
	}
	inner.RawQuery = request.URL.Query().Encode()
	request.URL = inner
	if id == TargetNone {
		return nil
	}
	response := newPipedResponse()
	go func() {
		defer response.end()
		h.serveInterPlugin(response, request, source, id)
	}()
	return response.wait()
}

func (h *Host) serveInterPlugin(w http.ResponseWriter, request *http.Request, source, id string) {
	if target, ok := targets[id]; ok {
		target(w, request)
		return
	}
	plugin := h.Plugin(id)
	if plugin == nil {
		http.NotFound(w, request)
		return
	}
	// A request of a plugin has no user, whatever its headers say.
	request.Header.Set(UserHeader, "")
	request.Header.Set(PluginHeader, source)
	plugin.ServeHTTP(&mattermost.Context{RequestId: h.NewRequestID(), UserAgent: request.UserAgent()}, w, request)
}

func plainResponse(status int, text string) *http.Response {
	return &http.Response{StatusCode: status, Body: io.NopCloser(strings.NewReader(text))}
}
