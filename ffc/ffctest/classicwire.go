package ffctest

import (
	"net/http"
	"net/url"
	"strings"
	"time"
)

const classicTrackOK = `{"success":true,"message":"api call success","data":{"code":"OK","message":"OK","messages":null}}`

func (c *classic) secret() string { return c.env.secret() }

func (c *classic) endpoint(path string) (Endpoint, bool) {
	switch path {
	case "/streaming":
		return Streaming, true
	case "/api/public/track":
		return Events, true
	case "/api/public/sdk/latest-feature-flag":
		return Polling, true
	}
	return 0, false
}

// authentic wants a token for this environment that is not too old, and a type
// that exists. A token from the future is welcome.
func (c *classic) authentic(query url.Values, now time.Time) bool {
	if t := query.Get("type"); t != "server" && t != "client" {
		return false
	}
	env, issued, err := parseToken(query.Get("token"))
	return err == nil && env == c.env && now.UnixMilli()-issued <= maxTokenAge
}

func (c *classic) request(frame []byte) (request, bool) { return parseRequest(decodeObject(frame)) }

func (c *classic) pong() string { return `{"messageType":"pong","data":null}` }

// visible leaves out archived entities, which only ever travel in the push that
// archives them.
func (c *classic) visible(e entity) bool { return !e.archived }

func (c *classic) poll(r *http.Request, s *store) reply {
	env, ok := parseSecret(requestSecret(r))
	if !ok {
		return reply{status: http.StatusUnauthorized}
	}
	var entities [kinds][]entity
	if env == c.env { // any other well-formed secret finds nothing
		entities = s.all(c.visible)
	}
	return reply{http.StatusOK, c.polled(entities)}
}

func (c *classic) track(r *http.Request, body []byte, now time.Time) tracked {
	env, ok := parseSecret(requestSecret(r))
	if !ok {
		return tracked{reply: reply{status: http.StatusUnauthorized}}
	}
	if !isJSON(r.Header.Get("Content-Type")) {
		return tracked{reply: reply{status: http.StatusUnsupportedMediaType}}
	}
	items, err := parseTrack[[]*trackItem](body)
	if err != nil {
		return tracked{reply: reply{http.StatusBadRequest, mustMarshal(struct {
			Success bool   `json:"success"`
			Message string `json:"message"`
			Data    *int   `json:"data"`
		}{Message: err.Error()})}}
	}
	out := tracked{reply: reply{http.StatusOK, []byte(classicTrackOK)}}
	for _, item := range items {
		events, dropped := item.events(now)
		if env != c.env {
			// Any well-formed secret authenticates; these went elsewhere.
			events, dropped = nil, dropped+len(events)
		}
		out.events = append(out.events, events...)
		out.dropped += dropped
	}
	return out
}

// requestSecret looks where the platform looks, in its order.
func requestSecret(r *http.Request) string {
	if secret := r.URL.Query().Get("envSecret"); strings.TrimSpace(secret) != "" {
		return secret
	}
	if secret := r.Header.Get("envSecret"); strings.TrimSpace(secret) != "" {
		return secret
	}
	if cookie, err := r.Cookie("envSecret"); err == nil {
		return cookie.Value
	}
	return ""
}
