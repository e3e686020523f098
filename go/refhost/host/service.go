package host

import (
	"errors"
	"log"
	"net/rpc"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/mask"
)

// serve accepts a broker stream and serves the service "Plugin" on it until it is closed. Without a mask this is go-plugin's
// own AcceptAndServe.
func (p *Plugin) serve(id uint32, service any) {
	if !p.options.Mask.Active() {
		p.connection.broker.AcceptAndServe(id, service)
		return
	}
	conn, err := p.connection.broker.Accept(id)
	if err != nil {
		log.Printf("[ERR] plugin: plugin acceptAndServe error: %s", err)
		return
	}
	server := rpc.NewServer()
	if err := server.RegisterName("Plugin", service); err != nil {
		log.Printf("[ERR] plugin: %s", err)
		conn.Close()
		return
	}
	server.ServeCodec(mask.NewServerCodec(p.options.Mask, conn))
}

// EncodableError makes an error fit for the wire: an AppError travels as it is, every other one as its text.
func EncodableError(err error) error {
	if err == nil {
		return nil
	}
	var appError *mattermost.AppError
	if errors.As(err, &appError) {
		return appError
	}
	var text *mattermost.ErrorString
	if errors.As(err, &text) {
		return text
	}
	return &mattermost.ErrorString{Err: err.Error()}
}
