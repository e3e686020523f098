package host

import (
	"errors"

	"mattermost-plugin/mattermost"
	"mattermost-plugin/refhost/answer"
)

// APIStreamMethods are the RPC methods of the API that carry streams, the older form of PluginHTTP included, which carries
// its bodies in the call.
var APIStreamMethods = []string{"InstallPlugin", "UploadData", "PluginHTTPStream", "PluginHTTP"}

// apiService is the generated service and the one method that is not in the schema: PluginHTTP of servers that have no
// PluginHTTPStream.
type apiService struct {
	*mattermost.APIServer
	plugin *Plugin
}

func newAPIService(p *Plugin) *apiService {
	return &apiService{APIServer: &mattermost.APIServer{Handler: &streamingAPI{plugin: p, inner: p.options.API}}, plugin: p}
}

// PluginHTTP serves the RPC of that name.
func (s *apiService) PluginHTTP(args *mattermost.PluginHTTPArgs, returns *mattermost.PluginHTTPReturns) error {
	s.plugin.options.APIStreams.Add("PluginHTTP")
	return s.plugin.pluginHTTPBuffered(args, returns)
}

// streamingAPI answers the calls with streams; they need the broker of the plugin that called. All others, and what a test
// has set a rule for, belong to the inner handler.
type streamingAPI struct {
	plugin *Plugin
	inner  mattermost.Handler
}

// Serve implements mattermost.Handler.
func (s *streamingAPI) Serve(spec *mattermost.MethodSpec, args, returns any) error {
	if spec.Streams {
		s.plugin.options.APIStreams.Add(spec.RPC)
	}
	err := s.inner.Serve(spec, args, returns)
	if !errors.Is(err, answer.ErrStreams) {
		return err
	}
	switch args := args.(type) {
	case *mattermost.UploadDataArgs:
		return s.plugin.uploadData(args, returns.(*mattermost.UploadDataReturns))
	case *mattermost.InstallPluginArgs:
		return s.plugin.installPlugin(args, returns.(*mattermost.InstallPluginReturns))
	case *mattermost.PluginHTTPStreamArgs:
		return s.plugin.pluginHTTPStream(args, returns.(*mattermost.PluginHTTPStreamReturns))
	}
	return err
}
