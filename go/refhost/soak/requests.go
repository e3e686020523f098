package soak

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const (
	largestDownload = 32 << 10
	largestUpload   = 256 << 10
	lineCount       = 20
)

// pattern makes bytes that follow from the seed, as the plugin does.
func pattern(seed, size int) []byte {
	var body []byte
	for block := 0; len(body) < size; block++ {
		sum := sha256.Sum256(fmt.Appendf(nil, "%d:%d", seed, block))
		body = append(body, sum[:]...)
	}
	return body[:size]
}

// download gets a body, which says how long it is.
func (s *session) download(number int) (outcome, error) {
	size := number * 7919 % largestDownload
	return s.request(http.MethodGet, fmt.Sprintf("/pattern?seed=%d&bytes=%d", number, size), nil, pattern(number, size))
}

// upload sends a body; the answer says what the plugin has read.
func (s *session) upload(number int) (outcome, error) {
	body := pattern(number, number*7919%largestUpload)
	want := fmt.Appendf(nil, `{"bytes": %d, "sha256": "%x"}`, len(body), sha256.Sum256(body))
	return s.request(http.MethodPost, "/sum", bytes.NewReader(body), want)
}

// lines gets an answer that comes slowly, in chunks: only the end of the last one tells that it is complete.
func (s *session) lines(int) (outcome, error) {
	var want strings.Builder
	for number := range lineCount {
		fmt.Fprintf(&want, "line %d\n", number)
	}
	return s.request(http.MethodGet, fmt.Sprintf("/lines?count=%d", lineCount), nil, []byte(want.String()))
}

// request makes a request. An answer that is complete has to be right.
func (s *session) request(method, path string, body io.Reader, want []byte) (outcome, error) {
	request, err := http.NewRequest(method, s.base+path, body)
	if err != nil {
		return 0, err
	}
	response, err := s.client.Do(request)
	if err != nil {
		return brokenOff(err)
	}
	defer response.Body.Close()
	got, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return brokenOff(err)
	case response.StatusCode == http.StatusServiceUnavailable:
		return putOff(response)
	case response.StatusCode != http.StatusOK:
		return 0, fmt.Errorf("%s %s: status %d, %.100q", method, path, response.StatusCode, got)
	case !bytes.Equal(got, want):
		return 0, fmt.Errorf("%s %s: %d bytes came that are not the %d of a right answer; the last: %q", method, path, len(got), len(want), got[max(0, len(got)-50):])
	}
	return served, nil
}

// putOff is the answer 503, which has to say when to come back.
func putOff(response *http.Response) (outcome, error) {
	if response.Header.Get("Retry-After") == "" {
		return 0, errors.New("an answer 503 has no Retry-After")
	}
	return refused, nil
}

// brokenOff is what a client sees when the connection ends early; a timeout is nothing of the kind.
func brokenOff(err error) (outcome, error) {
	var late interface{ Timeout() bool }
	if errors.As(err, &late) && late.Timeout() {
		return 0, err
	}
	return broken, nil
}
