package plugin

import (
	"io"
	"net/http"

	"fixture.test/server/public/model"
	"fixture.test/server/public/shared/log"
)

// API is a small interface with one method for each thing that the extractor has to get right.
type API interface {
	// Find looks for notes.
	//
	// @tag Note
	// @tag Search
	// Minimum server version: 5.6
	Find(teamID string, page, perPage int) (notes []*model.Note, total int64, err *model.Problem)

	// Say writes a line to the log.
	//
	// @tag Logging
	// Minimum server version: 6
	Say(message string, values ...any)

	Shout(level log.Level, colours map[string][]model.Colour) error

	// Upload stores what it reads.
	//
	// Minimum server version: 10.0.1
	Upload(book model.Book, rd io.Reader) error

	// Fetch has two RPCs.
	Fetch(request *http.Request) *http.Response
}
