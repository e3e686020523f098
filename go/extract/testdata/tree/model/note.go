package model

import (
	"encoding/json"
	"net/http"
	"net/url"
	"sync"
	"time"

	"fixture.test/server/public/shared/log"
	"other.test/auth/go-identity/v3"
)

// Note has a field of every form.
type Note struct {
	Id          string `json:"id"`
	First, Last string
	CreateAt    int64            `json:"create_at,omitempty"`
	Secret      string           `json:"-"`
	Untitled    *bool            `json:",omitempty"`
	Kind        Kind             `json:"kind"`
	Props       Props            `json:"props" db:"Props"`
	Tags        Strings          `json:"tags"`
	Raw         json.RawMessage  `json:"raw"`
	Body        []byte           `json:"body"`
	Colour      []Colour         `json:"colour"`
	When        time.Time        `json:"when"`
	Until       *time.Time       `json:"until"`
	Link        *url.URL         `json:"link"`
	Header      http.Header      `json:"header"`
	Wait        time.Duration    `json:"wait"`
	Replies     map[string]*Note `json:"replies"`
	Attachments []*Attachment    `json:"attachments"`
	Old         OldAttachment    `json:"old"`
	Anything    any              `json:"anything"`
	Reader      Reader           `json:"reader"`
	Err         error            `json:"err"`
	Choices     Options[Option]  `json:"choices"`
	Empty       struct{}         `json:"empty"`
	Letter      rune             `json:"letter"`
	Ratio       float32          `json:"ratio"`
	Translate   func() string    `json:"translate"`
	Pointed     *func()
	Done        chan bool
	Format      log.Format `json:"format,string"`
	private     string
	once        sync.Once
	log         *log.Logger
	claims      identity.Claims
	Base        `json:"base"`
	*Owner
	Strings
	hidden
}

// Base is embedded.
type Base struct {
	Version uint16 `json:"version"`
}

// Owner is embedded as a pointer.
type Owner struct {
	Name string `json:"name"`
}

type hidden struct {
	Lost int
}

// Attachment refers to itself.
type Attachment struct {
	Parent *Attachment
}

// OldAttachment is the former name.
type OldAttachment = Attachment

// Reader is an interface with methods, which gob treats as any other.
type Reader interface {
	Read(p []byte) (int, error)
}

// Props and Strings are named, Colour is a byte.
type (
	Props   map[string]any
	Strings []string
	Colour  uint8
)

// Option is what Options are of.
type Option struct {
	Data map[string]string `json:"data"`
}

// Options is generic.
type Options[T any] []T

// Problem is an error.
type Problem struct {
	Id     string `json:"id"`
	params map[string]any
}

// Book is reached by the API's signatures alone.
type Book struct {
	Title string
}

// Unreached is not.
type Unreached struct {
	Missing identity.Nothing
}

var cache = identity.NewCache(64)
