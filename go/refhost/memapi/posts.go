package memapi

import (
	"net/http"
	"reflect"

	m "mattermost-plugin/mattermost"
)

// DismissPost is the reason with which a plugin makes a post vanish without a message to its author.
const DismissPost = "plugin.message_will_be_posted.dismiss_post"

func init() {
	on("CreatePost", func(h *handler, a *m.CreatePostArgs, r *m.CreatePostReturns) { r.A, r.B = h.server.CreatePost(a.A) })
	on("GetPost", func(h *handler, a *m.GetPostArgs, r *m.GetPostReturns) { r.A, r.B = h.server.GetPost(a.A) })
	on("UpdatePost", func(h *handler, a *m.UpdatePostArgs, r *m.UpdatePostReturns) { r.A, r.B = h.server.UpdatePost(a.A) })
	on("DeletePost", func(h *handler, a *m.DeletePostArgs, r *m.DeletePostReturns) { r.A = h.server.DeletePost(a.A) })
	on("SendEphemeralPost", func(h *handler, a *m.SendEphemeralPostArgs, r *m.SendEphemeralPostReturns) {
		r.A = h.server.sendEphemeral(a.B)
	})
}

// CreatePost asks the plugins one after the other, stores what they made of the post, and tells them.
func (s *Server) CreatePost(post *m.Post) (*m.Post, *m.AppError) {
	current := clonePost(post)
	for _, plugin := range s.implementing("MessageWillBePosted") {
		reply, err := plugin.Call("MessageWillBePosted", &m.MessageWillBePostedArgs{A: pluginContext(), B: forPlugin(current)})
		returns, ok := reply.(*m.MessageWillBePostedReturns)
		if err != nil || !ok {
			continue // a plugin that fails does not stop the post
		}
		if returns.B != "" {
			return nil, rejection("createPost", returns.B)
		}
		if returns.A != nil {
			metadata := current.Metadata
			current = returns.A
			current.Metadata = metadata
		}
	}
	s.mutex.Lock()
	current.Id, current.CreateAt = s.newID("post"), now()
	current.UpdateAt = current.CreateAt
	s.posts[current.Id] = current
	s.order = append(s.order, current.Id)
	s.mutex.Unlock()
	s.afterwards("MessageHasBeenPosted", func() any {
		return &m.MessageHasBeenPostedArgs{A: pluginContext(), B: forPlugin(current)}
	})
	return clonePost(current), nil
}

func rejection(where, reason string) *m.AppError {
	id := "Post rejected by plugin. " + reason
	if reason == DismissPost {
		id = DismissPost
	}
	return appError(where, id, "", http.StatusBadRequest)
}

// GetPost returns a copy of a post that is not deleted.
func (s *Server) GetPost(id string) (*m.Post, *m.AppError) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	post, ok := s.posts[id]
	if !ok || post.DeleteAt != 0 {
		return nil, notFound("GetPost", "post", id)
	}
	return clonePost(post), nil
}

// UpdatePost asks the plugins, of which each may change or reject the edit, and tells them afterwards.
func (s *Server) UpdatePost(post *m.Post) (*m.Post, *m.AppError) {
	old, appErr := s.GetPost(post.Id)
	if appErr != nil {
		return nil, appErr
	}
	current := clonePost(post)
	for _, plugin := range s.implementing("MessageWillBeUpdated") {
		args := &m.MessageWillBeUpdatedArgs{A: pluginContext(), B: forPlugin(current), C: forPlugin(old)}
		reply, _ := plugin.Call("MessageWillBeUpdated", args)
		returns := reply.(*m.MessageWillBeUpdatedReturns)
		if returns.A == nil {
			return nil, rejection("UpdatePost", returns.B)
		}
		metadata := current.Metadata
		current = returns.A
		current.Metadata = metadata
	}
	s.mutex.Lock()
	current.EditAt = now()
	current.UpdateAt = current.EditAt
	s.posts[current.Id] = current
	s.mutex.Unlock()
	s.afterwards("MessageHasBeenUpdated", func() any {
		return &m.MessageHasBeenUpdatedArgs{A: pluginContext(), B: forPlugin(current), C: forPlugin(old)}
	})
	return clonePost(current), nil
}

// DeletePost marks a post as deleted and tells the plugins.
func (s *Server) DeletePost(id string) *m.AppError {
	post, appErr := s.GetPost(id)
	if appErr != nil {
		return appErr
	}
	post.DeleteAt = now()
	s.mutex.Lock()
	s.posts[id] = post
	s.mutex.Unlock()
	s.afterwards("MessageHasBeenDeleted", func() any {
		return &m.MessageHasBeenDeletedArgs{A: pluginContext(), B: forPlugin(post)}
	})
	return nil
}

// Posts returns copies of all posts that are not deleted, oldest first.
func (s *Server) Posts() []*m.Post {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	var all []*m.Post
	for _, id := range s.order {
		if post := s.posts[id]; post.DeleteAt == 0 {
			all = append(all, clonePost(post))
		}
	}
	return all
}

// sendEphemeral answers with the post as the server shows it; nothing is stored.
func (s *Server) sendEphemeral(post *m.Post) *m.Post {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	shown := clonePost(post)
	shown.Id, shown.Type, shown.CreateAt = s.newID("post"), "system_ephemeral", now()
	return shown
}

// forPlugin is a copy without metadata, as plugins see posts.
func forPlugin(post *m.Post) *m.Post {
	shown := clonePost(post)
	shown.Metadata = nil
	return shown
}

// clonePost copies a post and its containers one level deep.
func clonePost(post *m.Post) *m.Post {
	copied := *post
	value := reflect.ValueOf(&copied).Elem()
	for i := range value.NumField() {
		field := value.Field(i)
		switch {
		case field.Kind() == reflect.Slice && !field.IsNil():
			fresh := reflect.MakeSlice(field.Type(), field.Len(), field.Len())
			reflect.Copy(fresh, field)
			field.Set(fresh)
		case field.Kind() == reflect.Map && !field.IsNil():
			fresh := reflect.MakeMapWithSize(field.Type(), field.Len())
			for entries := field.MapRange(); entries.Next(); {
				fresh.SetMapIndex(entries.Key(), entries.Value())
			}
			field.Set(fresh)
		}
	}
	return &copied
}
