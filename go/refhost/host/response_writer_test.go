package host

import (
	"net/http"
	"net/http/httptest"
	"reflect"
	"regexp"
	"testing"
	"time"
)

func newWriter(w http.ResponseWriter) (*responseWriter, *Log) {
	log := NewLog()
	plugin := &Plugin{Manifest: &Manifest{ID: "x"}, options: Options{Log: log}}
	return &responseWriter{plugin: plugin, hook: "ServeHTTP", writer: w}, log
}

func logged(log *Log, message string) bool {
	for _, entry := range log.Entries(0) {
		if entry.Message == message && entry.Level == "error" {
			return true
		}
	}
	return false
}

func TestSyncHeaderReplaces(t *testing.T) {
	recorder := httptest.NewRecorder()
	recorder.Header().Set("Gone", "1")
	recorder.Header().Set("Changed", "1")
	writer, _ := newWriter(recorder)
	want := http.Header{"Changed": {"2", "3"}, "lower-Case": {"4"}}
	if err := writer.SyncHeader(want, nil); err != nil || !reflect.DeepEqual(recorder.Header(), want) {
		t.Errorf("%v, %v", recorder.Header(), err)
	}
	var got http.Header
	if err := writer.Header(struct{}{}, &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("%v, %v", got, err)
	}
	if err := writer.SyncHeader(nil, nil); err != nil || len(recorder.Header()) != 0 {
		t.Errorf("%v, %v", recorder.Header(), err)
	}
}

func TestAWriterThatCannotBeHijacked(t *testing.T) {
	writer, _ := newWriter(httptest.NewRecorder())
	if err := writer.HijackResponse(struct{}{}, nil); err != errCannotHijack {
		t.Errorf("%v", err)
	}
	var data []byte
	var written int
	for name, err := range map[string]error{
		"HjConnRead":             writer.HjConnRead(1, &data),
		"HjConnWrite":            writer.HjConnWrite(nil, &written),
		"HjConnRWRead":           writer.HjConnRWRead([]byte{0}, &data),
		"HjConnRWWrite":          writer.HjConnRWWrite(nil, &written),
		"HjConnClose":            writer.HjConnClose(struct{}{}, nil),
		"HjConnSetDeadline":      writer.HjConnSetDeadline(time.Time{}, nil),
		"HjConnSetReadDeadline":  writer.HjConnSetReadDeadline(time.Time{}, nil),
		"HjConnSetWriteDeadline": writer.HjConnSetWriteDeadline(time.Time{}, nil),
	} {
		if err != errNotHijacked {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestMisuseOfTheWriterIsLogged(t *testing.T) {
	writer, log := newWriter(httptest.NewRecorder())
	inside, outside := make(chan struct{}), make(chan error)
	first := make(chan error)
	go func() {
		first <- writer.use("Write", func(http.ResponseWriter) error {
			close(inside)
			return <-outside
		})
	}()
	<-inside
	second := make(chan error)
	changed := log.Len()
	go func() { second <- writer.Flush(struct{}{}, nil) }()
	awaitLog(t, log, changed)
	outside <- nil
	if err := <-first; err != nil {
		t.Error(err)
	}
	if err := <-second; err != nil {
		t.Error(err)
	}
	if !logged(log, "the response writer was called twice at once") {
		t.Errorf("%v", log.Entries(0))
	}
	writer.end()
	if err := writer.Write([]byte("late"), nil); err != errEnded || !logged(log, "the response writer was called after the hook's reply") {
		t.Errorf("%v, %v", err, log.Entries(0))
	}
}

var anything = regexp.MustCompile(``)

func awaitLog(t *testing.T, log *Log, from int) {
	t.Helper()
	if _, ok := log.Await(from, anything, 10*time.Second); !ok {
		t.Fatal("nothing was logged")
	}
}
