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
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/wire"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// connection are the options that say where the platform is and which
// environment of it is meant.
type connection struct {
	secret, secretFile string
	url, streamingURL  string
	platform           string
	timeout            time.Duration
	poll               bool
}

func (n *connection) define(o options, timeout time.Duration) {
	o.StringVar(&n.secret, "secret", "", "")
	o.StringVar(&n.secretFile, "secret-file", "", "")
	o.StringVar(&n.url, "url", "", "")
	o.StringVar(&n.streamingURL, "streaming-url", "", "")
	o.StringVar(&n.platform, "platform", "", "")
	o.DurationVar(&n.timeout, "timeout", timeout, "")
}

func (n *connection) definePoll(o options) { o.BoolVar(&n.poll, "poll", false, "") }

// complete adds what the environment variables and the file of the secret have,
// and checks what can be checked here.
func (n *connection) complete(c *console, o options) error {
	switch {
	case o.given("secret") && o.given("secret-file"):
		return o.usage("-secret and -secret-file are given: expected one of them")
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
	if n.platform != "" && !isPlatform(n.platform) {
		return o.usage("-platform is %q: expected classic or featbit", n.platform)
	}
	if n.timeout <= 0 {
		return o.usage("-timeout is %v: expected more than 0, such as 10s", n.timeout)
	}
	return nil
}

func isPlatform(name string) bool {
	return name == string(ffc.PlatformClassic) || name == string(ffc.PlatformFeatBit)
}

const missingSecret = "which environment? Set FFC_ENV_SECRET to its secret, or give -secret-file FILE"

// connect returns a client that has the platform's data. The caller must close
// it.
func (n *connection) connect(ctx context.Context, c *console, o options) (*ffc.Client, error) {
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
		QuietFallbacks: true, // the commands say it themselves
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

// noData says why there is none.
func (n *connection) noData(s ffc.Status) error {
	why := fmt.Sprintf("no answer within %v", n.timeout)
	if s.Err != nil {
		why = errtext.Of(s.Err)
	}
	return noDataError("there is no data from %s: %s\nRun \"ffc doctor\" to find out more.", n.address(), why)
}

// address is where the data comes from.
func (n *connection) address() string {
	if n.poll {
		return cmp.Or(n.url, wire.ClassicDialect("").DefaultBaseURL)
	}
	return cmp.Or(n.streamingURL, n.url, wire.ClassicDialect("").DefaultBaseURL)
}

// disconnect closes a client that has nothing to deliver.
func disconnect(client *ffc.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = client.Close(ctx)
}

// offline returns a client of the data in a file, which takes the place of the
// platform's.
func (n *connection) offline(_ context.Context, c *console, o options, file string) (*ffc.Client, error) {
	for _, name := range []string{"secret", "secret-file", "url", "streaming-url", "poll", "timeout"} {
		if o.given(name) {
			return nil, o.usage("-file and -%s are given: is the data in a file, or the platform's?", name)
		}
	}
	if err := n.complete(c, o); err != nil {
		return nil, err
	}
	data, err := readData(c.stdin, file, n.platform)
	if err != nil {
		return nil, err
	}
	return offline(c, n.platform, sourceName(file), data)
}

// offline returns a client of data that came from a file.
func offline(c *console, platform, name string, data []byte) (*ffc.Client, error) {
	log := &logHandler{c: c}
	defer log.stop()
	client, err := ffc.New(context.Background(), ffc.Config{
		QuietFallbacks: true,
		Offline:        true,
		Platform:       ffc.Platform(platform),
		Bootstrap:      data,
		Logger:         slog.New(log),
	})
	if err != nil {
		return nil, noDataError("%s cannot be used: %s", name, errtext.Of(err))
	}
	return client, nil
}
