package host

import (
	"io"

	"mattermost-plugin/mattermost"
)

// FileWillBeUploaded shows an upload to the plugin. It returns when the replacement's stream has ended, whatever the hook
// answered: a plugin that never dials it makes the server wait for the 5 s of the broker.
func (p *Plugin) FileWillBeUploaded(c *mattermost.Context, info *mattermost.FileInfo, file io.Reader, output io.Writer) (*mattermost.FileInfo, string, error) {
	const hook = "FileWillBeUploaded"
	if !p.Implements(hook) {
		return info, "", ErrNotImplemented
	}
	broker := p.connection.broker
	uploaded := broker.NextId()
	go func() {
		connection, err := broker.Accept(uploaded)
		if err != nil {
			p.logStream("the plugin did not dial the uploaded file", hook, err)
			return
		}
		servePull(file, connection)
	}()
	replacement := broker.NextId()
	replaced := make(chan struct{})
	go func() {
		defer close(replaced)
		p.receive(replacement, output)
	}()
	args := &mattermost.FileWillBeUploadedArgs{A: c, B: info, UploadedFileStream: uploaded, ReplacementFileStream: replacement}
	returns := &mattermost.FileWillBeUploadedReturns{A: info}
	_, err := p.call(hook, args, returns)
	if err != nil {
		p.logCallFailure(hook, err)
	}
	<-replaced
	return returns.A, returns.B, err
}

// receive copies the replacement, which is plain bytes, until the plugin closes the stream.
func (p *Plugin) receive(stream uint32, output io.Writer) {
	const hook = "FileWillBeUploaded"
	connection, err := p.connection.broker.Accept(stream)
	if err != nil {
		p.logStream("the plugin did not dial the replacement", hook, err)
		return
	}
	defer connection.Close()
	if _, err := io.Copy(output, connection); err != nil {
		p.logStream("the replacement could not be read", hook, err)
	}
}

// Open dials a stream that the plugin offers, as that of an upload.
func (p *Plugin) Open(stream uint32) (io.ReadCloser, error) {
	connection, err := p.connection.broker.Dial(stream)
	if err != nil {
		return nil, err
	}
	return &pullReader{connection}, nil
}
