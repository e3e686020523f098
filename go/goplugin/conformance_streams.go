package main

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"math"
	"net/http"
	"os"
	"reflect"

	m "mattermost-plugin/mattermost"
)

// bodySpec says which bytes are sent, and in which pieces.
type bodySpec struct {
	Path   string `json:"path"`
	Chunks []struct {
		Size  int64 `json:"size"`
		Flush bool  `json:"flush"`
	} `json:"chunks"`
	Broken string `json:"broken"`
}

// streamAnswer is the part of hook.json for hooks with streams.
type streamAnswer struct {
	Read    int64               `json:"read"`
	Status  *int                `json:"status"`
	Headers map[string][]string `json:"headers"`
	Body    *bodySpec           `json:"body"`
	Fail    string              `json:"fail"`
	Hijack  string              `json:"hijack"`
}

// send writes the chunks, each at once, and flushes where it is told to.
func (b *bodySpec) send(w io.Writer) error {
	if b == nil {
		return nil
	}
	file, err := os.Open(b.Path)
	if err != nil {
		return err
	}
	defer file.Close()
	for _, chunk := range b.Chunks {
		data := make([]byte, chunk.Size)
		if _, err := io.ReadFull(file, data); err != nil {
			return err
		}
		if _, err := w.Write(data); err != nil {
			return err
		}
		if flusher, ok := w.(http.Flusher); ok && chunk.Flush {
			flusher.Flush()
		}
	}
	return nil
}

// digest reads at most limit bytes, all if it is negative, and says what they were.
func digest(source io.Reader, limit int64) (map[string]any, error) {
	if limit < 0 {
		limit = math.MaxInt64
	}
	hash := sha256.New()
	size, err := io.Copy(hash, io.LimitReader(source, limit))
	return map[string]any{"size": size, "sha256": hex.EncodeToString(hash.Sum(nil))}, err
}

func (c *conformance) serveStream(wanted *hookCase, spec *m.MethodSpec, args, returns any) error {
	if wanted == nil {
		wanted = &hookCase{}
	}
	switch args := args.(type) {
	case *m.ServeHTTPArgs:
		remote := remoteRequest{args.ResponseWriterStream, args.RequestBodyStream, args.Request}
		return c.serveRequest(remote, wanted, spec, args)
	case *m.ServeMetricsArgs:
		remote := remoteRequest{args.ResponseWriterStream, args.RequestBodyStream, args.Request}
		return c.serveRequest(remote, wanted, spec, args)
	}
	return c.serveFile(wanted, spec, args.(*m.FileWillBeUploadedArgs), returns.(*m.FileWillBeUploadedReturns))
}

// serveRequest answers a request. Whether the client gets to know of an error depends on the error, which the RPC carries.
func (c *conformance) serveRequest(remote remoteRequest, wanted *hookCase, spec *m.MethodSpec, args any) error {
	var failure error
	err := c.server.serveRequest(remote, func(w http.ResponseWriter, r *http.Request) {
		failure = c.respond(w, r, wanted, spec, args)
	})
	return errors.Join(err, failure)
}

func (c *conformance) respond(w http.ResponseWriter, r *http.Request, wanted *hookCase, spec *m.MethodSpec, args any) error {
	if wanted.Hook == "" {
		return nil
	}
	headers := map[string][]string(w.Header().Clone())
	content, err := digest(r.Body, wanted.Read)
	if err != nil {
		return err
	}
	if wanted.Hijack != "" {
		if content, err = takeOver(w, wanted.Hijack, func(content map[string]any) error {
			return c.received(wanted, spec, args, map[string]any{"body": content, "headers": headers})
		}); err != nil {
			return err
		}
		return nil
	}
	if err := c.received(wanted, spec, args, map[string]any{"body": content, "headers": headers}); err != nil {
		return err
	}
	for name, values := range wanted.Headers {
		w.Header().Del(name)
		if values != nil {
			w.Header()[name] = values
		}
	}
	if wanted.Status != nil {
		w.WriteHeader(*wanted.Status)
	}
	if err := wanted.Body.send(w); err != nil {
		return err
	}
	if wanted.Fail != "" {
		return &m.ErrorString{Err: wanted.Fail}
	}
	return nil
}

// takeOver echoes what comes on the client's connection, and tells what it was before it closes.
func takeOver(w http.ResponseWriter, begins string, tell func(map[string]any) error) (map[string]any, error) {
	connection, buffered, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return nil, err
	}
	defer connection.Close()
	if _, err := io.WriteString(connection, begins); err != nil {
		return nil, err
	}
	content, err := digest(io.TeeReader(buffered.Reader, connection), -1)
	if err != nil {
		return nil, err
	}
	return content, tell(content)
}

// serveFile looks at an upload.
func (c *conformance) serveFile(wanted *hookCase, spec *m.MethodSpec, args *m.FileWillBeUploadedArgs, returns *m.FileWillBeUploadedReturns) error {
	uploaded, err := c.server.broker.Dial(args.UploadedFileStream)
	if err != nil {
		return err
	}
	file := &pullReader{uploaded}
	defer file.Close()
	replacement, err := c.server.broker.Dial(args.ReplacementFileStream)
	if err != nil {
		return err
	}
	defer replacement.Close()
	if wanted.Hook == "" {
		returns.A = args.B
		return nil
	}
	content, err := digest(file, wanted.Read)
	if err != nil {
		return err
	}
	if err := c.received(wanted, spec, args, map[string]any{"body": content}); err != nil {
		return err
	}
	if err := wanted.Body.send(replacement); err != nil {
		return err
	}
	switch {
	case wanted.Fail != "":
		return &m.ErrorString{Err: wanted.Fail}
	case wanted.Returns == nil:
		returns.A = args.B
		return nil
	}
	return wanted.giveReturns(spec, reflect.ValueOf(returns).Elem())
}
