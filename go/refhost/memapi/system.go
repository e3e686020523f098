package memapi

import (
	"encoding/json"
	"fmt"
	"maps"

	m "mattermost-plugin/mattermost"
)

func init() {
	on("GetServerVersion", func(h *handler, _ *m.GetServerVersionArgs, r *m.GetServerVersionReturns) { r.A = h.server.Version })
	on("GetPluginID", func(h *handler, _ *m.GetPluginIDArgs, r *m.GetPluginIDReturns) { r.A = h.plugin })
	on("GetBundlePath", func(h *handler, _ *m.GetBundlePathArgs, r *m.GetBundlePathReturns) { r.A = h.dir })
	on("LoadPluginConfiguration", loadConfiguration)
	on("GetPluginConfig", func(h *handler, _ *m.GetPluginConfigArgs, r *m.GetPluginConfigReturns) {
		r.A = h.server.Config(h.plugin)
	})
	on("SavePluginConfig", func(h *handler, a *m.SavePluginConfigArgs, _ *m.SavePluginConfigReturns) {
		h.server.SetConfig(h.plugin, a.A)
		h.server.afterwards("OnConfigurationChange", func() any { return &m.OnConfigurationChangeArgs{} })
	})
	on("LogDebug", func(h *handler, a *m.LogDebugArgs, _ *m.LogDebugReturns) { h.logLine("debug", a.A, a.B) })
	on("LogInfo", func(h *handler, a *m.LogInfoArgs, _ *m.LogInfoReturns) { h.logLine("info", a.A, a.B) })
	on("LogWarn", func(h *handler, a *m.LogWarnArgs, _ *m.LogWarnReturns) { h.logLine("warn", a.A, a.B) })
	on("LogError", func(h *handler, a *m.LogErrorArgs, _ *m.LogErrorReturns) { h.logLine("error", a.A, a.B) })
}

// Config returns a copy of a plugin's settings.
func (s *Server) Config(plugin string) map[string]any {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return maps.Clone(s.configs[plugin])
}

// loadConfiguration answers the settings as a JSON object, "null" if there are none.
func loadConfiguration(h *handler, _ *m.LoadPluginConfigurationArgsArgs, r *m.LoadPluginConfigurationArgsReturns) {
	data, err := json.Marshal(h.server.Config(h.plugin))
	if err != nil {
		data = []byte("null")
	}
	r.A = data
}

func (h *handler) logLine(level, message string, pairs []any) {
	fields := map[string]any{}
	for i := 0; i < len(pairs); i += 2 {
		if i+1 == len(pairs) {
			fields["!unpaired"] = pairs[i]
			break
		}
		fields[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	h.server.log(h.plugin, level, message, fields)
}
