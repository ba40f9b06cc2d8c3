package main

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetaws"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
)

// key has everything that makes an engine what it is, but for its passwords, which
// may change while it is open.
func (e *engineConfig) key() string {
	if e == nil {
		return ""
	}
	return fmt.Sprintf("%q", []string{
		e.name, e.url, e.prefix, e.user, e.cluster, e.sentinel, e.sentinelUser, e.inboxPrefix, e.ca, e.region, e.endpoint, e.bucketOwner, e.heads.key(), e.bodies.key(),
		fmt.Sprint(e.password != "", e.sentinelPassword != "", e.credentials != ""),
	})
}

// engineKey returns the key of the engine with a name.
func (c *config) engineKey(name string) string {
	e := c.engines[name]
	return e.key()
}

// awsTime bounds reading AWS's configuration.
const awsTime = 10 * time.Second

// opener opens an engine. It does not connect. now returns the configuration of the
// engine as it is at present, for passwords that change; it may be called
// concurrently. close is never nil.
type opener func(e engineConfig, now func() *engineConfig) (b fleet.Backend, closeIt func(), err error)

// engineURLs are the forms of engines.NAME.url.
const engineURLs = "dir:PATH, redis://HOST:PORT, rediss://HOST:PORT, nats://HOST:PORT, tls://HOST:PORT, s3://BUCKET, dynamodb://TABLE, http(s)://HOST[/PREFIX] or split:HEADS,BODIES"

// openEngine is the opener of all engines.
func openEngine(e engineConfig, now func() *engineConfig) (b fleet.Backend, closeIt func(), err error) {
	nothing := func() {}
	scheme, place, _ := strings.Cut(e.url, ":")
	if err := e.unused(scheme); err != nil {
		return nil, nothing, err
	}
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
	case "s3", "dynamodb":
		return openAWS(e, scheme == "s3", strings.TrimPrefix(place, "//"))
	case "redis", "rediss":
		return openRedis(e, now, scheme == "rediss", strings.TrimPrefix(place, "//"))
	case "nats", "tls":
		return openNATS(e, now)
	}
	if scheme == "sqs" {
		return nil, nothing, e.problem("url", "SQS keeps events only: name the engine in the setting queue")
	}
	return nil, nothing, e.problem("url", "unknown kind of engine: expected %s", engineURLs)
}

// problem returns an error about a setting of the engine.
func (e *engineConfig) problem(setting, format string, args ...any) error {
	return fmt.Errorf("engines.%s.%s: "+format, append([]any{e.name, setting}, args...)...)
}

// unused returns an error if a setting has no effect on an engine whose URL has this
// scheme. Unknown schemes are not checked.
func (e *engineConfig) unused(scheme string) error {
	if !slices.Contains(schemes, scheme) {
		return nil
	}
	values := map[string]string{
		"prefix": e.prefix, "user": e.user, "password": e.password, "cluster": e.cluster,
		"sentinel": e.sentinel, "sentinelUser": e.sentinelUser, "sentinelPassword": e.sentinelPassword,
		"credentials": e.credentials, "inboxPrefix": e.inboxPrefix, "caFile": e.caFile, "region": e.region, "endpoint": e.endpoint, "bucketOwner": e.bucketOwner,
	}
	for _, s := range engineSettings {
		if values[s.name] != "" && !s.fits(scheme) {
			return e.problem(s.name, "the setting has no effect on an engine of %s: remove it", scheme)
		}
	}
	return nil
}

// openAWS opens a bucket of S3 or a table of DynamoDB. Credentials and the region are
// those of AWS's tools: variables, files, the role of the machine or of the pod.
func openAWS(e engineConfig, bucket bool, name string) (b fleet.Backend, closeIt func(), err error) {
	nothing := func() {}
	ctx, cancel := context.WithTimeout(context.Background(), awsTime)
	defer cancel()
	found, err := awsconfig.LoadDefaultConfig(ctx)
	if err != nil {
		return nil, nothing, e.problem("url", "AWS's configuration cannot be read: %w", err)
	}
	region := cmp.Or(e.region, found.Region)
	if region == "" {
		return nil, nothing, e.problem("region", "missing region: set it, or AWS_REGION")
	}
	if bucket {
		b, err = fleetaws.NewS3(fleetaws.S3Config{
			Bucket: name, BucketOwner: e.bucketOwner, Region: region, Credentials: found.Credentials, Endpoint: e.endpoint, Prefix: e.prefix,
		})
	} else {
		b, err = fleetaws.NewDynamoDB(fleetaws.DynamoDBConfig{Table: name, Region: region, Credentials: found.Credentials, Endpoint: e.endpoint, Prefix: e.prefix})
	}
	if err != nil {
		return nil, nothing, e.problem("url", "%w", err)
	}
	return b, nothing, nil
}

// tls returns how to encrypt the connections of an engine.
func (e *engineConfig) tls() (*tls.Config, error) {
	secure := &tls.Config{MinVersion: tls.VersionTLS12}
	if e.ca == "" {
		return secure, nil
	}
	secure.RootCAs = x509.NewCertPool()
	if !secure.RootCAs.AppendCertsFromPEM([]byte(e.ca)) {
		return nil, e.problem("caFile", "%s has no certificate: expected PEM", e.caFile)
	}
	return secure, nil
}

func openNATS(e engineConfig, now func() *engineConfig) (fleet.Backend, func(), error) {
	config, err := e.nats(now)
	if err != nil {
		return nil, func() {}, err
	}
	b, err := fleetnats.New(config)
	if err != nil {
		return nil, func() {}, e.problem("url", "%w", err)
	}
	return b, b.Close, nil
}

