package fleetnats

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"

	"github.com/nats-io/nats.go"
)

// Config configures a Backend.
type Config struct {
	// Servers are addresses of NATS servers, each [SCHEME://]HOST[:PORT]. The scheme is
	// nats, the default, tls, ws or wss, and the default port 4222, or that of HTTP for
	// ws and wss. Required. A new connection tries all of them, in random order. Users
	// and passwords belong into Options.
	Servers []string
	// Options configure connections, such as nats.Secure for TLS, nats.UserCredentials,
	// nats.UserInfoHandler and nats.CustomInboxPrefix. Functions for credentials are
	// called for each new connection, so they may return ones that expire. Options for
	// servers, reconnecting and pings have no effect: see the package documentation.
	Options []nats.Option
	// Bucket is the name of the key-value bucket. The default is "ffc".
	Bucket string
	// EventuallyConsistent reads from any server that has the bucket, and needs the
	// right to read single keys only. A read may then return a value that was replaced
	// a moment ago, which readers tolerate. A publisher needs false.
	EventuallyConsistent bool
}

// defaultBucket is the default of Config.Bucket.
const defaultBucket = "ffc"

// checkName returns an error if a name cannot be that of a bucket, stream or subject.
func checkName(field, name string) error {
	valid := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
	}
	if strings.ContainsFunc(name, func(r rune) bool { return !valid(r) }) {
		return fmt.Errorf("unusable %s %q: expected letters, digits, '-' and '_'", field, name)
	}
	return nil
}

// checkServer returns an error if the address of a server is unusable.
func checkServer(address string) error {
	full := address
	if !strings.Contains(full, "://") {
		full = "nats://" + full
	}
	u, err := url.Parse(full)
	switch {
	case err == nil && u.User != nil:
		return errors.New("unusable server with a user: expected user and password in Options, such as with nats.UserInfo")
	case err != nil || u.Hostname() == "" || !slices.Contains([]string{"nats", "tls", "ws", "wss"}, u.Scheme):
		return fmt.Errorf("unusable server %q: expected [nats://]host[:port], or tls, ws or wss in place of nats", address)
	}
	return nil
}

// checkOptions returns the options of connections, and what is wrong with them.
func checkOptions(servers []string, options []nats.Option) (o nats.Options, problems []error) {
	if len(servers) == 0 {
		problems = append(problems, errors.New("missing Servers: expected at least one host[:port]"))
	}
	for _, address := range servers {
		if err := checkServer(address); err != nil {
			problems = append(problems, err)
		}
	}
	o = nats.GetDefaultOptions()
	for _, set := range options {
		if set == nil {
			continue
		}
		if err := set(&o); err != nil {
			problems = append(problems, fmt.Errorf("unusable Options: %w", err))
		}
	}
	o.Url, o.Servers = "", slices.Clone(servers)
	o.AllowReconnect, o.RetryOnFailedConnect = false, false // calls connect
	o.PingInterval = -1                                     // calls find out whether the server responds
	o.UseOldRequestStyle = false
	if o.CustomDialer == nil {
		o.SkipHostLookup = true // the dialer does it, and can be interrupted
		o.CustomDialer = o.Dialer
		if o.Dialer == nil {
			o.CustomDialer = &net.Dialer{KeepAlive: -1}
		}
	}
	return o, problems
}
