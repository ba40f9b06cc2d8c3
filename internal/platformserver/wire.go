package platformserver

import (
	"encoding/json"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

// StreamingPath is the path of websockets on both platforms.
const StreamingPath = "/streaming"

// The close code for a request that the platforms reject, and its reason.
const (
	CloseInvalid       = 4003
	CloseInvalidReason = "invalid request, close by server"
)

// Wire is what differs between the servers of the platforms. It is immutable.
type Wire struct {
	// Name is the platform in settings.
	Name string
	// PollPaths are the paths that SDKs fetch all data from. The platform has the
	// last of them.
	PollPaths []string
	// EventsPath is the path that SDKs post events to.
	EventsPath string
	// Arrays are the names of the arrays in a data object: flags, segments and, if
	// the platform has them, user tags.
	Arrays []string
	// Pong is the answer to a ping.
	Pong string
	// PollSince: a fetch can request what is newer than a version. The response has
	// no body if there is nothing newer.
	PollSince bool
	// PollHead and PollTail surround the arrays in the response to a fetch of all
	// data. "" and "" is the message that websockets get.
	PollHead, PollTail string
	// EventsOK is the body of the response to events; "" is no body.
	EventsOK string
	// Secret returns the secret of a fetch or of events; "" if there is none.
	Secret func(r *http.Request) string
	// Rejection returns the body of a response with status 400.
	Rejection func(reason string) []byte
	// CheckEvents checks a body with events as strictly as the platform, and returns
	// the number of its items.
	CheckEvents func(body []byte) (items int, err error)

	needsData    bool // every message needs a member data
	rejectsAhead bool // tokens from the future are rejected
	clients      bool // a websocket may be of type client; it gets no flags
	versions     bool // the parameter version is checked
	restamp      func(dst, item []byte, flag, archived bool, version int64) []byte
}

// Classic returns the wire of featureflag.co.
func Classic() *Wire {
	return &Wire{
		Name: "classic", PollPaths: []string{"/api/public/sdk/latest-feature-flags", "/api/public/sdk/latest-feature-flag"},
		EventsPath: "/api/public/track", Arrays: []string{"featureFlags", "segments", "userTags"},
		Pong:     `{"messageType":"pong","data":null}`,
		PollHead: `{"success":true,"message":"api call success","data":{`, PollTail: `}}`,
		EventsOK: `{"success":true,"message":"api call success","data":{"code":"OK","message":"OK","messages":null}}`,
		Secret:   classicSecret, CheckEvents: checkEvents[[]*ClassicItem], restamp: restampClassic, clients: true,
		Rejection: func(reason string) []byte {
			return mustMarshal(struct {
				Success bool   `json:"success"`
				Message string `json:"message"`
				Data    *int   `json:"data"`
			}{Message: reason})
		},
	}
}

// FeatBit returns the wire of FeatBit.
func FeatBit() *Wire {
	return &Wire{
		Name: "featbit", PollPaths: []string{"/api/public/sdk/server/latest-all"}, PollSince: true,
		EventsPath: "/api/public/insight/track", Arrays: []string{"featureFlags", "segments"},
		Pong:   `{"messageType":"pong","data":{}}`,
		Secret: func(r *http.Request) string { return r.Header.Get("Authorization") }, CheckEvents: checkEvents[Array[FeatBitItem]], restamp: restampFeatBit,
		needsData: true, rejectsAhead: true, versions: true,
		Rejection: func(reason string) []byte {
			return mustMarshal(struct {
				Title  string `json:"title"`
				Status int    `json:"status"`
			}{reason, http.StatusBadRequest})
		},
	}
}

// classicSecret searches the query, the header and the cookies, in this order.
func classicSecret(r *http.Request) string {
	if r.URL.RawQuery != "" {
		if secret := r.URL.Query().Get("envSecret"); strings.TrimSpace(secret) != "" {
			return secret
		}
	}
	if secret := r.Header.Get("envSecret"); strings.TrimSpace(secret) != "" {
		return secret
	}
	if r.Header.Get("Cookie") == "" {
		return ""
	}
	if cookie, err := r.Cookie("envSecret"); err == nil {
		return cookie.Value
	}
	return ""
}

// Admits reports whether the query of an upgrade, apart from the secret, is valid,
// and whether the client gets flags. issued is that of SplitToken.
func (w *Wire) Admits(query url.Values, issued int64, now time.Time) (admitted, syncs bool) {
	if w.versions {
		switch query.Get("version") {
		case "", "1", "2":
		default:
			return false, false
		}
	}
	switch query.Get("type") {
	case "server":
		syncs = true
	case "client":
		if !w.clients {
			return false, false
		}
	default:
		return false, false
	}
	age, most := now.UnixMilli()-issued, MaxTokenAge.Milliseconds()
	return age <= most && (!w.rejectsAhead || age >= -most), syncs
}

// Restamp appends the JSON of a flag or another item at another version, marked as
// archived if archived is true, without white space between tokens.
func (w *Wire) Restamp(dst, item []byte, flag, archived bool, version int64) []byte {
	return w.restamp(dst, item, flag, archived, version)
}

// restampClassic switches an archived flag off.
func restampClassic(dst, item []byte, flag, archived bool, version int64) []byte {
	changes := []jsontext.Change{{Name: "timestamp", Value: strconv.AppendInt(nil, version, 10)}}
	if archived {
		changes = append(changes, jsontext.Change{Name: "isArchived", Value: []byte("true")})
	}
	if flag {
		basics := []jsontext.Change{{Name: "lastUpdatedTime", Value: quotedTime(version)}}
		if archived {
			basics = append(basics, jsontext.Change{Name: "status", Value: []byte(`"Disabled"`)})
		}
		changes = append(changes, jsontext.Change{Name: "ff", Inside: basics})
	}
	return jsontext.AppendWith(dst, item, changes...)
}

func restampFeatBit(dst, item []byte, _, archived bool, version int64) []byte {
	changes := []jsontext.Change{{Name: "updatedAt", Value: quotedTime(version)}}
	if archived {
		changes = append(changes, jsontext.Change{Name: "isArchived", Value: []byte("true")})
	}
	return jsontext.AppendWith(dst, item, changes...)
}

// quotedTime returns the time of a version as JSON.
func quotedTime(version int64) []byte { return []byte(`"` + flagjson.TimeText(version) + `"`) }

// MessageHead and MessageTail surround the arrays of a data-sync message.
func MessageHead(eventType string) string {
	return `{"messageType":"data-sync","data":{"eventType":"` + eventType + `",`
}

// MessageTail is the end of a data-sync message.
const MessageTail = "}}"

// Message returns a data-sync of eventType "full" or "patch". items returns the
// JSON of the items of each array.
func (w *Wire) Message(eventType string, items func(array int) [][]byte) []byte {
	head := MessageHead(eventType)
	size := len(head) + len(MessageTail)
	lists := make([][][]byte, len(w.Arrays))
	for i, name := range w.Arrays {
		lists[i] = items(i)
		size += len(name) + 6
		for _, item := range lists[i] {
			size += len(item) + 1
		}
	}
	out := append(make([]byte, 0, size), head...)
	for i, name := range w.Arrays {
		if i > 0 {
			out = append(out, ',')
		}
		out = AppendArray(out, name, lists[i])
	}
	return append(out, MessageTail...)
}

// AppendArray appends "name":[...].
func AppendArray(dst []byte, name string, items [][]byte) []byte {
	dst = append(dst, '"')
	dst = append(dst, name...)
	dst = append(dst, `":[`...)
	for i, item := range items {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, item...)
	}
	return append(dst, ']')
}

