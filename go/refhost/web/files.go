package web

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"io"
	"mime"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/host"
)

// uploadResult is the answer to POST /api/files.
type uploadResult struct {
	Info *mattermost.FileInfo `json:"info"`
	// Content is the one text field of a FileInfo that its JSON form leaves out and a plugin may set.
	Content string `json:"content"`
	Reason  string `json:"reason"`
	// Error is that of the RPC.
	Error       string `json:"error,omitempty"`
	Replacement struct {
		Size   int64  `json:"size"`
		SHA256 string `json:"sha256"`
	} `json:"replacement"`
}

// upload gives the request's body to FileWillBeUploaded. The query says name, plugin (else the first that has the hook), and
// bytes=1 to get the replacement itself, with the result in a header.
func (s *Server) upload(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	plugin := s.uploadPlugin(query.Get("plugin"))
	if plugin == nil {
		http.Error(w, "no such plugin has FileWillBeUploaded", http.StatusNotFound)
		return
	}
	var output io.Writer = io.Discard
	var file *os.File
	if query.Get("bytes") != "" {
		var err error
		if file, err = os.CreateTemp("", "refhost-replacement"); err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		defer os.Remove(file.Name())
		defer file.Close()
		output = file
	}
	token, _ := tokenOf(r)
	user := strings.TrimPrefix(token, tokenPrefix)
	hash := sha256.New()
	counted := &counter{writer: io.MultiWriter(hash, output)}
	context := &mattermost.Context{SessionId: "session-" + user, RequestId: s.host.NewRequestID(), IPAddress: address(r), UserAgent: r.UserAgent()}
	info, reason, err := plugin.FileWillBeUploaded(context, newInfo(query.Get("name"), user, r.ContentLength), r.Body, counted)
	result := uploadResult{Info: info, Content: info.Content, Reason: reason}
	if err != nil {
		result.Error = err.Error()
	}
	result.Replacement.Size, result.Replacement.SHA256 = counted.size, hex.EncodeToString(hash.Sum(nil))
	if file == nil {
		writeJSON(w, result)
		return
	}
	sendReplacement(w, result, file)
}

func (s *Server) uploadPlugin(id string) *host.Plugin {
	for _, plugin := range s.host.Plugins() {
		if (id == "" || plugin.ID() == id) && plugin.Implements("FileWillBeUploaded") {
			return plugin
		}
	}
	return nil
}

func newInfo(name, user string, size int64) *mattermost.FileInfo {
	extension := strings.TrimPrefix(filepath.Ext(name), ".")
	return &mattermost.FileInfo{
		Id: "filefilefilefilefilefile01", CreatorId: user, ChannelId: "chanchanchanchanchanchan01", CreateAt: 1_700_000_000_123,
		Name: name, Extension: extension, MimeType: mime.TypeByExtension("." + extension), Size: max(size, 0),
	}
}

func sendReplacement(w http.ResponseWriter, result uploadResult, file *os.File) {
	text, err := json.Marshal(result)
	if err == nil {
		_, err = file.Seek(0, io.SeekStart)
	}
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("X-Refhost-Result", string(text))
	w.Header().Set("Content-Type", "application/octet-stream")
	// A client that has gone is no news.
	_, _ = io.Copy(w, file)
}

// counter counts what passes.
type counter struct {
	writer io.Writer
	size   int64
}

func (c *counter) Write(data []byte) (int, error) {
	written, err := c.writer.Write(data)
	c.size += int64(written)
	return written, err
}
