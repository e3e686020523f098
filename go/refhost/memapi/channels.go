package memapi

import (
	"sort"

	m "mattermost-plugin/mattermost"
)

func init() {
	on("CreateChannel", func(h *handler, a *m.CreateChannelArgs, r *m.CreateChannelReturns) { r.A = h.server.CreateChannel(a.A) })
	on("GetChannel", func(h *handler, a *m.GetChannelArgs, r *m.GetChannelReturns) {
		r.A, r.B = h.server.findChannel("GetChannel", a.A, func(c *m.Channel) bool { return c.Id == a.A })
	})
	on("GetChannelByName", func(h *handler, a *m.GetChannelByNameArgs, r *m.GetChannelByNameReturns) {
		r.A, r.B = h.server.findChannel("GetChannelByName", a.B, func(c *m.Channel) bool {
			return c.TeamId == a.A && c.Name == a.B && (a.C || c.DeleteAt == 0)
		})
	})
	on("GetDirectChannel", getDirectChannel)
	on("GetPublicChannelsForTeam", publicChannels)
}

// CreateChannel stores a copy of channel with an id of its own and tells the plugins.
func (s *Server) CreateChannel(channel *m.Channel) *m.Channel {
	s.mutex.Lock()
	stored := *channel
	stored.Id, stored.CreateAt = s.newID("chan"), now()
	s.channels[stored.Id] = &stored
	s.mutex.Unlock()
	s.afterwards("ChannelHasBeenCreated", func() any {
		told := stored
		return &m.ChannelHasBeenCreatedArgs{A: pluginContext(), B: &told}
	})
	answer := stored
	return &answer
}

func (s *Server) findChannel(where, wanted string, matches func(*m.Channel) bool) (*m.Channel, *m.AppError) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	for _, channel := range s.channels {
		if matches(channel) {
			answer := *channel
			return &answer, nil
		}
	}
	return nil, notFound(where, "channel", wanted)
}

// getDirectChannel finds or creates the channel of two users; its name holds both ids in order.
func getDirectChannel(h *handler, a *m.GetDirectChannelArgs, r *m.GetDirectChannelReturns) {
	ids := []string{a.A, a.B}
	sort.Strings(ids)
	name := ids[0] + "__" + ids[1]
	channel, err := h.server.findChannel("GetDirectChannel", name, func(c *m.Channel) bool { return c.Name == name })
	if err == nil {
		r.A = channel
		return
	}
	r.A = h.server.CreateChannel(&m.Channel{Name: name, Type: "D"})
}

func publicChannels(h *handler, a *m.GetPublicChannelsForTeamArgs, r *m.GetPublicChannelsForTeamReturns) {
	h.server.mutex.Lock()
	defer h.server.mutex.Unlock()
	var all []*m.Channel
	for _, channel := range h.server.channels {
		if channel.TeamId == a.A && channel.Type == "O" {
			answer := *channel
			all = append(all, &answer)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Id < all[j].Id })
	first := min(max(a.B*a.C, 0), len(all))
	r.A = all[first:min(first+max(a.C, 0), len(all))]
}
