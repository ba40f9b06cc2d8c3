package ffctest

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

// EnvSecret is the secret of environment 11/22/33 of the classic platform. This is
// the environment of [Snapshot], and of a [Server] without data of another
// environment. No real platform accepts the secret.
const EnvSecret = "ZDJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fMTFfXzIyX18zM19fZGVmYXVsdF85YzBkZQ=="

// classic is the classic platform, for one environment.
type classic struct{ env flagjson.Classic }

// classicNames returns the names of the arrays of a data object.
func classicNames() [kinds]string {
	return [kinds]string{flags: "featureFlags", segments: "segments", userTags: "userTags"}
}

func (c *classic) flagID(key string) string { return c.env.FlagID(key) }

func (c *classic) format() flagjson.Format { return c.env }

// appendItem implements protocol. An archived flag is switched off.
func (*classic) appendItem(dst []byte, e entity, version int64) []byte {
	changes := []jsontext.Change{{Name: "timestamp", Value: strconv.AppendInt(nil, version, 10)}}
	if e.archived {
		changes = append(changes, jsontext.Change{Name: "isArchived", Value: []byte("true")})
	}
	if e.kind == flags {
		basics := []jsontext.Change{{Name: "lastUpdatedTime", Value: quotedTime(version)}}
		if e.archived {
			basics = append(basics, jsontext.Change{Name: "status", Value: []byte(`"Disabled"`)})
		}
		changes = append(changes, jsontext.Change{Name: "ff", Inside: basics})
	}
	return jsontext.AppendWith(dst, e.json, changes...)
}

func (c *classic) message(eventType string, entities [kinds][]entity) []byte {
	names := classicNames()
	return newMessage(eventType, names[:], entities)
}

// polled writes the response to a fetch. It has only flags.
func (c *classic) polled(entities [kinds][]entity) []byte {
	out := make([]byte, 0, 128+sizeOf(entities))
	out = append(out, `{"success":true,"message":"api call success","data":{`...)
	out = appendMember(out, classicNames()[flags], entities[flags])
	return append(out, "}}"...)
}

const classicTrackOK = `{"success":true,"message":"api call success","data":{"code":"OK","message":"OK","messages":null}}`

func (c *classic) secret() string { return classicSecret(c.env) }

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

// authentic accepts a known type and a token of this environment that is not too
// old. It accepts tokens from the future.
func (c *classic) authentic(query url.Values, now time.Time) bool {
	if t := query.Get("type"); t != "server" && t != "client" {
		return false
	}
	env, issued, err := parseToken(query.Get("token"))
	return err == nil && env == c.env && now.UnixMilli()-issued <= maxTokenAge
}

func (c *classic) request(frame []byte) (request, bool) { return parseRequest(decodeObject(frame)) }

func (c *classic) pong() string { return `{"messageType":"pong","data":null}` }

// visible is false for archived entities, which are only in the push that archives
// them.
func (c *classic) visible(e entity) bool { return !e.archived }

func (c *classic) poll(r *http.Request, s *store) reply {
	env, ok := parseSecret(requestSecret(r))
	if !ok {
		return reply{status: http.StatusUnauthorized}
	}
	var entities [kinds][]entity
	if env == c.env { // other environments have no flags
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
			// The platform accepts any well-formed secret: these events are of another
			// environment.
			events, dropped = nil, dropped+len(events)
		}
		out.events = append(out.events, events...)
		out.dropped += dropped
	}
	return out
}

// requestSecret returns the secret of a request. It searches the query, the header
// and the cookies, in this order.
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

// load also sets the environment, which is part of the ids of flags.
func (c *classic) load(data []byte) ([]entity, error) {
	names, found := classicNames(), false
	return loadData(data, names[:], func(k kind, item []byte) (e entity, err error) {
		err = loadMembers(item, func(name string) any {
			switch name {
			case "id":
				return &e.id
			case "timestamp":
				return &e.version
			case "isArchived":
				return &e.archived
			}
			return nil
		})
		switch {
		case err != nil:
			return entity{}, err
		case e.id == "":
			return entity{}, errors.New("no id")
		case k != flags:
			return e, nil
		}
		env, _, ok := flagjson.ParseFlagID(e.id)
		if !ok {
			return entity{}, fmt.Errorf("id %q is not FF__account__project__environment__key", e.id)
		}
		if found && env != c.env {
			return entity{}, fmt.Errorf("%q is of another environment than the flags before it", e.id)
		}
		c.env, found = env, true
		e.json = withBothSpellings(item)
		return e, nil
	})
}

// withBothSpellings returns a flag whose prerequisites have their option under both
// names that SDKs read: valueOptionsVariationValue, and ValueOptionsVariationValue,
// which the platform sends and the original Python SDK requires. It does not change
// malformed prerequisites.
func withBothSpellings(flag []byte) []byte {
	const rest = "alueOptionsVariationValue"
	if !bytes.Contains(flag, []byte(rest)) {
		return flag
	}
	members := decodeObject(flag)
	var list []json.RawMessage
	if json.Unmarshal(members["ffp"], &list) != nil {
		return flag
	}
	changed := false
	for i, item := range list {
		option := decodeObject(item)
		lower, upper := option["v"+rest], option["V"+rest]
		if option == nil || (lower == nil) == (upper == nil) {
			continue
		}
		name, value := "v", upper
		if upper == nil {
			name, value = "V", lower
		}
		end := bytes.LastIndexByte(item, '}')
		list[i] = slices.Concat(item[:end], []byte(`,"`+name+rest+`":`), value, []byte("}"))
		changed = true
	}
	if !changed {
		return flag
	}
	return bytes.Replace(flag, members["ffp"], mustMarshal(list), 1)
}

// parseSecret reads a secret as the platform does: Base64 with padding, whose second
// to fourth parts are integers other than 0.
func parseSecret(secret string) (flagjson.Classic, bool) {
	text, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		return flagjson.Classic{}, false
	}
	parts := strings.Split(string(text), "__")
	if len(parts) < 4 {
		return flagjson.Classic{}, false
	}
	return flagjson.ParseClassic(parts[1], parts[2], parts[3])
}

// classicSecret returns a secret of an environment.
func classicSecret(e flagjson.Classic) string {
	if e == flagjson.TestClassic() {
		return EnvSecret
	}
	text := fmt.Sprintf("d2f-41aa-4%%20220101000000__%d__%d__%d__default_9c0de", e.Account, e.Project, e.ID)
	return base64.StdEncoding.EncodeToString([]byte(text))
}
