// Package servertest tests a server that SDKs use as the platform: what it responds to
// websockets, polling and events. The server of ffctest and a relay pass the same tests.
package servertest

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// Server is a server that is tested, with its data.
type Server struct {
	URL, Secret string
	// Put and Archive change the data, perhaps only after a while.
	Put     func(items ...ffctest.Item)
	Archive func(key string)
	// Events returns how many events were accepted.
	Events func() int
}

// Of returns a server of ffctest.
func Of(s *ffctest.Server) *Server {
	return &Server{
		URL: s.URL, Secret: s.EnvSecret, Put: s.Put, Archive: s.Archive,
		Events: func() int { return len(s.Events()) + s.Dropped() },
	}
}

// Run tests servers of both platforms. open starts a server, which ends with the test.
func Run(t *testing.T, open func(t *testing.T, p ffctest.Platform, items ...ffctest.Item) *Server) {
	platforms.EachParallel(t, func(t *testing.T, p ffctest.Platform) {
		for name, test := range map[string]func(*testing.T, *suite){
			"messages": testMessages, "ignored messages": testIgnoredMessages, "pushes": testPushes, "tokens": testTokens, "handshakes": testHandshakes,
			"polling": testPolling, "event bodies": testEventBodies, "event headers": testEventHeaders,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				s := *suites[p]
				s.open = func(t *testing.T, items ...ffctest.Item) *Server {
					t.Helper()
					return open(t, p, items...)
				}
				test(t, &s)
			})
		}
	})
}

// suite is what the tests of a platform need.
type suite struct {
	open func(t *testing.T, items ...ffctest.Item) *Server

	pong                 string
	pollPath, eventsPath string
	otherPollPath        string // of the other platform
	secretHeader         string
	// Secrets of another environment, of the other platform, and with a typo; "" has no test.
	other, foreign, typo string
	ignored              []string // messages, beside those that both platforms ignore
	strict               bool     // tokens from the future and unknown versions are rejected, and the type client
	polls                func(secret string) []poll
	bodies               func(t *testing.T) []body
	responds             bool           // the response to events has a body
	reason               string         // the member of a rejection that has the reason
	rejection            map[string]any // the others
	headers              func(s *suite, secret string) []eventHeader
}

var suites = map[ffctest.Platform]*suite{
	ffctest.Classic: {
		pong:     `{"messageType":"pong","data":null}`,
		pollPath: "/api/public/sdk/latest-feature-flag", eventsPath: "/api/public/track", otherPollPath: "/api/public/sdk/server/latest-all",
		secretHeader: "Envsecret", other: classicOther, foreign: ffctest.FeatBitEnvSecret,
		polls: classicPolls, bodies: classicBodies, headers: classicHeaders, responds: true,
		reason: "message", rejection: map[string]any{"success": false, "data": nil},
	},
	ffctest.FeatBit: {
		pong:     `{"messageType":"pong","data":{}}`,
		pollPath: "/api/public/sdk/server/latest-all", eventsPath: "/api/public/insight/track", otherPollPath: "/api/public/sdk/latest-feature-flag",
		secretHeader: "Authorization", other: featBitOther, foreign: ffctest.EnvSecret, typo: featBitTypo,
		ignored: []string{`{"messageType":"ping"}`}, strict: true,
		polls: featBitPolls, bodies: featBitBodies, headers: func(*suite, string) []eventHeader { return nil },
		reason: "title", rejection: map[string]any{"status": 400.0},
	},
}
