package model

import "time"

// Kind is reached; Season is not.
type (
	Kind   string
	Season int
)

const (
	KindPlain Kind = "plain"
	KindRich  Kind = Kind("rich")
	kindOld   Kind = "old"

	NoteTypePrefix  = "custom_"
	NoteTypeDefault = ""
	NoteTypeCard    = NoteTypePrefix + `card "<&>"`

	NoteMaxRunes = 1 << 14
	NoteRatio    = 0.5
	NoteTimeout  = 5 * time.Second
	noteHidden   = 1
)

const (
	Spring Season = iota
	Summer
	_
	Winter
)
