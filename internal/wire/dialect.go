package wire

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// Dialect is all that differs between the generations of the platform. One is
// chosen for the life of a client.
type Dialect struct {
	Name           string
	DefaultBaseURL string // "" if there is none
	SecretHeader   string
	EventsPath     string
	EventsType     string // the Content-Type of events
	// PollPaths are where all data can be fetched, to be tried in this order:
	// servers have one of them.
	PollPaths []string
	// PollSince is the parameter of a request there that asks for what is newer
	// than a version; "" if there is none. An answer without a body is that
	// nothing is.
	PollSince string
	// StreamQuery is what the URL of the push endpoint has after the token.
	StreamQuery string
	// Ping is the keep-alive message, which the platform answers with a pong. It
	// is not the ping frame of websockets.
	Ping         string
	PingInterval time.Duration
	// Resume: on reconnecting, ask for what is newer than the store. Otherwise
	// ask for everything, as changes would leave out what was archived.
	Resume bool
	// EmptyIsOdd: an environment without data may be a wrong secret.
	EmptyIsOdd bool
	// UserTags: messages have them beside flags and segments.
	UserTags bool

	Semantics *eval.Semantics
	// Update takes a message apart. Skipped are the first of the elements that
	// cannot be used, of which Update.Unusable is the number.
	Update        func(message []byte) (*store.Update, []Skipped, error)
	DecodeFlag    func(raw []byte) (*model.Flag, error)
	DecodeSegment func(raw []byte) (*model.Segment, error)

	// ItemPerUser: an item of a body has all events of a user. Otherwise each
	// event is an item.
	ItemPerUser bool
	// EvaluationList begins the list of evaluations in an item, after the user.
	EvaluationList string
	// AppendEvaluation and AppendMetric append an element of an item's lists.
	AppendUser       func(dst []byte, u *eval.User, private *Private) []byte
	AppendEvaluation func(dst []byte, e *Evaluation) []byte
	AppendMetric     func(dst []byte, m *Metric) []byte
}

// The platforms: featureflag.co and FeatBit.
const (
	PlatformClassic = "classic"
	PlatformFeatBit = "featbit"
)

// SyncRequest asks for what is newer than a version, or for everything.
func SyncRequest(version int64) string {
	return `{"messageType":"data-sync","data":{"timestamp":` + strconv.FormatInt(version, 10) + `}}`
}

// DialectOf returns the dialect of a platform by name, for what does not
// depend on the environment.
func DialectOf(platform string) (*Dialect, error) {
	switch platform {
	case PlatformClassic:
		return ClassicDialect(""), nil
	case PlatformFeatBit:
		return FeatBitDialect(), nil
	}
	return nil, fmt.Errorf("there is no platform %q", platform)
}

// DialectOfEnvironment returns the dialect of an environment by its name, for
// clients without a secret (see EnvironmentOf).
func DialectOfEnvironment(platform, environment string) (*Dialect, error) {
	if platform == PlatformClassic {
		return ClassicDialect(environment + "__"), nil
	}
	return DialectOf(platform)
}

// FeatBitDialect returns the dialect of FeatBit, which is the same for every
// environment.
func FeatBitDialect() *Dialect {
	var data FeatBit
	return &Dialect{
		Name:             PlatformFeatBit,
		SecretHeader:     "Authorization",
		EventsPath:       "/api/public/insight/track",
		EventsType:       "application/json; charset=utf-8",
		PollPaths:        []string{"/api/public/sdk/server/latest-all"},
		PollSince:        "timestamp",
		StreamQuery:      "&type=server",
		Ping:             `{"messageType":"ping","data":{}}`,
		PingInterval:     15 * time.Second,
		Resume:           true,
		EmptyIsOdd:       true,
		Semantics:        eval.FeatBit(),
		Update:           contained(data.Update),
		DecodeFlag:       data.Flag,
		DecodeSegment:    data.Segment,
		ItemPerUser:      true,
		EvaluationList:   `,"variations":[`,
		AppendUser:       appendFeatBitUser,
		AppendEvaluation: appendFeatBitEvaluation,
		AppendMetric:     appendFeatBitMetric,
	}
}

// ClassicDialect returns the dialect of featureflag.co for the environment
// whose flag ids start with prefix.
func ClassicDialect(prefix string) *Dialect {
	data := Classic{Prefix: prefix}
	return &Dialect{
		Name:             PlatformClassic,
		DefaultBaseURL:   "https://api.featureflag.co",
		SecretHeader:     "envSecret",
		EventsPath:       "/api/public/track",
		EventsType:       "application/json",
		PollPaths:        []string{"/api/public/sdk/latest-feature-flags", "/api/public/sdk/latest-feature-flag"},
		StreamQuery:      "&type=server&version=2",
		Ping:             `{"messageType":"ping","data":null}`,
		PingInterval:     10 * time.Second,
		UserTags:         true,
		Semantics:        eval.Classic(),
		Update:           contained(data.Update),
		DecodeFlag:       data.Flag,
		DecodeSegment:    data.Segment,
		EvaluationList:   `,"userVariations":[`,
		AppendUser:       appendClassicUser,
		AppendEvaluation: appendClassicEvaluation,
		AppendMetric:     appendClassicMetric,
	}
}

// errPanic leaves out what the panic says: it may quote the data.
var errPanic = errors.New("the message makes the SDK panic, which is a mistake in the SDK: please report it")

// contained turns a panic in update into an error: a message must not end the
// program.
func contained(update func([]byte) (*store.Update, []Skipped, error)) func([]byte) (*store.Update, []Skipped, error) {
	return func(message []byte) (u *store.Update, skipped []Skipped, err error) {
		defer func() {
			if recover() != nil {
				u, skipped, err = nil, nil, errPanic
			}
		}()
		return update(message)
	}
}
