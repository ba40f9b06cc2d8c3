package browsertest

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/local"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

const shop = `{
  "flags": {
    "checkout": {
      "name": "New checkout",
      "variations": ["one-page", "classic", "express"],
      "offVariation": "classic",
      "prerequisites": {"payments": "true"},
      "targets": {"one-page": ["ann", "bob"]},
      "rules": [
        {
          "if": [{"attribute": "country", "isOneOf": ["FR", "BE"]}, {"attribute": "plan", "equal": "pro"}],
          "serve": "one-page"
        },
        {"if": [{"inSegment": "beta"}], "rollout": {"one-page": 50, "express": 50}}
      ],
      "rollout": {"one-page": 50, "classic": 30, "express": 20}
    },
    "payments": {"name": "Payments by card"},
    "dark-mode": {"name": "Dark mode", "rollout": {"true": 25, "false": 75}},
    "banner": {
      "name": "Text of the banner",
      "on": false,
      "variations": ["Welcome!", "Sale ends on Sunday", ""],
      "offVariation": "",
      "serve": "Welcome!"
    }
  },
  "segments": {
    "beta": {"included": ["eve"], "rules": [{"if": [{"attribute": "email", "endsWith": "@example.com"}]}]}
  }
}
`

// platform is a local platform that serves a file.
type platform struct {
	*local.Platform
	t    *testing.T
	name string
	url  string
	port *testkit.Port
	file string
	stop func()
}

// serve serves flags until the end of the test.
func serve(t *testing.T, flags string) *platform {
	t.Helper()
	return serveOn(t, "classic", flags)
}

func serveOn(t *testing.T, name, flags string) *platform {
	t.Helper()
	port, err := testkit.NewPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Close)
	p := &platform{t: t, name: name, port: port, file: filepath.Join(t.TempDir(), "flags.json")}
	p.save(flags)
	p.start()
	t.Cleanup(func() { p.stop() })
	return p
}

// start serves the file, after stop at the address from before.
func (p *platform) start() {
	p.t.Helper()
	served, err := local.New(local.Config{File: p.file, Platform: p.name, Log: func(line string) { p.t.Log(line) }})
	if err != nil {
		p.t.Fatal(err)
	}
	listener, err := p.port.Listen()
	if err != nil {
		p.t.Fatal(err)
	}
	p.Platform = served
	p.url = local.URL(listener.Addr())
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- served.Run(ctx, listener) }()
	p.stop = func() {
		cancel()
		if err := <-ended; err != nil {
			p.t.Error(err)
		}
		p.stop = func() {}
	}
}

// save writes the flag file as an editor does.
func (p *platform) save(flags string) {
	p.t.Helper()
	if err := os.WriteFile(p.file, []byte(flags), 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *platform) saved() string {
	p.t.Helper()
	text, err := os.ReadFile(p.file)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(text)
}

// client is an application that is connected to the platform by websocket.
type client struct {
	*ffc.Client
	t       *testing.T
	changed chan struct{}
}

func (p *platform) client() *client {
	p.t.Helper()
	c, err := ffc.New(p.t.Context(), ffc.Config{
		EnvSecret: p.EnvSecret(),
		BaseURL:   p.url,
		Transport: &stream.Transport{},
		Events:    flush.Config{Interval: -1},
	})
	if err != nil {
		p.t.Fatal(err)
	}
	if !c.Initialized() {
		p.t.Fatalf("the client has no data: %v", c.Status().Err)
	}
	out := &client{Client: c, t: p.t, changed: make(chan struct{}, 1)}
	stop := c.OnChange(func([]string) {
		select {
		case out.changed <- struct{}{}:
		default: // already notified
		}
	})
	p.t.Cleanup(func() {
		stop()
		ctx, cancel := context.WithTimeout(context.Background(), waitTimeout)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			p.t.Error(err)
		}
	})
	return out
}

// until waits for the flag to serve value to the user.
func (c *client) until(flag, user, value string) {
	c.t.Helper()
	late := time.NewTimer(waitTimeout)
	defer late.Stop()
	for {
		got := c.Variation(c.t.Context(), flag, ffc.NewUser(user), "")
		if got == value {
			return
		}
		select {
		case <-c.changed:
		case <-late.C:
			c.t.Fatalf("%s serves %q to %s, waited for %q", flag, got, user, value)
		}
	}
}

func newUser(key string) ffc.User { return ffc.NewUser(key) }
