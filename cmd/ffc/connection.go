package main

import (
	"cmp"
	"context"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/errtext"
	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
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

func (n *connection) define(o *cli.Options) {
	o.Section("The environment:")
	o.Text(&n.secretFile, "secret-file", "FILE", "a file with the secret; - is standard input")
	o.Text(&n.secret, "secret", "SECRET", "the secret itself; other users can see it in the list of processes, "+
		"so prefer FFC_ENV_SECRET or -secret-file")
	o.Text(&n.url, "url", "URL", "http(s)://host[/prefix] of the platform; required for FeatBit: that of its evaluation server "+
		"(default "+registry.Default().DefaultBaseURL+" for featureflag.co)")
	o.Text(&n.streamingURL, "streaming-url", "URL", "ws(s)://host[/prefix] of websockets (default as -url)")
	o.Platform(&n.platform, registry.Names()+" (default by the form of the secret)")
}

// connectionHelp follows the options in help.
const connectionHelp = `
If -secret or -url is not given, FFC_ENV_SECRET or FFC_BASE_URL replaces it.
HTTPS_PROXY, HTTP_PROXY and NO_PROXY select the proxy.

`

// defineWait adds the options for a command that gets data from the platform.
func (n *connection) defineWait(o *cli.Options) {
	o.Toggle(&n.poll, "poll", "get the data by polling instead of a websocket; featureflag.co then sends no segments")
	o.Duration(&n.timeout, "timeout", "how long to wait for the data", 10*time.Second)
}

// complete reads the file of the secret and the environment variables for options
// that are not given.
func (n *connection) complete(c *cli.Console, o *cli.Options) error {
	switch {
	case o.Given("secret") && o.Given("secret-file"):
		return o.Usage("-secret and -secret-file exclude each other")
	case o.Given("secret-file"):
		secret, err := readFile(c.Stdin, n.secretFile)
		if err != nil {
			return o.Usage("-secret-file: %v", err)
		}
		n.secret = strings.TrimSpace(string(secret))
		if n.secret == "" {
			return o.Usage("-secret-file: %s is empty", sourceName(n.secretFile))
		}
	case !o.Given("secret"):
		n.secret = c.Env("FFC_ENV_SECRET")
	}
	if !o.Given("url") {
		n.url = c.Env("FFC_BASE_URL")
	}
	return nil
}

const missingSecret = "missing secret: set FFC_ENV_SECRET or use -secret-file FILE, or read a flag file with -file FILE"

// client returns a client of the data in a file, or of the platform if the command
// line names no file. The caller must close it.
func (n *connection) client(ctx context.Context, c *cli.Console, o *cli.Options, file string) (*ffc.Client, error) {
	if o.Given("file") {
		return n.offline(c, o, file)
	}
	return n.connect(ctx, c, o)
}

// connect returns a client that has the platform's data.
func (n *connection) connect(ctx context.Context, c *cli.Console, o *cli.Options) (*ffc.Client, error) {
	if err := n.complete(c, o); err != nil {
		return nil, err
	}
	if n.secret == "" {
		return nil, o.Usage(missingSecret)
	}
	var t transport.Transport = &stream.Transport{OnDemand: true, ConnectTimeout: n.timeout}
	if n.poll {
		t = &poll.Transport{Timeout: n.timeout}
	}
	p := c.Progress("connecting to " + n.address())
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
	p.Stop()
	switch {
	case err != nil:
		return nil, o.Usage("%s", errtext.Of(err))
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
	return cli.NoDataError("cannot get data from %s: %s\nRun \"ffc doctor\" to find the cause.", n.address(), why)
}

// address returns the URL that the data comes from.
func (n *connection) address() string {
	if n.poll {
		return cmp.Or(n.url, registry.Default().DefaultBaseURL)
	}
	return cmp.Or(n.streamingURL, n.url, registry.Default().DefaultBaseURL)
}

// disconnect closes a client that has no events.
func disconnect(client *ffc.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	_ = client.Close(ctx)
}

// offline returns a client of the data in a file.
func (n *connection) offline(c *cli.Console, o *cli.Options, file string) (*ffc.Client, error) {
	for _, name := range []string{"secret", "secret-file", "url", "streaming-url", "poll", "timeout"} {
		if o.Given(name) {
			return nil, o.Usage("-file and -%s exclude each other: the data comes from the file or from the platform", name)
		}
	}
	if err := n.complete(c, o); err != nil {
		return nil, err
	}
	data, err := readData(c.Stdin, file, n.platform)
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
		return nil, cli.NoDataError("%s is invalid: %s", sourceName(file), errtext.Of(err))
	}
	return client, nil
}
