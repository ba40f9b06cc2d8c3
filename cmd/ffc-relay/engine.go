package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// key has everything that makes an engine what it is. It holds secrets.
func (e *engineConfig) key() string {
	if e == nil {
		return ""
	}
	return fmt.Sprintf("%q", []string{
		e.name, e.url, e.prefix, e.user, e.password, e.sentinel, e.sentinelUser, e.sentinelPassword, e.ca, e.heads.key(), e.bodies.key(),
	})
}

// openEngine opens an engine. It does not connect.
func openEngine(e engineConfig) (b fleet.Backend, closeIt func(), err error) {
	nothing := func() {}
	scheme, place, _ := strings.Cut(e.url, ":")
	switch scheme {
	case "dir":
		if place == "" {
			return nil, nothing, e.problem("url", "missing path: expected dir:PATH")
		}
		return fleet.Dir{Path: place}, nothing, nil
	case "http", "https":
		if u, err := url.Parse(e.url); err != nil || u.Hostname() == "" || u.User != nil {
			return nil, nothing, e.problem("url", "invalid URL: expected http(s)://host[/prefix] without a user name")
		}
		return fleet.HTTP{URL: e.url}, nothing, nil
	case "redis", "rediss":
		return openRedis(e, scheme == "rediss", strings.TrimPrefix(place, "//"))
	}
	return nil, nothing, e.problem("url", "unknown kind of engine: expected dir:PATH, redis://, rediss://, http://, https:// or split:HEADS,BODIES")
}

// problem returns an error about a setting of the engine.
func (e *engineConfig) problem(setting, format string, args ...any) error {
	return fmt.Errorf("engines."+e.name+"."+setting+": "+format, args...)
}

func openRedis(e engineConfig, encrypted bool, place string) (fleet.Backend, func(), error) {
	addresses, database, hasDatabase := strings.Cut(place, "/")
	if strings.ContainsRune(addresses, '@') {
		return nil, func() {}, e.problem("url", "it has a user: set user and passwordFile instead")
	}
	config := fleetredis.Config{Addresses: strings.Split(addresses, ","), Sentinel: e.sentinel, Prefix: e.prefix}
	config.Credentials = credentials(e.user, e.password)
	if e.sentinel != "" {
		config.SentinelCredentials = credentials(e.sentinelUser, e.sentinelPassword)
	}
	if hasDatabase && database != "" {
		var err error
		if config.Database, err = strconv.Atoi(database); err != nil {
			return nil, func() {}, e.problem("url", "unusable database: expected a number after the slash")
		}
	}
	if encrypted {
		config.TLS = &tls.Config{MinVersion: tls.VersionTLS12}
		if e.ca != "" {
			config.TLS.RootCAs = x509.NewCertPool()
			if !config.TLS.RootCAs.AppendCertsFromPEM([]byte(e.ca)) {
				return nil, func() {}, e.problem("caFile", "%s has no certificate: expected PEM", e.caFile)
			}
		}
	}
	b, err := fleetredis.New(config)
	if err != nil {
		return nil, func() {}, e.problem("url", "%w", err)
	}
	return b, b.Close, nil
}

// credentials returns a function for fleetredis; nil if there are none.
func credentials(user, password string) func(context.Context) (string, string, error) {
	if user == "" && password == "" {
		return nil
	}
	return func(context.Context) (string, string, error) { return user, password, nil }
}

// engines opens engines, each once while it is used, and counts their calls.
type engines struct {
	open    func(engineConfig) (fleet.Backend, func(), error)
	metrics *metrics
	used    map[string]*usedEngine // by their key
}

// usedEngine is an engine that is open.
type usedEngine struct {
	backend fleet.Backend
	close   func()
	users   int
}

// take returns the engine of a configuration. The caller calls release when it does
// not use the engine any more. It must not be called concurrently.
func (s *engines) take(e engineConfig) (b fleet.Backend, release func(), err error) {
	if e.heads != nil {
		heads, releaseHeads, err := s.take(*e.heads)
		bodies, releaseBodies, err2 := s.take(*e.bodies)
		return fleet.Split{Heads: heads, Bodies: bodies}, func() { releaseHeads(); releaseBodies() }, errors.Join(err, err2)
	}
	key := e.key()
	u := s.used[key]
	if u == nil {
		b, closeIt, err := s.open(e)
		if err != nil {
			return nil, func() {}, err
		}
		u = &usedEngine{backend: s.metrics.measured(e.name, b), close: closeIt}
		if s.used == nil {
			s.used = make(map[string]*usedEngine)
		}
		s.used[key] = u
	}
	u.users++
	return u.backend, func() {
		if u.users--; u.users == 0 {
			delete(s.used, key)
			u.close()
		}
	}, nil
}
