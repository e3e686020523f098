package memapi

import (
	"net/http"
	"slices"
	"sort"
	"strings"

	m "mattermost-plugin/mattermost"
)

func init() {
	on("CreateUser", func(h *handler, a *m.CreateUserArgs, r *m.CreateUserReturns) { r.A = h.server.CreateUser(a.A) })
	on("GetUser", func(h *handler, a *m.GetUserArgs, r *m.GetUserReturns) {
		r.A, r.B = h.server.findUser("GetUser", a.A, func(u *m.User) bool { return u.Id == a.A })
	})
	on("GetUserByUsername", func(h *handler, a *m.GetUserByUsernameArgs, r *m.GetUserByUsernameReturns) {
		r.A, r.B = h.server.findUser("GetUserByUsername", a.A, func(u *m.User) bool { return u.Username == a.A })
	})
	on("GetUserByEmail", func(h *handler, a *m.GetUserByEmailArgs, r *m.GetUserByEmailReturns) {
		r.A, r.B = h.server.findUser("GetUserByEmail", a.A, func(u *m.User) bool { return u.Email == a.A })
	})
	on("GetUsers", getUsers)
	on("UpdateUser", updateUser)
	on("CreateTeam", func(h *handler, a *m.CreateTeamArgs, r *m.CreateTeamReturns) { r.A = h.server.CreateTeam(a.A) })
	on("GetTeam", func(h *handler, a *m.GetTeamArgs, r *m.GetTeamReturns) { r.A, r.B = h.server.getTeam(a.A) })
	on("GetTeamByName", func(h *handler, a *m.GetTeamByNameArgs, r *m.GetTeamByNameReturns) {
		r.A, r.B = h.server.getTeamByName(a.A)
	})
	on("GetTeams", func(h *handler, _ *m.GetTeamsArgs, r *m.GetTeamsReturns) { r.A = h.server.allTeams() })
	on("CreateBot", func(h *handler, a *m.CreateBotArgs, r *m.CreateBotReturns) { r.A = h.server.createBot(h.plugin, a.A) })
	on("GetBot", getBot)
	on("EnsureBotUser", ensureBot)
}

// CreateUser stores a copy of user with an id of its own.
func (s *Server) CreateUser(user *m.User) *m.User {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	stored := *user
	stored.Id, stored.CreateAt = s.newID("user"), now()
	s.users[stored.Id] = &stored
	answer := stored
	return &answer
}

func (s *Server) findUser(where, wanted string, matches func(*m.User) bool) (*m.User, *m.AppError) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	// Looking up an id is what the benchmark measures, so it takes the short way.
	if user, ok := s.users[wanted]; ok && matches(user) {
		answer := *user
		return &answer, nil
	}
	for _, user := range s.users {
		if matches(user) {
			answer := *user
			return &answer, nil
		}
	}
	return nil, notFound(where, "user", wanted)
}

// getUsers knows no filter but a role of the whole server.
func getUsers(h *handler, a *m.GetUsersArgs, r *m.GetUsersReturns) {
	h.server.mutex.Lock()
	defer h.server.mutex.Unlock()
	var all []*m.User
	for _, user := range h.server.users {
		if a.A.Role == "" || slices.Contains(strings.Fields(user.Roles), a.A.Role) {
			answer := *user
			all = append(all, &answer)
		}
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Id < all[j].Id })
	first := min(max(a.A.Page*a.A.PerPage, 0), len(all))
	r.A = all[first:min(first+max(a.A.PerPage, 0), len(all))]
}

func updateUser(h *handler, a *m.UpdateUserArgs, r *m.UpdateUserReturns) {
	h.server.mutex.Lock()
	defer h.server.mutex.Unlock()
	if h.server.users[a.A.Id] == nil {
		r.B = notFound("UpdateUser", "user", a.A.Id)
		return
	}
	stored := *a.A
	stored.UpdateAt = now()
	h.server.users[stored.Id] = &stored
	r.A = &stored
}

// CreateTeam stores a copy of team with an id of its own.
func (s *Server) CreateTeam(team *m.Team) *m.Team {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	stored := *team
	stored.Id, stored.CreateAt = s.newID("team"), now()
	s.teams[stored.Id] = &stored
	answer := stored
	return &answer
}

func (s *Server) getTeam(id string) (*m.Team, *m.AppError) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if team, ok := s.teams[id]; ok {
		answer := *team
		return &answer, nil
	}
	return nil, notFound("GetTeam", "team", id)
}

func (s *Server) getTeamByName(name string) (*m.Team, *m.AppError) {
	for _, team := range s.allTeams() {
		if team.Name == name {
			return team, nil
		}
	}
	return nil, notFound("GetTeamByName", "team", name)
}

func (s *Server) allTeams() []*m.Team {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var all []*m.Team
	for _, team := range s.teams {
		answer := *team
		all = append(all, &answer)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Id < all[j].Id })
	return all
}

func (s *Server) createBot(owner string, bot *m.Bot) *m.Bot {
	user := s.CreateUser(&m.User{Username: bot.Username, FirstName: bot.DisplayName, Email: bot.Username + "@localhost"})
	s.mutex.Lock()
	defer s.mutex.Unlock()
	stored := *bot
	stored.UserId, stored.OwnerId, stored.CreateAt = user.Id, owner, now()
	s.bots[stored.UserId] = &stored
	answer := stored
	return &answer
}

func getBot(h *handler, a *m.GetBotArgs, r *m.GetBotReturns) {
	h.server.mutex.Lock()
	defer h.server.mutex.Unlock()
	if bot, ok := h.server.bots[a.A]; ok {
		answer := *bot
		r.A = &answer
		return
	}
	r.B = notFound("GetBot", "bot", a.A)
}

// ensureBot returns the id of the plugin's bot of that name and creates it the first time.
func ensureBot(h *handler, a *m.EnsureBotUserArgs, r *m.EnsureBotUserReturns) {
	if a.A.Username == "" {
		r.B = appError("EnsureBotUser", "app.bot.invalid.app_error", "the bot has no username", http.StatusBadRequest)
		return
	}
	if user, err := h.server.findUser("EnsureBotUser", a.A.Username, func(u *m.User) bool { return u.Username == a.A.Username }); err == nil {
		r.A = user.Id
		return
	}
	r.A = h.server.createBot(h.plugin, a.A).UserId
}
