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
// all its environments. It is immutable. No function in it blocks.
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
	// key. No other attribute can have them.
	KeyNames []string

	Semantics *eval.Semantics

	// ItemPerUser: an item of a body has all events of a user. If false, each
	// event is an item.
	ItemPerUser bool
	// EvaluationList begins the list of evaluations in an item, after the user.
	EvaluationList string
	// AppendUser appends the user of an item, without private attributes;
	// AppendEvaluation and AppendMetric append an element of its lists.
	AppendUser       func(dst []byte, u *eval.User, private *Private) []byte
	AppendEvaluation func(dst []byte, e *Evaluation) []byte
	AppendMetric     func(dst []byte, m *Metric) []byte

	// Owns reports whether a secret has the shape of the platform's secrets.
	Owns func(secret string) bool
	// Misfit returns an error that says why a secret does not have the shape
	// that Owns checks.
	Misfit func(secret string) error
	// CheckSecret returns the secret as the platform accepts it. If the secret is
	// invalid, it returns the secret as it is, and an error that holds no part of
	// it.
	CheckSecret func(secret string) (string, error)

	// Environment returns the name of a secret's environment, as data has it; ""
	// if the secret does not contain it.
	Environment func(secret string) string
	// EnvironmentIgnoresCase: Environment returns lower case, but any case is
	// accepted in settings.
	EnvironmentIgnoresCase bool
	// DescribeEnvironment describes the environment of a secret for people; "" if
	// the secret does not contain it.
	DescribeEnvironment func(secret string) string

	// NewReader returns the Reader of an environment by the name that Environment
	// returns. "" is an unknown environment.
	NewReader func(environment string) Reader
	// Marks are members of flags and segments that no other platform has.
	Marks []string
	// ItemEnvironment is Environment for a flag or segment with these members.
	ItemEnvironment func(id, envID string) string
}

// Reader reads the data of an environment. Its methods depend on their arguments
// only.
type Reader interface {
	// Update parses a message. It also returns the first of the unusable
	// elements; Update.Unusable is their number. The items point into the
	// message, which must not change afterwards. Items that the message repeats
	// of earlier ones are not parsed again; the result is the same without them.
	Update(message []byte, earlier store.Earlier) (*store.Update, []Skipped, error)
	DecodeFlag(raw []byte) (*model.Flag, error)
	DecodeSegment(raw []byte) (*model.Segment, error)
}

// Skipped is an unusable element of a message. A flag or segment whose key can
// be read is also in the Update, as broken.
type Skipped struct {
	Member string // of the message: featureFlags, segments, userTags
	Index  int    // in that array, from 0
	Key    string // the key or id; "" if it cannot be read
	Err    error
}

// Error names an element by its key. It uses the index only if there is no key,
// because the index differs from message to message.
func (s Skipped) Error() string {
	if s.Key == "" {
		return fmt.Sprintf("%s[%d]: %v", s.Member, s.Index, s.Err)
	}
	return fmt.Sprintf("%s %q: %v", s.Member, s.Key, s.Err)
}

// Codec reads and writes the data of an environment.
type Codec struct {
	*Protocol
	Reader
}

// CodecOf returns the Codec of an environment by the name that Environment
// returns. "" is an unknown environment.
func (p *Protocol) CodecOf(environment string) *Codec {
	return &Codec{Protocol: p, Reader: p.NewReader(environment)}
}

// CodecFor returns the Codec of a secret's environment, and the secret as the
// platform accepts it. If the secret is invalid, it returns an error and the
// Codec of an unknown environment.
func (p *Protocol) CodecFor(secret string) (*Codec, string, error) {
	accepted, err := p.CheckSecret(secret)
	return p.CodecOf(p.Environment(secret)), accepted, err
}

// Source returns what a snapshot needs to evaluate the data. report is called
// with each flag that cannot be evaluated.
func (c *Codec) Source(report func(eval.Problem)) *eval.Source {
	return &eval.Source{Semantics: c.Semantics, DecodeFlag: c.DecodeFlag, DecodeSegment: c.DecodeSegment, Report: report}
}

// errPanic leaves out the text of the panic, which may quote the data.
var errPanic = errors.New("the message causes a panic in the SDK: please report this bug")

// Update is UpdateAfter without earlier items.
func (c *Codec) Update(message []byte) (*store.Update, []Skipped, error) {
	return c.UpdateAfter(message, store.Earlier{})
}

// UpdateAfter is Reader.Update. A panic in it becomes an error: a message must not
// crash the program.
func (c *Codec) UpdateAfter(message []byte, earlier store.Earlier) (u *store.Update, skipped []Skipped, err error) {
	defer func() {
		if recover() != nil {
			u, skipped, err = nil, nil, errPanic
		}
	}()
	return c.Reader.Update(message, earlier)
}

// ErrNoSecret is the error for a secret that is "".
var ErrNoSecret = errors.New("missing secret: copy the environment secret from the platform's settings page")

// SyncRequest returns the message that requests all data newer than a version,
// or everything if version is 0.
func SyncRequest(version int64) string {
	return `{"messageType":"data-sync","data":{"timestamp":` + strconv.FormatInt(version, 10) + `}}`
}
