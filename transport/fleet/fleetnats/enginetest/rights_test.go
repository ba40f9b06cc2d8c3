package enginetest_test

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats/enginetest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// documented returns the users of the package's documentation, and one with all
// rights, as the configuration of a server.
func documented(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../doc.go")
	if err != nil {
		t.Fatal(err)
	}
	var users strings.Builder
	_, rest, _ := strings.Cut(string(text), "//\t{user: ")
	for line := range strings.Lines("//\t{user: " + rest) {
		part, ok := strings.CutPrefix(line, "//\t")
		if !ok {
			break
		}
		users.WriteString(part)
	}
	if n := strings.Count(users.String(), "{user: "); n != 4 {
		t.Fatalf("the documentation makes %d users, want 4", n)
	}
	return "authorization { users: [ {user: admin, password: ADMIN},\n" + users.String() + "] }"
}

// as are the options of a user of the documentation.
func as(user, password string, more ...nats.Option) []nats.Option {
	return append([]nats.Option{nats.UserInfo(user, password), nats.CustomInboxPrefix("_INBOX_" + user)}, more...)
}

// startSecured starts a server that accepts encrypted connections only, with the users
// of the documentation, a bucket and a queue. It returns what clients need to trust it.
func startSecured(t *testing.T) (*engine, nats.Option) {
	t.Helper()
	certFile, keyFile, trust, err := testkit.Certificate(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	e := startEmpty(t, enginetest.Configured(documented(t)), func(o *server.Options) {
		o.TLS, o.TLSConfig, o.TLSTimeout = true, &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}, 10
	})
	secure := nats.Secure(trust)
	admin := func(c *fleetnats.Config) { c.Options = as("admin", "ADMIN", secure) }
	q := e.queue(func(c *fleetnats.QueueConfig) { c.Options = as("admin", "ADMIN", secure) })
	if err := errors.Join(e.open(admin).Create(testkit.Within(t), 1), q.Create(testkit.Within(t), fleetnats.QueueLimits{MaxBytes: 1 << 20})); err != nil {
		t.Fatal(err)
	}
	return e, secure
}

// parted is a Backend that writes as one user, and reads as another.
type parted struct {
	*fleetnats.Backend // the publisher
	reader             *fleetnats.Backend
}

// Get reads as the reader.
func (p parted) Get(ctx context.Context, name string) ([]byte, string, error) {
	return p.reader.Get(ctx, name)
}

// Watch watches as the reader.
func (p parted) Watch(ctx context.Context, name string, changed func()) error {
	return p.reader.Watch(ctx, name, changed)
}

// WatchValue watches as the reader.
func (p parted) WatchValue(ctx context.Context, name string, changed func(value []byte)) error {
	return p.reader.WatchValue(ctx, name, changed)
}

