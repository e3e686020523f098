package host

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"mattermost-plugin/mattermost"
)

// What a test wants of an upload is the beginning of the session's file name, or the first line of an installed bundle.
const (
	wantRefuse = "refuse" // an AppError without reading anything (of a bundle: after its first line)
	wantEarly  = "early"  // an answer after earlySize bytes
	wantSlow   = "slow"   // reads of slowSize bytes
	earlySize  = 100
	slowSize   = 1024
)

// received is what was read from a stream.
type received struct {
	size   int64
	sha256 string
}

// uploadData reads the stream and answers with a FileInfo of its size and, as name and media type, its SHA-256.
func (p *Plugin) uploadData(args *mattermost.UploadDataArgs, returns *mattermost.UploadDataReturns) error {
	if args.A == nil {
		return p.crash("UploadData", "the upload session is nil")
	}
	connection, err := p.connection.broker.Dial(args.PluginStreamID)
	if err != nil {
		return err
	}
	reader := &pullReader{connection}
	defer reader.Close()
	if strings.HasPrefix(args.A.Filename, wantRefuse) {
		returns.B = refused("UploadData")
		return nil
	}
	got, err := digest(reader, args.A.Filename)
	if err != nil {
		returns.B = EncodableError(err)
		return nil
	}
	returns.A = &mattermost.FileInfo{
		Id: args.A.Id, CreatorId: args.A.UserId, ChannelId: args.A.ChannelId, Path: args.A.Path,
		Name: got.sha256, MimeType: got.sha256, Size: got.size,
	}
	return nil
}

// installPlugin reads the stream and answers with a manifest whose id is the SHA-256 and whose version is the size.
func (p *Plugin) installPlugin(args *mattermost.InstallPluginArgs, returns *mattermost.InstallPluginReturns) error {
	connection, err := p.connection.broker.Dial(args.PluginStreamID)
	if err != nil {
		return err
	}
	reader := &pullReader{connection}
	defer reader.Close()
	beginning := make([]byte, len(wantRefuse))
	read, err := io.ReadFull(reader, beginning)
	if err != nil && err != io.EOF && err != io.ErrUnexpectedEOF {
		return err
	}
	want := string(beginning[:read])
	if want == wantRefuse {
		returns.B = refused("InstallPlugin")
		return nil
	}
	got, err := digest(io.MultiReader(strings.NewReader(want), reader), want)
	if err != nil {
		return err
	}
	returns.A = &mattermost.Manifest{
		Id: got.sha256, Name: got.sha256, Version: strconv.FormatInt(got.size, 10), Description: fmt.Sprintf("replace=%t", args.B),
	}
	return nil
}

// digest reads a stream as the wish says. The size of the buffer is how much is asked for at once; the struct hides a WriteTo,
// which would not use it.
func digest(reader io.Reader, want string) (received, error) {
	buffer := make([]byte, copySize)
	switch {
	case strings.HasPrefix(want, wantEarly):
		reader = io.LimitReader(reader, earlySize)
	case strings.HasPrefix(want, wantSlow):
		buffer = buffer[:slowSize]
	}
	hash := sha256.New()
	size, err := io.CopyBuffer(hash, struct{ io.Reader }{reader}, buffer)
	return received{size, hex.EncodeToString(hash.Sum(nil))}, err
}

func refused(method string) *mattermost.AppError {
	return &mattermost.AppError{
		Id: "refhost.refused", Message: "The host refuses this upload.", Where: method, StatusCode: http.StatusRequestEntityTooLarge,
	}
}
