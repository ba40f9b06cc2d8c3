package wire

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Dialect is all that differs between the generations of the platform. One is
// chosen for the life of a client.
type Dialect struct {
	Name           string
	DefaultBaseURL string // "" if there is none
	SecretHeader   string
	EventsPath     string
	// PollPaths are where all data can be fetched, to be tried in this order:
	// servers have one of them.
	PollPaths    []string
	PingInterval time.Duration
	// Resume: on reconnecting, ask for what is newer than the store. Otherwise
	// ask for everything, as changes would leave out what was archived.
	Resume bool

	Rules         *eval.Rules
	Update        func(message []byte) (*eval.Update, []Skipped, error)
	DecodeFlag    func(raw []byte) (*model.Flag, error)
	DecodeSegment func(raw []byte) (*model.Segment, error)

	AppendUser       func(dst []byte, u *eval.User, private *Private) []byte
	AppendEvaluation func(dst []byte, e *Evaluation) []byte
	AppendMetric     func(dst []byte, m *Metric) []byte
}

// PlatformClassic names featureflag.co.
const PlatformClassic = "classic"

// SyncRequest asks for what is newer than a version, or for everything.
func SyncRequest(version int64) string {
	return `{"messageType":"data-sync","data":{"timestamp":` + strconv.FormatInt(version, 10) + `}}`
}

// Ping is the keep-alive message, which the platform answers with a pong. It
// is not the ping frame of websockets.
const Ping = `{"messageType":"ping","data":null}`

// DialectOf returns the dialect of a platform by name, for what does not
// depend on the environment.
func DialectOf(platform string) (*Dialect, error) {
	if platform != PlatformClassic {
		return nil, fmt.Errorf("there is no platform %q", platform)
	}
	return ClassicDialect(""), nil
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
		PollPaths:        []string{"/api/public/sdk/latest-feature-flags", "/api/public/sdk/latest-feature-flag"},
		PingInterval:     10 * time.Second,
		Rules:            eval.Classic(),
		Update:           contained(data.Update),
		DecodeFlag:       data.Flag,
		DecodeSegment:    data.Segment,
		AppendUser:       appendClassicUser,
		AppendEvaluation: appendClassicEvaluation,
		AppendMetric:     appendClassicMetric,
	}
}

// errPanic leaves out what the panic says: it may quote the data.
var errPanic = errors.New("the message makes the SDK panic, which is a mistake in the SDK: please report it")

// contained turns a panic in update into an error: a message must not end the
// program.
func contained(update func([]byte) (*eval.Update, []Skipped, error)) func([]byte) (*eval.Update, []Skipped, error) {
	return func(message []byte) (u *eval.Update, skipped []Skipped, err error) {
		defer func() {
			if recover() != nil {
				u, skipped, err = nil, nil, errPanic
			}
		}()
		return update(message)
	}
}

// UserAgent names the SDK in every request.
const UserAgent = "ffc-go-server-sdk"
