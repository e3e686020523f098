package plugin

import (
	"database/sql/driver"
	encoding "encoding/gob"
	"net/http"

	"other.test/auth/go-identity/v3"

	"fixture.test/server/public/model"
	"fixture.test/server/public/shared/log"
)

func init() {
	encoding.Register([]any{})
	encoding.Register(map[string]any{})
	encoding.Register(&model.Problem{})
	encoding.Register(&Failure{})
	encoding.Register(model.Options[*model.Option]{})
	encoding.RegisterName("[]*model.Old", []*model.Note{})
	encoding.Register(&identity.Fault{})
}

// Failure is an error without a type of its own.
type Failure struct {
	Code int
	Err  string
}

type apiRPCServer struct{}

type Z_FindArgs struct {
	A string
	B int
	C int
}

type Z_FindReturns struct {
	A []*model.Note
	B int64
	C *model.Problem
}

func (s *apiRPCServer) Find(args *Z_FindArgs, returns *Z_FindReturns) error { return nil }

type Z_SayArgs struct {
	A string
	B []any
}

type Z_SayReturns struct{}

func (s *apiRPCServer) Say(args *Z_SayArgs, returns *Z_SayReturns) error { return nil }

type Z_ShoutArgs struct {
	A log.Level
	B map[string][]model.Colour
}

type Z_ShoutReturns struct {
	A error
}

func (s *apiRPCServer) Shout(args *Z_ShoutArgs, returns *Z_ShoutReturns) error { return nil }

type Z_UploadArgs struct {
	A        model.Book
	StreamID uint32
}

func (s *apiRPCServer) Upload(args *Z_UploadArgs, returns *Z_ShoutReturns) error { return nil }

type Z_FetchArgs struct {
	Header http.Header
	Body   []byte
}

type Z_FetchReturns struct {
	Body []byte
}

func (s *apiRPCServer) Fetch(args *Z_FetchArgs, returns *Z_FetchReturns) error { return nil }

type Z_FetchStreamArgs struct {
	Header http.Header
}

func (s *apiRPCServer) FetchStream(args *Z_FetchStreamArgs, returns *struct{}) error { return nil }

type hooksRPCServer struct{}

type Z_OnStartArgs struct {
	APIMuxId uint32
}

func (s *hooksRPCServer) OnStart(args *Z_OnStartArgs, returns *Z_ShoutReturns) error { return nil }

func (s *hooksRPCServer) Implemented(args struct{}, reply *[]string) error { return nil }

type Z_NoteWillSaveArgs struct {
	A *Context
	B *model.Note
}

type Z_NoteWillSaveReturns struct {
	A *model.Note
	B string
}

func (s *hooksRPCServer) NoteWillSave(args *Z_NoteWillSaveArgs, returns *Z_NoteWillSaveReturns) error {
	return nil
}

type Z_ServeArgs struct {
	Stream  uint32
	Context *Context
}

func (s *hooksRPCServer) Serve(args *Z_ServeArgs, returns *struct{}) error { return nil }

type Z_LoggedInArgs struct {
	A identity.Claims
}

func (s *hooksRPCServer) LoggedIn(args *Z_LoggedInArgs, returns *struct{}) error { return nil }

// wait is not exported and therefore no RPC.
func (s *hooksRPCServer) wait() {}

type dbRPCServer struct{}

type Z_OpenReturn struct {
	A string
	B error
}

func (db *dbRPCServer) Open(primary bool, ret *Z_OpenReturn) error { return nil }

type Z_QueryArgs struct {
	A string
	B []driver.NamedValue
}

type Z_QueryReturn struct {
	A Rows
	B error
}

func (db *dbRPCServer) Query(args *Z_QueryArgs, ret *Z_QueryReturn) error { return nil }

type Z_KindArgs struct {
	A string
	B int
}

func (db *dbRPCServer) Kind(args Z_KindArgs, ret *string) error { return nil }