// Request is a message of a client that gets a response.
type Request struct {
	Ping  bool
	Since int64 // the client's version; 0 requests all data
}

// Request reads a message of a client. Names are matched exactly. The platforms
// ignore messages that they do not understand.
func (w *Wire) Request(frame []byte) (Request, bool) {
	message := members(frame)
	if w.needsData && message["data"] == nil {
		return Request{}, false
	}
	switch string(message["messageType"]) {
	case `"ping"`:
		return Request{Ping: true}, true
	case `"data-sync"`:
		data := members(message["data"])
		if data == nil {
			return Request{}, false
		}
		var since Integer
		if raw, ok := data["timestamp"]; ok {
			if err := json.Unmarshal(raw, &since); err != nil || since < 0 {
				return Request{}, false
			}
		}
		return Request{Since: int64(since)}, true
	}
	return Request{}, false
}

// members returns the members of a JSON object, or nil.
func members(raw []byte) map[string]json.RawMessage {
	var m map[string]json.RawMessage
	if json.Unmarshal(raw, &m) != nil {
		return nil
	}
	return m
}

// IsJSON reports whether a Content-Type is that of events.
func IsJSON(contentType string) bool {
	mediaType, params, err := mime.ParseMediaType(contentType)
	charset, has := params["charset"]
	return err == nil && mediaType == "application/json" && (!has || strings.EqualFold(charset, "utf-8"))
}

// mustMarshal is for values that always marshal.
func mustMarshal(v any) []byte {
	out, err := json.Marshal(v)
	if err != nil {
		panic("platformserver: " + err.Error())
	}
	return out
}