func TestDocumentedRightsOverTLS(t *testing.T) {
	t.Parallel()
	e, secure := startSecured(t)
	reader := func(c *fleetnats.Config) { c.Options, c.EventuallyConsistent = as("reader", "PASSWORD", secure), true }
	publisher := func(c *fleetnats.Config) { c.Options = as("publisher", "PASSWORD", secure) }
	denied := func(t *testing.T, what string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), "Permissions Violation") || !strings.Contains(err.Error(), "check the rights of the user") {
			t.Errorf("%s: error %v, want to check the rights", what, err)
		}
	}
	t.Run("conformance", func(t *testing.T) {
		fleettest.Run(t, func(*testing.T) fleet.Backend { return parted{e.open(publisher), e.open(reader)} })
	})
	t.Run("publisher reads", func(t *testing.T) {
		if _, _, err := e.open(publisher).Get(testkit.Within(t), "env/none"); !errors.Is(err, fleet.ErrNotFound) {
			t.Errorf("error %v, want ErrNotFound", err)
		}
	})
	t.Run("reader cannot write", func(t *testing.T) {
		b := e.open(reader)
		_, swapErr := b.Swap(testkit.Within(t), "env/head", []byte("head"), "")
		denied(t, "Swap", swapErr)
		denied(t, "Put", b.Put(testkit.Within(t), "env/body", []byte("body")))
		denied(t, "Delete", b.Delete(testkit.Within(t), "env/body"))
		if _, _, err := b.Get(testkit.Within(t), "env/none"); !errors.Is(err, fleet.ErrNotFound) {
			t.Errorf("Get after it: error %v, want ErrNotFound", err)
		}
		denied(t, "Create", b.Create(testkit.Within(t), 1))
	})
	t.Run("other bucket", func(t *testing.T) {
		b := e.open(reader, func(c *fleetnats.Config) { c.Bucket = "other" })
		_, _, err := b.Get(testkit.Within(t), "env/head")
		denied(t, "Get", err)
		denied(t, "Watch", b.Watch(testkit.Within(t), "env/head", func() {}))
	})
	t.Run("responses of others", func(t *testing.T) {
		b := e.open(reader, func(c *fleetnats.Config) {
			c.Options = []nats.Option{nats.UserInfo("reader", "PASSWORD"), secure}
		})
		for range 2 {
			_, _, err := b.Get(testkit.Within(t), "env/head")
			denied(t, "Get without an inbox prefix", err)
			if err != nil && !strings.HasSuffix(err.Error(), "nats.CustomInboxPrefix") {
				t.Errorf("error %v, want to check the inbox prefix", err)
			}
		}
	})
	t.Run("queue", func(t *testing.T) {
		open := func(user string) *fleetnats.Queue {
			return e.queue(func(c *fleetnats.QueueConfig) { c.Options = as(user, "PASSWORD", secure) })
		}
		sender, forwarder := open("sender"), open("forwarder")
		for i := range 3 {
			if err := sender.Put(testkit.Within(t), flush.Batch{Environment: "env", Body: []byte("[]")}); err != nil {
				t.Fatal(err)
			}
			taken, err := forwarder.Take(testkit.Within(t), 5)
			if err != nil || len(taken) != 1 {
				t.Fatalf("%d batches, error %v", len(taken), err)
			}
			d := taken[0]
			if err := errors.Join(d.Extend(testkit.Within(t)), d.Again(testkit.Within(t), 0)); err != nil {
				t.Error(err)
			}
			if taken, err = forwarder.Take(testkit.Within(t), 5); err != nil || len(taken) != 1 {
				t.Fatalf("%d batches after Again, error %v", len(taken), err)
			}
			if err := taken[0].Done(testkit.Within(t)); err != nil {
				t.Errorf("Done of batch %d: %v", i, err)
			}
		}
		_, err := sender.Take(testkit.Within(t), 1)
		denied(t, "Take by the sender", err)
		denied(t, "Put by the forwarder", forwarder.Put(testkit.Within(t), flush.Batch{Body: []byte("[]")}))
	})
	t.Run("unknown server", func(t *testing.T) {
		b := e.open(func(c *fleetnats.Config) { c.Options = as("reader", "PASSWORD") })
		unknown := (*tls.CertificateVerificationError)(nil)
		if _, _, err := b.Get(testkit.Within(t), "env/head"); !errors.As(err, &unknown) {
			t.Errorf("error %v, want that the certificate is unknown", err)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		b := e.open(func(c *fleetnats.Config) { c.Options = as("reader", "sesame", secure) })
		_, _, err := b.Get(testkit.Within(t), "env/head")
		if !errors.Is(err, nats.ErrAuthorization) || !strings.Contains(err.Error(), "check them") || strings.Contains(err.Error(), "sesame") {
			t.Errorf("error %v, want to check the credentials, without the password", err)
		}
	})
}

func TestServerWithoutTLS(t *testing.T) {
	t.Parallel()
	b := start(t).open(func(c *fleetnats.Config) { c.Options = []nats.Option{nats.Secure()} })
	if _, _, err := b.Get(testkit.Within(t), "env/head"); err == nil || !strings.Contains(err.Error(), "this client uses TLS, the server does not") {
		t.Errorf("error %v, want that the server does not use TLS", err)
	}
}

// users accepts the users in it. A server reloads its configuration with a data race
// in its own code, so these tests change users without one.
type users struct {
	names sync.Map
}

// Check reports whether the user of a connection is accepted.
func (u *users) Check(c server.ClientAuthentication) bool {
	_, ok := u.names.Load(c.GetOpts().Username)
	return ok && c.GetOpts().Password == "PASSWORD"
}

// remove removes a user and ends the connections of the user.
func (e *engine) remove(u *users, name string) {
	e.Helper()
	u.names.Delete(name)
	connections, err := e.Connz(&server.ConnzOptions{Username: true, User: name})
	if err != nil {
		e.Fatal(err)
	}
	for _, c := range connections.Conns {
		_ = e.DisconnectClientByID(c.Cid) // an error means that the connection has ended
	}
}

// Users change, and the server ends the connections of those that are gone. Each user
// is there before the handler returns it.
func TestCredentialsRotateUnderLoad(t *testing.T) {
	t.Parallel()
	name := func(i int64) string { return "reader" + strconv.FormatInt(i, 10) }
	var current atomic.Int64
	accepted := new(users)
	accepted.names.Store(name(0), true)
	e := startEmpty(t, func(o *server.Options) { o.CustomClientAuthentication = accepted })
	b := e.open(func(c *fleetnats.Config) {
		c.Options = []nats.Option{nats.UserInfoHandler(func() (string, string) { return name(current.Load()), "PASSWORD" })}
	})
	if err := b.Create(testkit.Within(t), 1); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Swap(testkit.Within(t), "env/head", []byte("head"), ""); err != nil {
		t.Fatal(err)
	}
	load := fleetkit.UnderLoad(t, b)
	for i := range int64(10) {
		accepted.names.Store(name(i+1), true)
		load.GoesOn()
		current.Store(i + 1)
		e.remove(accepted, name(i))
		load.GoesOn()
	}
	load.End()
	if varz, err := e.Varz(nil); err != nil || varz.TotalConnections < 11 {
		t.Errorf("the server has had %d connections, error %v: want one of each user", varz.TotalConnections, err)
	}
}
