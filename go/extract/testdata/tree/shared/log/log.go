// Package log is imported by the others.
package log

import "other.test/logging"

// Level is another module's.
type Level = logging.Level

// Logger has nothing that can be sent.
type Logger struct {
	levels []Level
}

// Format is reached by a field in another package.
type Format int32

// FormatPlain belongs to Format; Lines belongs to no type, and this is not a package that plugins use constants of.
const (
	FormatPlain Format = -1
	Lines              = 3
)
