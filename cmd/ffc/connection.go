package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/errtext"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// connection holds the options that select the platform and the environment.
type connection struct {
	secret, secretFile string
	url, streamingURL  string
	platform           string
	timeout            time.Duration
	poll               bool
}

func (n *connection) define(o *options) {
	o.section("The environment:")
	o.text(&n.secretFile, "secret-file", "FILE", "a file with the secret; - is standard input")
	o.text(&n.secret, "secret", "SECRET", "the secret itself; other users can see it in the list of processes, "+
		"so prefer FFC_ENV_SECRET or -secret-file")
	o.text(&n.url, "url", "URL", "http(s)://host[/prefix] of the platform; required for FeatBit: that of its evaluation server "+
		"(default "+platform.Classic().DefaultBaseURL+" for featureflag.co)")
	o.text(&n.streamingURL, "streaming-url", "URL", "ws(s)://host[/prefix] of websockets (default as -url)")
	o.platform(&n.platform, "classic or featbit (default by the form of the secret)")
}

// connectionHelp follows the options in help.
const connectionHelp = `
If -secret or -url is not given, FFC_ENV_SECRET or FFC_BASE_URL replaces it.
HTTPS_PROXY, HTTP_PROXY and NO_PROXY select the proxy.

`

// defineWait adds the options for a command that gets data from the platform.
func (n *connection) defineWait(o *options) {
	o.toggle(&n.poll, "poll", "get the data by polling instead of a websocket; featureflag.co then sends no segments")
	o.duration(&n.timeout, "timeout", "how long to wait for the data", 10*time.Second)
}

// complete reads the file of the secret and the environment variables for options
// that are not given.
func (n *connection) complete(c *console, o *options) error {
	switch {
	case o.given("secret") && o.given("secret-file"):
		return o.usage("-secret and -secret-file exclude each other")
	case o.given("secret-file"):
		secret, err := readFile(c.stdin, n.secretFile)
		if err != nil {
			return o.usage("-secret-file: %v", err)
		}
		n.secret = strings.TrimSpace(string(secret))
		if n.secret == "" {
			return o.usage("-secret-file: %s is empty", sourceName(n.secretFile))
		}
	case !o.given("secret"):
		n.secret = c.env("FFC_ENV_SECRET")
	}
	if !o.given("url") {
		n.url = c.env("FFC_BASE_URL")
	}
	return nil
}

// platform adds the option -platform.
func (o *options) platform(value *string, help string) {
	o.define("platform", "NAME", help, func(name string) error {
		if _, err := platform.ProtocolOf(name); err != nil {
			return fmt.Errorf("unknown platform %q: expected classic or featbit", name)
		}
		*value = name
		return nil
	})
}

const missingSecret = "missing secret: set FFC_ENV_SECRET, or use -secret-file FILE"

// client returns a client of the data in a file, or of the platform if the command
// line names no file. The caller must close it.
func (n *connection) client(ctx context.Context, c *console, o *options, file string) (*ffc.Client, error) {
	if o.given("file") {
		return n.offline(c, o, file)
	}
	return n.connect(ctx, c, o)
}

// connect returns a client that has the platform's data.
func (n *connection) connect(ctx context.Context, c *console, o *options) (*ffc.Client, error) {
	if err := n.complete(c, o); err != nil {
		return nil, err
	}
	if n.secret == "" {
		return nil, o.usage(missingSecret)
	}
	var t transport.Transport = &stream.Transport{OnDemand: true, ConnectTimeout: n.timeout}
	if n.poll {
		t = &poll.Transport{Timeout: n.timeout}
	}
	p := c.progress("connecting to " + n.address())
	log := &logHandler{c: c, progress: p}
	client, err := ffc.New(ctx, ffc.Config{
		QuietFallbacks: true, // the commands report it themselves
		EnvSecret:      n.secret,
		Transport:      t,
		Platform:       ffc.Platform(n.platform),
		BaseURL:        n.url,
		StreamingURL:   n.streamingURL,
		StartWait:      n.timeout,
		Events:         flush.Config{Disabled: true},
		Logger:         slog.New(log),
	})
	log.stop()
	p.stop()
	switch {
	case err != nil:
		return nil, o.usage("%s", errtext.Of(err))
	case client.Initialized():
		return client, nil
	}
	defer disconnect(client)
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	return nil, n.noData(client.Status())
}

// noData returns the error of a client that got no data.
func (n *connection) noData(s ffc.Status) error {
	why := fmt.Sprintf("no response within %v", n.timeout)
	if s.Err != nil {
		why = errtext.Of(s.Err)
	}
	return noDataError("cannot get data from %s: %s\nRun \"ffc doctor\" to find the cause.", n.address(), why)
}

// address returns the URL that the data comes from.
func (n *connection) address() string {
	if n.poll {
		return cmp.Or(n.url, platform.Classic().DefaultBaseURL)
	}
	return cmp.Or(n.streamingURL, n.url, platform.Classic().DefaultBaseURL)
}

// disconnect closes a client that has no events.
func disconnect(client *ffc.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = client.Close(ctx)
}

// offline returns a client of the data in a file.
func (n *connection) offline(c *console, o *options, file string) (*ffc.Client, error) {
	for _, name := range []string{"secret", "secret-file", "url", "streaming-url", "poll", "timeout"} {
		if o.given(name) {
			return nil, o.usage("-file and -%s exclude each other: the data comes from the file or from the platform", name)
		}
	}
	if err := n.complete(c, o); err != nil {
		return nil, err
	}
	data, err := readData(c.stdin, file, n.platform)
	if err != nil {
		return nil, err
	}
	log := &logHandler{c: c}
	defer log.stop()
	client, err := ffc.New(context.Background(), ffc.Config{
		QuietFallbacks: true,
		Offline:        true,
		Platform:       ffc.Platform(n.platform),
		Bootstrap:      data,
		Logger:         slog.New(log),
	})
	if err != nil {
		return nil, noDataError("%s is invalid: %s", sourceName(file), errtext.Of(err))
	}
	return client, nil
}
