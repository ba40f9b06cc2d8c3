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
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
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

// polled writes the response to a fetch. It has only flags.
func (c *classic) polled(entities [kinds][]entity) []byte {
	w := c.wire()
	out := platformserver.AppendArray([]byte(w.PollHead), w.Arrays[flags], jsonOf(entities[flags]))
	return append(out, w.PollTail...)
}

func (c *classic) secret() string { return classicSecret(c.env) }

func (c *classic) wire() *platformserver.Wire { return classicWire() }

var classicWire = sync.OnceValue(platformserver.Classic)

// authentic accepts a known type and a token of this environment that is not too
// old. It accepts tokens from the future.
func (c *classic) authentic(query url.Values, now time.Time) bool {
	env, issued, err := parseToken(query.Get("token"))
	admitted, _ := c.wire().Admits(query, issued, now)
	return err == nil && env == c.env && admitted
}

// parseToken reads a token. Issued is in Unix ms.
func parseToken(token string) (env flagjson.Classic, issued int64, err error) {
	secret, issued, err := platformserver.SplitToken(token)
	if err != nil {
		return flagjson.Classic{}, 0, err
	}
	env, ok := parseSecret(platformserver.Padded(secret))
	if !ok {
		return flagjson.Classic{}, 0, platformserver.ErrToken
	}
	return env, issued, nil
}

// visible is false for archived entities, which are only in the push that archives
// them.
func (c *classic) visible(e entity) bool { return !e.archived }

func (c *classic) poll(r *http.Request, s *store) reply {
	env, ok := parseSecret(c.wire().Secret(r))
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
	env, ok := parseSecret(c.wire().Secret(r))
	if !ok {
		return tracked{reply: reply{status: http.StatusUnauthorized}}
	}
	if !platformserver.IsJSON(r.Header.Get("Content-Type")) {
		return tracked{reply: reply{status: http.StatusUnsupportedMediaType}}
	}
	items, err := platformserver.ParseEvents[[]*platformserver.ClassicItem](body)
	if err != nil {
		return tracked{reply: reply{http.StatusBadRequest, c.wire().Rejection(err.Error())}}
	}
	out := tracked{reply: reply{http.StatusOK, []byte(c.wire().EventsOK)}}
	for _, item := range items {
		events, dropped := classicEvents(item, now)
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

// load also sets the environment, which is part of the ids of flags.
func (c *classic) load(data []byte) ([]entity, error) {
	names, found := classicNames(), false
	return loadData(data, names[:], func(k kind, raw []byte, i int) (e entity, end int, err error) {
		end, err = loadMembers(raw, i, func(name string) any {
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
			return entity{}, 0, err
		case e.id == "":
			return entity{}, 0, errors.New("no id")
		case k != flags:
			return e, end, nil
		}
		env, _, ok := flagjson.ParseFlagID(e.id)
		if !ok {
			return entity{}, 0, fmt.Errorf("id %q is not FF__account__project__environment__key", e.id)
		}
		if found && env != c.env {
			return entity{}, 0, fmt.Errorf("%q is of another environment than the flags before it", e.id)
		}
		c.env, found = env, true
		e.json = withBothSpellings(raw[i:end])
		return e, end, nil
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
