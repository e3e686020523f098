// The peer is Go's side of the transcoder's tests: it writes the arguments of hooks with Go's own gob, and reads the replies.
//
// It answers one JSON line with another:
//
//	{"op": "open"}                                        a fresh connection: new streams in both directions
//	{"op": "args", "scenario": "rich"}                    {"gob": ..., "value": ...}: the arguments on the stream, and what they are
//	{"op": "reply", "scenario": "rich", "gob": ...}       {"value": ...}: what the host has after it has decoded the reply
//	{"op": "filled", "method": "Conn", "part": "args"}    {"gob": ..., "value": ...}: the argument ("results": the reply) of any method, filled
//	{"op": "failed", "method": "Conn", "code": 1}         {"gob": ..., "value": ...}: a reply with an error of that code
//	{"op": "read", "method": ..., "part": ..., "gob": ..} {"value": ...}: what Go reads
//
// Values are described with their Go types, see describe.go.
package main

import (
	"bufio"
	"bytes"
	"encoding/gob"
	"encoding/json"
	"fmt"
	"os"
)

type request struct {
	Op       string `json:"op"`
	Scenario string `json:"scenario"`
	Method   string `json:"method"`
	Part     string `json:"part"`
	Code     int    `json:"code"`
	Gob      []byte `json:"gob"`
}

type response struct {
	Gob   []byte `json:"gob,omitempty"`
	Value any    `json:"value,omitempty"`
	Error string `json:"error,omitempty"`
}

// connection is a pair of gob streams.
type connection struct {
	out, in bytes.Buffer
	encoder *gob.Encoder
	decoder *gob.Decoder
}

func open() *connection {
	c := &connection{}
	c.encoder = gob.NewEncoder(&c.out)
	c.decoder = gob.NewDecoder(&c.in)
	return c
}

func (c *connection) args(scenario string) (response, error) {
	args, _, err := build(scenario)
	if err != nil {
		return response{}, err
	}
	return c.write(args)
}

func (c *connection) write(value any) (response, error) {
	c.out.Reset()
	if err := c.encoder.Encode(value); err != nil {
		return response{}, err
	}
	return response{Gob: bytes.Clone(c.out.Bytes()), Value: describe(value)}, nil
}

func (c *connection) reply(scenario string, bytes []byte) (response, error) {
	_, reply, err := build(scenario)
	if err != nil {
		return response{}, err
	}
	return c.read(reply, bytes)
}

func (c *connection) read(value any, bytes []byte) (response, error) {
	c.in.Write(bytes)
	if err := c.decoder.Decode(value); err != nil {
		return response{}, err
	}
	if c.in.Len() > 0 {
		return response{}, fmt.Errorf("%d bytes follow the value", c.in.Len())
	}
	return response{Value: describe(value)}, nil
}

func main() {
	lines := bufio.NewReader(os.Stdin)
	answers := json.NewEncoder(os.Stdout)
	current := open()
	for {
		line, err := lines.ReadBytes('\n')
		if err != nil {
			return
		}
		if err := answers.Encode(answer(&current, line)); err != nil {
			return
		}
	}
}

func answer(current **connection, line []byte) (answer response) {
	var asked request
	err := json.Unmarshal(line, &asked)
	var value any
	if err == nil {
		switch asked.Op {
		case "open":
			*current = open()
		case "args":
			answer, err = (*current).args(asked.Scenario)
		case "reply":
			answer, err = (*current).reply(asked.Scenario, asked.Gob)
		case "filled":
			if value, err = filled(asked.Method, asked.Part); err == nil {
				answer, err = (*current).write(value)
			}
		case "failed":
			if value, err = failed(asked.Method, asked.Code); err == nil {
				answer, err = (*current).write(value)
			}
		case "read":
			if value, err = zero(asked.Method, asked.Part); err == nil {
				answer, err = (*current).read(value, asked.Gob)
			}
		default:
			err = fmt.Errorf("unknown op %q", asked.Op)
		}
	}
	if err != nil {
		answer.Error = err.Error()
	}
	return answer
}
