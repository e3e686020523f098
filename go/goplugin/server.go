package main

import (
	"fmt"
	"log"
	"net/rpc"
	"os"

	goplugin "github.com/hashicorp/go-plugin"

	m "mattermost-plugin/mattermost"
)

// server answers the hooks.
type server struct {
	broker      *goplugin.MuxBroker
	mode        string
	conformance *conformance
	api         *api
	driver      *rpc.Client
}

func newServer(broker *goplugin.MuxBroker, mode string) *m.HooksServer {
	s := &server{broker: broker, mode: mode}
	if mode == "conformance" || mode == "late" {
		s.conformance = &conformance{server: s}
	}
	if mode == "late" {
		s.conformance.startLate()
	}
	return &m.HooksServer{Handler: s}
}

// modeIdle is a plugin that answers nothing and has no streams.
const modeIdle = "idle"

// implemented are the hooks of the demo and the benchmark.
var implemented = []string{
	"OnActivate", "OnDeactivate", "OnConfigurationChange", "MessageWillBePosted", "MessageWillBeUpdated", "ExecuteCommand",
	"ServeHTTP", "ServeMetrics", "FileWillBeUploaded",
}

// Serve implements mattermost.Handler for the hooks.
func (s *server) Serve(spec *m.MethodSpec, args, returns any) error {
	switch spec.Name {
	case "Implemented":
		*returns.(*[]string) = s.names()
		return nil
	case "OnActivate":
		return s.onActivate(args.(*m.OnActivateArgs), returns.(*m.OnActivateReturns))
	}
	if s.conformance != nil {
		return s.conformance.serve(spec, args, returns)
	}
	if s.mode == modeIdle {
		return nil
	}
	switch args := args.(type) {
	case *m.MessageWillBePostedArgs:
		returns := returns.(*m.MessageWillBePostedReturns)
		returns.A, returns.B = s.messageWillBePosted(args.B)
	case *m.MessageWillBeUpdatedArgs:
		returns.(*m.MessageWillBeUpdatedReturns).A = args.B
	case *m.ExecuteCommandArgs:
		returns.(*m.ExecuteCommandReturns).A = s.executeCommand(args.B)
	case *m.ServeHTTPArgs:
		return s.serveRequest(remoteRequest{args.ResponseWriterStream, args.RequestBodyStream, args.Request}, s.route)
	case *m.ServeMetricsArgs:
		return s.serveRequest(remoteRequest{args.ResponseWriterStream, args.RequestBodyStream, args.Request}, metrics)
	case *m.FileWillBeUploadedArgs:
		return s.fileWillBeUploaded(args, returns.(*m.FileWillBeUploadedReturns))
	case *m.OnDeactivateArgs:
		s.api.log("Go plugin deactivated")
	case *m.OnConfigurationChangeArgs:
		return s.api.loadConfiguration(&struct{}{})
	default:
		return &m.ErrorString{Err: fmt.Sprintf("Hook %s called but not implemented.", spec.Name)}
	}
	return nil
}

func (s *server) names() []string {
	if s.conformance != nil {
		return s.conformance.names()
	}
	if s.mode == modeIdle {
		return []string{"OnActivate", "MessageWillBePosted"}
	}
	return implemented
}

// onActivate dials the API's and the driver's connection, in this order, and then lets the plugin read its configuration and
// activate, as Mattermost's plugin library does.
func (s *server) onActivate(args *m.OnActivateArgs, returns *m.OnActivateReturns) error {
	apiConnection, err := s.broker.Dial(args.APIMuxId)
	if err != nil {
		return err
	}
	driverConnection, err := s.broker.Dial(args.DriverMuxId)
	if err != nil {
		return err
	}
	s.api = &api{client: rpc.NewClient(apiConnection)}
	s.driver = rpc.NewClient(driverConnection)
	var settings struct {
		Directory string `json:"conformance_dir"`
	}
	if err := s.api.loadConfiguration(&settings); err != nil {
		fmt.Fprintf(os.Stderr, "[ERROR] call to OnConfigurationChange failed, error: %v", err)
	}
	// go-plugin has redirected standard error; Mattermost's library points the standard logger at it again.
	log.SetOutput(os.Stderr)
	if s.conformance != nil {
		s.conformance.directory = settings.Directory
		return s.conformance.serve(m.HookByName("OnActivate"), args, returns)
	}
	if err := s.activate(); err != nil {
		returns.A = &m.ErrorString{Err: err.Error()}
	}
	return nil
}

func (s *server) activate() error {
	version := &m.GetServerVersionReturns{}
	if err := s.api.call("GetServerVersion", &m.GetServerVersionArgs{}, version); err != nil {
		return err
	}
	s.api.log("Go plugin activated", "server_version", version.A)
	trigger := "gopher"
	if s.mode == "hello" {
		trigger = "hello"
	}
	registered := &m.RegisterCommandReturns{}
	command := &m.Command{Trigger: trigger, AutoComplete: true, AutoCompleteDesc: "Greets from Go", DisplayName: trigger}
	if err := s.api.call("RegisterCommand", &m.RegisterCommandArgs{A: command}, registered); err != nil {
		return err
	}
	return registered.A
}
