package conform

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"time"
)

// takeOver is the client of a handler that takes the connection over: it sends its content and must get it back behind the
// text with which the handler begins, and then the end, when it has ended its side.
func (c *httpCase) takeOver(s *session, e *exchange) {
	connection, err := net.Dial("tcp", s.front.server.Listener.Addr().String())
	if err != nil {
		c.problemf("%v", err)
		return
	}
	defer connection.Close()
	if err := c.converse(connection.(*net.TCPConn)); err != nil {
		c.problemf("on the connection that was taken over: %v", err)
		return
	}
	<-e.done
	c.checkRequest(s, e, digestOf(c.content))
}

func (c *httpCase) converse(connection *net.TCPConn) error {
	if err := connection.SetDeadline(time.Now().Add(exchangeLimit)); err != nil {
		return err
	}
	_, err := fmt.Fprintf(connection, "GET %s HTTP/1.1\r\nHost: host.example\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n", c.target)
	if err != nil {
		return err
	}
	reader := bufio.NewReader(connection)
	begins := make([]byte, len(c.told.hijack))
	if _, err := io.ReadFull(reader, begins); err != nil || string(begins) != c.told.hijack {
		return fmt.Errorf("it begins with %q, %w", begins, err)
	}
	sent := make(chan error, 1)
	go func() {
		_, err := connection.Write(c.content)
		sent <- err
	}()
	echoed := make([]byte, len(c.content))
	if count, err := io.ReadFull(reader, echoed); err != nil || !bytes.Equal(echoed, c.content) {
		return fmt.Errorf("%d of %d bytes came back, %w", count, len(echoed), err)
	}
	if err := <-sent; err != nil {
		return err
	}
	if err := connection.CloseWrite(); err != nil {
		return err
	}
	if _, err := reader.ReadByte(); err != io.EOF {
		return fmt.Errorf("the handler did not close it: %v", err)
	}
	return nil
}
