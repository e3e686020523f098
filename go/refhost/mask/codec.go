package mask

import (
	"bufio"
	"encoding/gob"
	"io"
	"log"
	"net/rpc"
	"strings"
)

// hiddenMark makes a method name that net/rpc cannot find; it is taken out of the error text again.
const hiddenMark = "\x00"

// codec is net/rpc's gob server codec with the mask between the wire and the method's own types. Dispatch, concurrency and
// error texts are net/rpc's.
type codec struct {
	mask    *Mask
	conn    io.ReadWriteCloser
	decoder *gob.Decoder
	encoder *gob.Encoder
	buffer  *bufio.Writer
	closed  bool
}

// NewServerCodec returns the codec for rpc.Server.ServeCodec.
func NewServerCodec(m *Mask, conn io.ReadWriteCloser) rpc.ServerCodec {
	buffer := bufio.NewWriter(conn)
	return &codec{mask: m, conn: conn, decoder: gob.NewDecoder(conn), encoder: gob.NewEncoder(buffer), buffer: buffer}
}

func (c *codec) ReadRequestHeader(request *rpc.Request) error {
	if err := c.decoder.Decode(request); err != nil {
		return err
	}
	if _, method, ok := strings.Cut(request.ServiceMethod, "."); ok && c.mask.Hides(method) {
		request.ServiceMethod += hiddenMark
	}
	return nil
}

func (c *codec) ReadRequestBody(body any) error {
	masked := c.mask.Out(body)
	// A nil body means that the value is read and thrown away.
	if err := c.decoder.Decode(masked); err != nil || body == nil {
		return err
	}
	c.mask.Back(body, masked)
	return nil
}

// WriteResponse closes the connection when a reply cannot be encoded, as net/rpc's own codec does: the header is already in
// the buffer, and the stream could not be continued.
func (c *codec) WriteResponse(response *rpc.Response, body any) error {
	response.ServiceMethod = strings.ReplaceAll(response.ServiceMethod, hiddenMark, "")
	response.Error = strings.ReplaceAll(response.Error, hiddenMark, "")
	if err := c.encode("response", response); err != nil {
		return err
	}
	if err := c.encode("body", c.maskedReply(body)); err != nil {
		return err
	}
	return c.buffer.Flush()
}

// maskedReply leaves the empty struct that stands for an error alone.
func (c *codec) maskedReply(body any) any {
	if body == (struct{}{}) {
		return body
	}
	return c.mask.Out(body)
}

func (c *codec) encode(what string, value any) error {
	err := c.encoder.Encode(value)
	if err != nil && c.buffer.Flush() == nil {
		log.Printf("rpc: gob error encoding %s: %v", what, err)
		c.Close()
	}
	return err
}

func (c *codec) Close() error {
	if c.closed {
		return nil
	}
	c.closed = true
	return c.conn.Close()
}
