package host

import (
	"encoding/binary"
	"fmt"
	"io"
	"reflect"
	"unsafe"

	goplugin "github.com/hashicorp/go-plugin"
	"github.com/hashicorp/yamux"
)

// unexported returns a field that Go hides; only a host that misbehaves on purpose needs one.
func unexported(value reflect.Value, name string) (reflect.Value, error) {
	field := value.FieldByName(name)
	if !field.IsValid() {
		return field, fmt.Errorf("%s has no field %s any more", value.Type(), name)
	}
	return reflect.NewAt(field.Type(), unsafe.Pointer(field.UnsafeAddr())).Elem(), nil
}

// WriteGarbage writes bytes on the hooks' stream between two requests.
func (p *Plugin) WriteGarbage(data []byte) error {
	codec, err := unexported(reflect.ValueOf(p.connection.hooks).Elem(), "codec")
	if err != nil {
		return err
	}
	conn, err := unexported(codec.Elem().Elem(), "rwc")
	if err != nil {
		return err
	}
	_, err = conn.Interface().(io.Writer).Write(data)
	return err
}

// DialNobody opens a broker stream with an id on which the plugin never accepts, and leaves it open.
func (p *Plugin) DialNobody() error {
	session, err := session(p.connection.broker)
	if err != nil {
		return err
	}
	stream, err := session.OpenStream()
	if err != nil {
		return err
	}
	return binary.Write(stream, binary.LittleEndian, uint32(1<<31))
}

func session(broker *goplugin.MuxBroker) (*yamux.Session, error) {
	field, err := unexported(reflect.ValueOf(broker).Elem(), "session")
	if err != nil {
		return nil, err
	}
	return field.Interface().(*yamux.Session), nil
}
