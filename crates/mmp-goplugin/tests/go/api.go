package main

import (
	"bufio"
	"encoding/binary"
	"io"
	"strings"

	"github.com/hashicorp/go-plugin"
)

// api is the service "Plugin" that the plugin calls.
type api struct {
	broker *plugin.MuxBroker
}

// Upper answers with the text in capitals.
func (a *api) Upper(text string, reply *string) error {
	*reply = strings.ToUpper(text)
	return nil
}

// unregistered is a type that gob refuses in an interface.
type unregistered struct{ X int }

// Holder holds anything.
type Holder struct{ A any }

// Unencodable answers with what gob cannot encode, so that net/rpc closes the connection.
func (a *api) Unencodable(text string, reply *Holder) error {
	reply.A = unregistered{1}
	return nil
}

// Take dials a stream of the plugin and pulls it to its end in small requests, as Mattermost's remote reader does.
func (a *api) Take(id uint32, reply *Summary) error {
	conn, err := a.broker.Dial(id)
	if err != nil {
		return err
	}
	defer conn.Close()
	piece := make([]byte, 32*1024)
	header := make([]byte, binary.MaxVarintLen64)
	for {
		n := binary.PutVarint(header, int64(len(piece)))
		if _, err := conn.Write(header[:n]); err != nil {
			return err
		}
		n, err := conn.Read(piece)
		reply.add(piece[:n])
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// Summary is what arrived of a body.
type Summary struct {
	Length uint64
	Sum    uint64
}

func (s *Summary) add(data []byte) {
	s.Length += uint64(len(data))
	for _, b := range data {
		s.Sum = s.Sum*31 + uint64(b)
	}
}

// servePull accepts a stream and sends what is asked for until the source ends.
func servePull(broker *plugin.MuxBroker, id uint32, source io.Reader) error {
	conn, err := broker.Accept(id)
	if err != nil {
		return err
	}
	defer conn.Close()
	requests := bufio.NewReader(conn)
	for {
		n, err := binary.ReadVarint(requests)
		if err != nil {
			return err
		}
		if _, err := io.CopyN(conn, source, n); err != nil {
			return nil
		}
	}
}
