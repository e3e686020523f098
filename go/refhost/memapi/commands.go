package memapi

import (
	"net/http"
	"strings"

	m "mattermost-plugin/mattermost"
)

type registeredCommand struct {
	plugin  string
	command *m.Command
}

func init() {
	on("RegisterCommand", registerCommand)
	on("UnregisterCommand", func(h *handler, a *m.UnregisterCommandArgs, _ *m.UnregisterCommandReturns) {
		h.server.mutex.Lock()
		defer h.server.mutex.Unlock()
		delete(h.server.commands, strings.ToLower(a.B))
	})
	on("ExecuteSlashCommand", func(h *handler, a *m.ExecuteSlashCommandArgs, r *m.ExecuteSlashCommandReturns) {
		response, err := h.server.ExecuteCommand(a.A)
		r.A = response
		if err != nil {
			r.B = err
		}
	})
}

func registerCommand(h *handler, a *m.RegisterCommandArgs, r *m.RegisterCommandReturns) {
	trigger := strings.ToLower(a.A.Trigger)
	if trigger == "" || strings.HasPrefix(trigger, "/") {
		r.A = &m.ErrorString{Err: "invalid command trigger"}
		return
	}
	h.server.mutex.Lock()
	defer h.server.mutex.Unlock()
	command := *a.A
	command.PluginId = h.plugin
	h.server.commands[trigger] = registeredCommand{plugin: h.plugin, command: &command}
}

// ExecuteCommand passes a slash command to the plugin that registered its trigger.
func (s *Server) ExecuteCommand(args *m.CommandArgs) (*m.CommandResponse, *m.AppError) {
	trigger, _, _ := strings.Cut(strings.TrimPrefix(args.Command, "/"), " ")
	s.mutex.Lock()
	registered, known := s.commands[strings.ToLower(trigger)]
	s.mutex.Unlock()
	if !known {
		return nil, appError("ExecuteCommand", "api.command.execute_command.not_found.app_error", "trigger="+trigger, http.StatusNotFound)
	}
	for _, plugin := range s.implementing("ExecuteCommand") {
		if plugin.ID() != registered.plugin {
			continue
		}
		reply, err := plugin.Call("ExecuteCommand", &m.ExecuteCommandArgs{A: pluginContext(), B: args})
		returns := reply.(*m.ExecuteCommandReturns)
		if err == nil && (returns.A != nil || returns.B != nil) {
			return returns.A, returns.B
		}
	}
	return nil, appError("ExecuteCommand", "Plugin for /"+trigger+" is not working. Please contact your system administrator", "", http.StatusInternalServerError)
}