// nats returns how to connect to a bucket of NATS.
func (e *engineConfig) nats(now func() *engineConfig) (config fleetnats.Config, err error) {
	scheme, place, _ := strings.Cut(e.url, "://")
	addresses, bucket, _ := strings.Cut(place, "/")
	if strings.ContainsRune(addresses, '@') {
		return config, e.problem("url", "it has a user: set user and passwordFile instead, or credentialsFile")
	}
	config.Bucket, config.Options = bucket, []nats.Option{nats.Name("ffc-relay")}
	for address := range strings.SplitSeq(addresses, ",") {
		config.Servers = append(config.Servers, scheme+"://"+address)
	}
	if scheme == "tls" {
		secure, err := e.tls()
		if err != nil {
			return config, err
		}
		config.Options = append(config.Options, nats.Secure(secure))
	}
	if e.inboxPrefix != "" {
		config.Options = append(config.Options, nats.CustomInboxPrefix(e.inboxPrefix))
	}
	switch {
	case e.credentials != "" && e.user+e.password != "":
		return config, e.problem("credentials", "there are also a user or a password: expected one of the two")
	case e.credentials != "":
		config.Options = append(config.Options, nats.UserJWT(
			func() (string, error) { return nkeys.ParseDecoratedJWT([]byte(now().credentials)) },
			func(nonce []byte) ([]byte, error) {
				key, err := nkeys.ParseDecoratedNKey([]byte(now().credentials))
				if err != nil {
					return nil, err
				}
				defer key.Wipe()
				return key.Sign(nonce)
			},
		))
	case e.user+e.password != "":
		config.Options = append(config.Options, nats.UserInfoHandler(func() (user, password string) { return now().user, now().password }))
	}
	return config, nil
}

func openRedis(e engineConfig, now func() *engineConfig, encrypted bool, place string) (fleet.Backend, func(), error) {
	addresses, database, hasDatabase := strings.Cut(place, "/")
	if strings.ContainsRune(addresses, '@') {
		return nil, func() {}, e.problem("url", "it has a user: set user and passwordFile instead")
	}
	config := fleetredis.Config{Addresses: strings.Split(addresses, ","), Sentinel: e.sentinel, Prefix: e.prefix}
	if e.user != "" || e.password != "" {
		config.Credentials = func(context.Context) (user, password string, err error) { return now().user, now().password, nil }
	}
	if e.sentinelUser != "" || e.sentinelPassword != "" {
		config.SentinelCredentials = func(context.Context) (user, password string, err error) {
			return now().sentinelUser, now().sentinelPassword, nil
		}
	}
	if hasDatabase && database != "" {
		var err error
		if config.Database, err = strconv.Atoi(database); err != nil {
			return nil, func() {}, e.problem("url", "unusable database: expected a number after the slash")
		}
	}
	if e.cluster != "" {
		var err error
		if config.Cluster, err = strconv.ParseBool(e.cluster); err != nil {
			return nil, func() {}, e.problem("cluster", "invalid value %q: expected true or false", e.cluster)
		}
	}
	if encrypted {
		var err error
		if config.TLS, err = e.tls(); err != nil {
			return nil, func() {}, err
		}
	}
	b, err := fleetredis.New(config)
	if err != nil {
		return nil, func() {}, e.problem("url", "%w", err)
	}
	return b, b.Close, nil
}

// engines opens engines, each once while it is used, and counts their calls.
type engines struct {
	open    opener
	metrics *metrics
	used    map[string]*usedEngine       // by their key
	queue   atomic.Pointer[engineConfig] // of events; nil if it is not open
}

// usedEngine is an engine that is open.
type usedEngine struct {
	backend fleet.Backend
	close   func()
	users   int
	now     atomic.Pointer[engineConfig]
}

// refresh gives the engines that are open, and the queue, the passwords of a
// configuration.
func (s *engines) refresh(c *config) {
	for _, e := range c.engines {
		if u := s.used[e.key()]; u != nil {
			u.now.Store(&e)
		}
		if q := s.queue.Load(); q != nil && q.key() == e.key() {
			s.queue.Store(&e)
		}
	}
}

// take returns the engine of a configuration. The caller calls release when it does
// not use the engine any more. It must not be called concurrently.
func (s *engines) take(e engineConfig) (b fleet.Backend, release func(), err error) {
	if e.heads != nil {
		if err := e.unused("split"); err != nil {
			return nil, func() {}, err
		}
		heads, releaseHeads, err := s.take(*e.heads)
		bodies, releaseBodies, err2 := s.take(*e.bodies)
		return fleet.Split{Heads: heads, Bodies: bodies}, func() { releaseHeads(); releaseBodies() }, errors.Join(err, err2)
	}
	key := e.key()
	u := s.used[key]
	if u == nil {
		u = new(usedEngine)
		u.now.Store(&e)
		b, closeIt, err := s.open(e, u.now.Load)
		if err != nil {
			return nil, func() {}, err
		}
		u.backend, u.close = s.metrics.measured(e.name, b), closeIt
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

// backends opens the engine and the mirrors of an environment. The caller calls
// release when it does not use them any more; release is never nil.
func (c *config) backends(e environmentConfig, from *engines) (engine fleet.Backend, mirrors []fleet.Backend, release func(), err error) {
	var releases []func()
	release = func() {
		for _, f := range releases {
			f()
		}
	}
	all := make([]fleet.Backend, 0, 1+len(e.mirrors))
	for _, name := range e.allEngines() {
		engine, ok := c.engines[name]
		if !ok {
			release()
			return nil, nil, func() {}, c.unknownEngine(environmentsGroup+"."+e.name, name)
		}
		b, f, err := from.take(engine)
		releases = append(releases, f)
		if err != nil {
			release()
			return nil, nil, func() {}, err
		}
		all = append(all, b)
	}
	return all[0], all[1:], release, nil
}
