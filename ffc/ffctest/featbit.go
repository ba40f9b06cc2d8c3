package ffctest

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

// featBit is FeatBit, for one environment.
type featBit struct {
	// env is the environment of the loaded flags, in the byte order of secrets; zero
	// if it is unknown or the environment of FeatBitEnvSecret.
	env guid
}

// featBitNames returns the names of the arrays of a data object.
func featBitNames() []string { return []string{flags: "featureFlags", segments: "segments"} }

func (*featBit) flagID(key string) string { return key }

func (d *featBit) format() flagjson.Format { return flagjson.FeatBit{EnvID: d.envID()} }

// load also sets the environment, from the first flag that has an envId.
func (d *featBit) load(data []byte) ([]entity, error) {
	return loadData(data, featBitNames(), func(k kind, raw []byte, i int) (e entity, end int, err error) {
		identity := "key"
		if k == segments {
			identity = "id"
		}
		var updatedAt string
		var envID any
		end, err = loadMembers(raw, i, func(name string) any {
			switch name {
			case identity:
				return &e.id
			case "updatedAt":
				return &updatedAt
			case "isArchived":
				return &e.archived
			case "envId":
				return &envID
			}
			return nil
		})
		if text, ok := envID.(string); ok && k == flags && d.env == (guid{}) {
			if env, ok := guidOfText(text); ok && env != ownEnvironment() {
				d.env = env
			}
		}
		switch {
		case err != nil:
			return entity{}, 0, err
		case e.id == "":
			return entity{}, 0, errors.New("no " + identity)
		case updatedAt == "":
			return entity{}, 0, errors.New("no updatedAt")
		}
		at, err := time.Parse(time.RFC3339, updatedAt)
		if err != nil { // without a zone it is UTC
			at, err = time.Parse("2006-01-02T15:04:05", updatedAt)
		}
		if err != nil {
			return entity{}, 0, fmt.Errorf("updatedAt: %q is not a time", updatedAt)
		}
		e.version = at.UnixMilli()
		return e, end, nil
	})
}

// secret returns FeatBitEnvSecret, with the half of the environment replaced.
func (d *featBit) secret() string {
	if d.env == (guid{}) {
		return FeatBitEnvSecret
	}
	return FeatBitEnvSecret[:22] + base64.RawURLEncoding.EncodeToString(d.env[:])
}

// envID returns the environment as flags name it.
func (d *featBit) envID() string {
	if d.env == (guid{}) {
		return flagjson.TestEnvID
	}
	return d.env.String()
}

// serves reports whether the server has the flags of an environment: the environment
// of the loaded flags, or of FeatBitEnvSecret, which tests use.
func (d *featBit) serves(env guid) bool { return env == ownEnvironment() || env == d.env }

func (*featBit) wire() *platformserver.Wire { return featBitWire() }

var featBitWire = sync.OnceValue(platformserver.FeatBit)

// authentic accepts a token of FeatBitEnvSecret that is neither too old nor too far
// in the future. If the server has the flags of another environment, it also accepts
// each secret of that environment. The secrets are for servers, so the type must be
// "server".
func (d *featBit) authentic(query url.Values, now time.Time) bool {
	secret, issued, err := platformserver.SplitToken(query.Get("token"))
	admitted, _ := d.wire().Admits(query, issued, now)
	env, _ := featBitEnvironment(secret)
	known := secret == FeatBitEnvSecret || d.env != (guid{}) && env == d.env
	return err == nil && known && admitted
}

// visible is always true: every response has archived entities.
func (*featBit) visible(entity) bool { return true }

// poll returns an empty body if there are no changes.
func (d *featBit) poll(r *http.Request, s *store) reply {
	env, ok := featBitEnvironment(d.wire().Secret(r))
	if !ok {
		return reply{status: http.StatusUnauthorized}
	}
	var since int64
	if text := r.URL.Query().Get("timestamp"); text != "" {
		var err error
		if since, err = strconv.ParseInt(text, 10, 64); err != nil {
			return reply{http.StatusBadRequest, []byte(`{"title":"timestamp is not an integer","status":400}`)}
		}
	}
	since = s.since(since)
	var entities [kinds][]entity
	if d.serves(env) { // other environments have no flags
		entities = s.all(func(e entity) bool { return since == 0 || e.version > since })
	}
	switch {
	case since == 0:
		return reply{http.StatusOK, message(d.wire(), "full", entities)}
	case len(entities[flags])+len(entities[segments]) == 0:
		return reply{status: http.StatusOK}
	}
	return reply{http.StatusOK, message(d.wire(), "patch", entities)}
}

func (d *featBit) track(r *http.Request, body []byte, _ time.Time) tracked {
	env, ok := featBitEnvironment(d.wire().Secret(r))
	if !ok {
		return tracked{reply: reply{status: http.StatusUnauthorized}}
	}
	if !platformserver.IsJSON(r.Header.Get("Content-Type")) {
		return tracked{reply: reply{status: http.StatusUnsupportedMediaType}}
	}
	items, err := platformserver.ParseEvents[platformserver.Array[platformserver.FeatBitItem]](body)
	if err != nil {
		return tracked{reply: reply{http.StatusBadRequest, d.wire().Rejection(err.Error())}}
	}
	out := tracked{reply: reply{status: http.StatusOK}}
	for _, item := range items {
		events, dropped := featBitEvents(item)
		if !d.serves(env) {
			events, dropped = nil, dropped+len(events)
		}
		out.events = append(out.events, events...)
		out.dropped += dropped
	}
	return out
}

// guid is the id of an environment.
type guid [16]byte

// String returns the usual text of a GUID. .NET stores the first three groups with
// the lowest byte first.
func (g guid) String() string {
	return fmt.Sprintf("%08x-%04x-%04x-%x-%x", binary.LittleEndian.Uint32(g[:]), binary.LittleEndian.Uint16(g[4:]), binary.LittleEndian.Uint16(g[6:]), g[8:10], g[10:])
}

// guidOfText parses the text that String returns.
func guidOfText(text string) (g guid, ok bool) {
	raw, err := hex.DecodeString(strings.ReplaceAll(text, "-", ""))
	if err != nil || len(raw) != len(g) {
		return guid{}, false
	}
	copy(g[:], raw)
	slices.Reverse(g[:4])
	slices.Reverse(g[4:6])
	slices.Reverse(g[6:8])
	return g, g != guid{}
}

func ownEnvironment() guid {
	env, _ := featBitEnvironment(FeatBitEnvSecret)
	return env
}

// featBitEnvironment reads a secret: two encoded GUIDs, the second of which is the
// environment. FeatBit uses the first only for streaming.
func featBitEnvironment(secret string) (env guid, ok bool) {
	if len(secret) != 44 {
		return guid{}, false
	}
	_, ok1 := parseGUID(secret[:22])
	env, ok2 := parseGUID(secret[22:])
	return env, ok1 && ok2 && env != guid{}
}

func parseGUID(text string) (id guid, ok bool) {
	n, err := base64.RawURLEncoding.Decode(id[:], []byte(text))
	return id, err == nil && n == len(id)
}
