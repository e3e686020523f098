package host

import (
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// Targets of PluginHTTP that are no plugins.
const (
	TargetEcho = "refhost-echo" // the request's body, as it comes in, with status 201 and two cookies
	TargetSlow = "refhost-slow" // lines, each flushed; ?lines=N, else 5
	TargetNone = "refhost-none" // no response at all
)

var targets = map[string]http.HandlerFunc{TargetEcho: echo, TargetSlow: lines}

// echo tells in X-Echo-* what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	headers := w.Header()
	headers.Add("Set-Cookie", "first=1")
	headers.Add("Set-Cookie", "second=2")
	headers.Set("X-Echo-Method", r.Method)
	headers.Set("X-Echo-Url", r.URL.String())
	for _, value := range r.Header["X-Repeated"] {
		headers.Add("X-Repeated", value)
	}
	w.WriteHeader(http.StatusCreated)
	// A reader that goes away ends the copy; there is nobody to tell.
	_, _ = io.Copy(w, r.Body)
}

func lines(w http.ResponseWriter, r *http.Request) {
	count, err := strconv.Atoi(r.URL.Query().Get("lines"))
	if err != nil {
		count = 5
	}
	w.Header().Set("Content-Type", "text/plain")
	for number := range count {
		if _, err := fmt.Fprintf(w, "line %d\n", number); err != nil {
			return
		}
		w.(http.Flusher).Flush()
	}
}
