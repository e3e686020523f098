package soak

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// A talk on a connection that the plugin has taken over, as a WebSocket is.
const (
	talkLines = 10
	talkPause = 100 * time.Millisecond
)

func (s *session) talk(number int) (outcome, error) {
	connection, err := net.Dial("tcp", s.address)
	if err != nil {
		return 0, err
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(patience)); err != nil {
		return 0, err
	}
	request := "GET /plugins/" + s.plugin.ID() + "/talk HTTP/1.1\r\nHost: host.example\r\nConnection: Upgrade\r\nUpgrade: talk\r\n\r\n"
	if _, err := io.WriteString(connection, request); err != nil {
		return brokenOff(err)
	}
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	switch {
	case err != nil:
		return brokenOff(err)
	case response.StatusCode == http.StatusServiceUnavailable:
		return putOff(response)
	case response.StatusCode != http.StatusSwitchingProtocols:
		return 0, fmt.Errorf("the connection was not taken over: status %d", response.StatusCode)
	}
	for line := range talkLines {
		said := fmt.Sprintf("talk %d line %d\n", number, line)
		if _, err := io.WriteString(connection, said); err != nil {
			return brokenOff(err)
		}
		heard, err := reader.ReadString('\n')
		if err != nil {
			return brokenOff(err)
		}
		if heard != strings.ToUpper(said) {
			return 0, fmt.Errorf("said %q, heard %q", said, heard)
		}
		time.Sleep(talkPause)
	}
	return served, nil
}
