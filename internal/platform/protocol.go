package platform

import (
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// Protocol has the constants and abilities of a platform, which are the same for
// all its environments. It is immutable.
type Protocol struct {
	Name           string // in settings: classic
	Title          string // for people: featureflag.co
	DefaultBaseURL string // "" if there is none
	SecretHeader   string
	EventsPath     string
	EventsType     string // the Content-Type of events
	// PollPaths are the paths from which all data can be fetched. A server has
	// one of them; they are tried in this order.
	PollPaths []string
	// PollSince is the query parameter that requests only what is newer than a
	// version; "" if there is none. A response without a body means that
	// nothing is newer.
	PollSince string
	// PollHasSegments: poll responses have segments.
	PollHasSegments bool
	// StreamQuery is the rest of the push endpoint's URL after the token.
	StreamQuery string
	// AcceptsOldTokens: the push endpoint accepts tokens of clocks that are
	// slow.
	AcceptsOldTokens bool
	// Ping is the keep-alive message. The platform responds with a pong message.
	// It is not the ping frame of websockets.
	Ping         string
	PingInterval time.Duration
	// Resume: after reconnecting, request only what is newer than the store. If
	// false, request everything, because changes would leave out archived
	// items.
	Resume bool
	// EmptyIsOdd: an environment without data may be a wrong secret.
	EmptyIsOdd bool
	// UserTags: messages have user tags in addition to flags and segments.
	UserTags bool
	// KeyNames are the names, in lower case, that events use for the user's
	// key. No attribute can have them.
	KeyNames []string

	Semantics *eval.Semantics

	// ItemPerUser: an item of a body has all events of a user. If false, each
	// event is an item.
	ItemPerUser bool
	// EvaluationList begins the list of evaluations in an item, after the user.
	EvaluationList string
	// AppendEvaluation and AppendMetric append an element of an item's lists.
	AppendUser       func(dst []byte, u *eval.User, private *Private) []byte
	AppendEvaluation func(dst []byte, e *Evaluation) []byte
	AppendMetric     func(dst []byte, m *Metric) []byte

	// Environment returns the name of a secret's environment, as data has it; ""
	// if the secret does not contain it.
	Environment func(secret string) string
	// EnvironmentIgnoresCase: Environment returns lower case, but any case is
	// accepted in settings.
	EnvironmentIgnoresCase bool
	// DescribeEnvironment describes the environment of a secret for people; "" if
	// the secret does not contain it.
	DescribeEnvironment func(secret string) string

	// owns reports whether a secret has the shape of the platform's secrets.
	owns func(secret string) bool
	// codecOf returns the Codec of an environment by the name that Environment
	// returns. "" is an unknown environment.
	codecOf func(environment string) *Codec
	// codec returns the Codec of a secret's environment, and the secret as the
	// platform accepts it. If the secret is invalid, it returns an error and the
	// Codec of an unknown environment.
	codec func(secret string) (*Codec, string, error)
	// misfit returns an error that says why a secret does not have the shape of
	// the platform's secrets.
	misfit func(secret string) error
	// marks are members of flags and segments that no other platform has.
	marks []string
	// itemEnvironment is Environment for a flag or segment with these members.
	itemEnvironment func(id, envID string) string
}

// Codec reads and writes the data of an environment.
type Codec struct {
	*Protocol
	// Update parses a message. It also returns the first of the unusable
	// elements; Update.Unusable is their number.
	Update        func(message []byte) (*store.Update, []Skipped, error)
	DecodeFlag    func(raw []byte) (*model.Flag, error)
	DecodeSegment func(raw []byte) (*model.Segment, error)
}

// AnyCodec returns the Codec of data whose environment is not known.
func (p *Protocol) AnyCodec() *Codec { return p.codecOf("") }

// CodecOfEnvironment returns the Codec of an environment by the name that
// Protocol.Environment returns, for clients without a secret.
func CodecOfEnvironment(name, environment string) (*Codec, error) {
	p, err := ProtocolOf(name)
	if err != nil {
		return nil, err
	}
	return p.codecOf(environment), nil
}

// Names of the platforms: featureflag.co and FeatBit.
const (
	ClassicName = "classic"
	FeatBitName = "featbit"
)

// known has the protocols. They are built once, not several times for each client.
var known struct {
	build sync.Once
	all   []*Protocol
}

// All returns the protocols of all platforms. The slice is shared. If a secret
// has the shape of several platforms, the first counts. Secrets of FeatBit are
// random, so practically none is valid for featureflag.co, but some of
// featureflag.co also have 44 characters.
func All() []*Protocol {
	known.build.Do(func() { known.all = []*Protocol{newClassic(), newFeatBit()} })
	return known.all
}

// Classic returns the protocol of featureflag.co.
func Classic() *Protocol { return All()[0] }

// FeatBit returns the protocol of FeatBit.
func FeatBit() *Protocol { return All()[1] }

// ProtocolOf returns the protocol of a platform by name.
func ProtocolOf(name string) (*Protocol, error) {
	if p := protocolNamed(name); p != nil {
		return p, nil
	}
	return nil, fmt.Errorf("unknown platform %q", name)
}

// protocolNamed returns the protocol of a platform by name, or nil.
func protocolNamed(name string) *Protocol {
	for _, p := range All() {
		if p.Name == name {
			return p
		}
	}
	return nil
}

// SyncRequest returns the message that requests all data newer than a version,
// or everything if version is 0.
func SyncRequest(version int64) string {
	return `{"messageType":"data-sync","data":{"timestamp":` + strconv.FormatInt(version, 10) + `}}`
}

// errPanic leaves out the text of the panic, which may quote the data.
var errPanic = errors.New("the message causes a panic in the SDK: please report this bug")

// contained turns a panic in update into an error: a message must not crash the
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
