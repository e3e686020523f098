package web

import (
	"net/http"
	"strings"
)

// The test login: the token "user-ID" belongs to the user ID, every other token to nobody.
const (
	tokenPrefix   = "user-"
	sessionCookie = "MMAUTHTOKEN"
)

// tokenOf finds the token where the server looks for it, and says whether it was a cookie.
func tokenOf(r *http.Request) (token string, cookie bool) {
	scheme, value, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if strings.EqualFold(scheme, "bearer") || strings.EqualFold(scheme, "token") {
		return value, false
	}
	if found, err := r.Cookie(sessionCookie); err == nil {
		return found.Value, true
	}
	return r.URL.Query().Get("access_token"), false
}

// trustsCookie says whether a request that was signed in by a cookie passes the check against forged requests. The values of
// the headers are not looked at.
func trustsCookie(r *http.Request) bool {
	return r.Method == http.MethodGet || r.Header.Get("X-CSRF-Token") != "" || r.Header.Get("X-Requested-With") == "XMLHttpRequest"
}

// removeSessionCookie leaves the other cookies.
func removeSessionCookie(r *http.Request) {
	cookies := r.Cookies()
	r.Header.Del("Cookie")
	for _, cookie := range cookies {
		if cookie.Name != sessionCookie {
			r.AddCookie(cookie)
		}
	}
}
