package driver

import (
	"database/sql"
	"database/sql/driver"
	"io"

	"github.com/lib/pq"

	"mattermost-plugin/mattermost"
)

// codes are the numbers of the errors that the other side turns back into themselves.
var codes = map[error]int{
	io.EOF: 1, sql.ErrNoRows: 2, sql.ErrConnDone: 3, sql.ErrTxDone: 4,
	driver.ErrSkip: 5, driver.ErrBadConn: 6, driver.ErrRemoveArgument: 7,
}

// encodable makes an error fit for the wire: PostgreSQL's own travels as it is, every other one as its text and number.
// Wrapped errors count as others, as on the server.
func encodable(err error) error {
	switch err := err.(type) {
	case nil:
		return nil
	case *pq.Error:
		return &mattermost.PQError{
			Severity: err.Severity, Code: string(err.Code), Message: err.Message, Detail: err.Detail, Hint: err.Hint,
			Position: err.Position, InternalPosition: err.InternalPosition, InternalQuery: err.InternalQuery, Where: err.Where,
			Schema: err.Schema, Table: err.Table, Column: err.Column, DataTypeName: err.DataTypeName, Constraint: err.Constraint,
			File: err.File, Line: err.Line, Routine: err.Routine,
		}
	}
	return &mattermost.ErrorString{Code: numberOf(err), Err: err.Error()}
}

// numberOf compares in a loop, because an error of a type that cannot be a map's key would panic there.
func numberOf(err error) int {
	for known, code := range codes {
		if err == known {
			return code
		}
	}
	return 0
}
