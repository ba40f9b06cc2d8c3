package fleetredis

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
)

// Config configures a Backend.
type Config struct {
	// Addresses are the servers, each host:port. Required. With several, such as a
	// primary and its replica, the Backend uses the first that accepts a
	// connection. It uses the next when a connection fails, or when the server is
	// a replica that rejects writes, is loading its data, or has lost its primary.
	Addresses []string
	// TLS encrypts connections. nil is no encryption. An empty ServerName is the
	// host of the address.
	TLS *tls.Config
	// Credentials returns the user and the password for a new connection. The user
	// "" is the user "default". If Credentials is nil, or returns neither user nor
	// password, the connection has no authentication. Credentials is called for
	// each connection, so it may return tokens that expire, such as those of IAM;
	// it may be called concurrently. ctx ends after 3 s. The error becomes that of
	// the call, so it must not hold a secret.
	Credentials func(ctx context.Context) (user, password string, err error)
	// Sentinel is the name of a primary that Sentinels watch. If it is set,
	// Addresses are those of the Sentinels, and each new connection first requests
	// the address of the primary from one of them. TLS is used for both. "" is no
	// Sentinels.
	Sentinel string
	// SentinelCredentials is like Credentials, for the Sentinels. nil connects to
	// them without authentication. It requires Sentinel.
	SentinelCredentials func(ctx context.Context) (user, password string, err error)
	// Cluster says that Addresses are nodes of a Redis Cluster. Each new connection
	// requests from one of them which node has which keys, so a few nodes, or a load
	// balancer, are enough. With TLS the certificates must be valid for the hosts by
	// which the nodes know each other, unless ServerName is set. Cluster excludes
	// Sentinel, and requires Database 0.
	Cluster bool
	// Database is the number of the database. The default is 0.
	Database int
	// Prefix is what the keys begin with, after a brace. The default is "ffc".
	Prefix string
}

// defaultPrefix is the default of Config.Prefix.
const defaultPrefix = "ffc"

// checked returns the configuration with its defaults.
func (c Config) checked() (Config, error) {
	var problems []error
	if len(c.Addresses) == 0 {
		problems = append(problems, errors.New("missing Addresses: expected at least one host:port"))
	}
	for _, address := range c.Addresses {
		if host, port, err := net.SplitHostPort(address); err != nil || host == "" || port == "" {
			problems = append(problems, fmt.Errorf("unusable address %q: expected host:port", address))
		}
	}
	if c.SentinelCredentials != nil && c.Sentinel == "" {
		problems = append(problems, errors.New("missing Sentinel: SentinelCredentials needs it"))
	}
	if c.Cluster && c.Sentinel != "" {
		problems = append(problems, errors.New("unusable Sentinel with Cluster: a Redis Cluster has no Sentinels; expected one of the two"))
	}
	if c.Cluster && c.Database > 0 {
		problems = append(problems, fmt.Errorf("unusable Database %d with Cluster: a Redis Cluster has only 0", c.Database))
	}
	if c.Database < 0 {
		problems = append(problems, fmt.Errorf("unusable Database %d: expected 0 or more", c.Database))
	}
	if strings.ContainsAny(c.Prefix, "{}") {
		problems = append(problems, fmt.Errorf("unusable Prefix %q: expected no braces", c.Prefix))
	}
	if len(problems) > 0 {
		return Config{}, fmt.Errorf("fleetredis: %w", errors.Join(problems...))
	}
	c.Addresses = slices.Clone(c.Addresses)
	if c.TLS != nil {
		c.TLS = c.TLS.Clone()
		if c.TLS.ClientSessionCache == nil { // a resumed session costs both sides less
			c.TLS.ClientSessionCache = tls.NewLRUClientSessionCache(len(c.Addresses))
		}
	}
	if c.Prefix == "" {
		c.Prefix = defaultPrefix
	}
	return c, nil
}
