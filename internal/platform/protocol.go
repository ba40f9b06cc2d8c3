package platform

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// Protocol has the constants and abilities of a platform, which are the same for
// all its environments. It does not change.
type Protocol struct {
	Name           string // in settings: classic
	Title          string // for people: featureflag.co
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
	// PollHasSegments: answers to these requests have segments.
	PollHasSegments bool
	// StreamQuery is what the URL of the push endpoint has after the token.
	StreamQuery string
	// AcceptsOldTokens: the push endpoint accepts a token of a clock that is
	// behind.
	AcceptsOldTokens bool
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
	// KeyNames are the names, in lower case, that no attribute can have because
	// events send the user's key by them.
	KeyNames []string

	Semantics *eval.Semantics

	// ItemPerUser: an item of a body has all events of a user. Otherwise each
	// event is an item.
	ItemPerUser bool
	// EvaluationList begins the list of evaluations in an item, after the user.
	EvaluationList string
	// AppendEvaluation and AppendMetric append an element of an item's lists.
	AppendUser       func(dst []byte, u *eval.User, private *Private) []byte
	AppendEvaluation func(dst []byte, e *Evaluation) []byte
	AppendMetric     func(dst []byte, m *Metric) []byte

	// Environment says what data names the environment of a secret by; "" if the
	// secret does not say.
	Environment func(secret string) string
	// EnvironmentIgnoresCase: that name is in lower case, and people may write it
	// otherwise.
	EnvironmentIgnoresCase bool
	// DescribeEnvironment names the environment of a secret for people; "" if the
	// secret does not say.
	DescribeEnvironment func(secret string) string

	// owns reports whether a secret is of the platform, by its shape.
	owns func(secret string) bool
	// codecOf returns the Codec of the environment that Environment returned, or of
	// an unknown one if that is "".
	codecOf func(environment string) *Codec
	// codec returns the Codec of a secret's environment, and the secret as the
	// platform accepts it. If the secret cannot be used, the error says why, and
	// the Codec is that of an unknown environment.
	codec func(secret string) (*Codec, string, error)
	// misfit says, in part of a sentence, why a secret is not of the platform.
	misfit func(secret string) error
	// marks are members of flags and segments that no other platform has.
	marks []string
	// itemEnvironment is Environment for a flag or segment with these members.
	itemEnvironment func(id, envID string) string
}

// Codec reads and writes the data of an environment.
type Codec struct {
	*Protocol
	// Update takes a message apart. Skipped are the first of the elements that
	// cannot be used, of which Update.Unusable is the number.
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

// All returns the protocols of all platforms. Where a secret has the shape of
// several, the first counts: those of FeatBit are random, so that none happens to
// read as one of featureflag.co, but some of featureflag.co also have 44
// characters.
func All() []*Protocol { return []*Protocol{Classic(), FeatBit()} }

// ProtocolOf returns the protocol of a platform by name.
func ProtocolOf(name string) (*Protocol, error) {
	for _, p := range All() {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("there is no platform %q", name)
}

// SyncRequest asks for what is newer than a version, or for everything.
func SyncRequest(version int64) string {
	return `{"messageType":"data-sync","data":{"timestamp":` + strconv.FormatInt(version, 10) + `}}`
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
