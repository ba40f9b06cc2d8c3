package ffctest

import (
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

// Platform is a platform that a [Server] imitates and that data are written for.
// Everything in this package works with both platforms; documentation names the
// exceptions. The zero value is [Classic].
type Platform int

const (
	// Classic is featureflag.co, the platform of the functions [NewServer] and
	// [Snapshot].
	Classic Platform = iota
	// FeatBit is FeatBit, its successor.
	FeatBit
)

// FeatBitEnvSecret is the secret of a [Server] of platform [FeatBit]. No real
// platform accepts it.
const FeatBitEnvSecret = "PC0eD1pLeGmHlqW0w9Lh8AERERESIiMzNERFVVVVVVVQ"

// platforms has the name of each platform, and its protocol for the environment
// of its EnvSecret.
var platforms = [...]struct {
	name     string
	protocol func() protocol
}{
	Classic: {"classic", func() protocol { return &classic{env: flagjson.TestClassic()} }},
	FeatBit: {"featbit", func() protocol { return &featBit{} }},
}

// ParsePlatform returns the platform with a name, as [Platform.String] returns it
// and the settings of clients have it. It fails if there is no such platform.
func ParsePlatform(name string) (Platform, error) {
	var names []string
	for i := range platforms {
		if platforms[i].name == name {
			return Platform(i), nil
		}
		names = append(names, platforms[i].name)
	}
	return 0, fmt.Errorf("ffctest: unknown platform %q: expected %s", name, strings.Join(names, " or "))
}

// known reports whether p is a constant of this package.
func (p Platform) known() bool { return p >= 0 && int(p) < len(platforms) }

// String returns "classic" or "featbit".
func (p Platform) String() string {
	if !p.known() {
		return "Platform(" + strconv.Itoa(int(p)) + ")"
	}
	return platforms[p].name
}

// EnvSecret returns the secret of the platform's servers: [EnvSecret] or
// [FeatBitEnvSecret].
func (p Platform) EnvSecret() string { return p.protocol().secret() }

// protocol returns the platform's protocol, for the environment of its EnvSecret.
func (p Platform) protocol() protocol {
	if !p.known() {
		panic("ffctest: unknown Platform: use Classic or FeatBit")
	}
	return platforms[p].protocol()
}

// load reads bootstrap data with d, which is of platform p. Its error says whether the
// data are of another platform.
func (p Platform) load(d protocol, data []byte) ([]entity, error) {
	entities, err := d.load(data)
	if err != nil {
		for other := range platforms {
			// Segments look alike on all platforms.
			foreign, failed := Platform(other).protocol().load(data)
			if failed == nil && len(foreign) > 0 && foreign[0].kind == flags {
				return nil, fmt.Errorf("they are data of %v", Platform(other))
			}
		}
	}
	return entities, err
}

// protocol is everything that differs between platforms, for one environment.
type protocol interface {
	// load reads bootstrap data: a whole data-sync message or its data object. It
	// checks only identity, version and archived mark, so that servers can serve
	// malformed flags. The JSON of the entities is a part of data.
	load(data []byte) ([]entity, error)
	// format writes what a builder describes.
	format() flagjson.Format
	// flagID returns the identity of a flag.
	flagID(key string) string

	// secret returns a secret of the environment.
	secret() string
	// wire returns what the server reads and writes.
	wire() *platformserver.Wire
	// authentic reports whether the query of an upgrade is valid at a time.
	authentic(query url.Values, now time.Time) bool
	// visible reports whether responses to clients have e.
	visible(e entity) bool
	// poll returns the response to a fetch.
	poll(r *http.Request, s *store) reply
	// track returns the response to a delivery of events.
	track(r *http.Request, body []byte, now time.Time) tracked
}

// endpointOf returns what is at a path.
func endpointOf(w *platformserver.Wire, path string) (Endpoint, bool) {
	switch path {
	case platformserver.StreamingPath:
		return Streaming, true
	case w.EventsPath:
		return Events, true
	case w.PollPaths[len(w.PollPaths)-1]:
		return Polling, true
	}
	return 0, false
}

// appendItem appends the JSON of e at another version, marked as archived if e is
// archived, without white space between tokens.
func appendItem(w *platformserver.Wire, dst []byte, e entity, version int64) []byte {
	return w.Restamp(dst, e.json, e.kind == flags, e.archived, version)
}

// message writes a data-sync of eventType "full" or "patch".
func message(w *platformserver.Wire, eventType string, entities [kinds][]entity) []byte {
	return w.Message(eventType, func(array int) [][]byte { return jsonOf(entities[array]) })
}

func jsonOf(list []entity) [][]byte {
	out := make([][]byte, len(list))
	for i := range list {
		out[i] = list[i].json
	}
	return out
}

// reply is a response. An empty body has no content type.
type reply struct {
	status int
	body   []byte
}

// tracked is the result of a delivery of events.
type tracked struct {
	reply
	events  []Event
	dropped int
}
