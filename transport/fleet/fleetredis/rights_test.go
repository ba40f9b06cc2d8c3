package fleetredis_test

import (
	"context"
	"crypto/tls"
	"errors"
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/fleetkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// documented returns the commands of the package's documentation that make users.
func documented(t *testing.T) (commands [][]string) {
	t.Helper()
	text, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), clusterRight) {
		t.Fatalf("the documentation does not name the right %s", clusterRight)
	}
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); len(words) > 2 && words[1] == "ACL" {
			commands = append(commands, words[1:])
		}
	}
	if len(commands) != 4 {
		t.Fatalf("the documentation makes %d users, want 4", len(commands))
	}
	return commands
}

// as makes a Backend connect with TLS as a user.
func as(user, password string, trust *tls.Config) func(*fleetredis.Config) {
	return func(c *fleetredis.Config) {
		c.TLS = trust
		c.Credentials = func(context.Context) (string, string, error) { return user, password, nil }
	}
}

// publisher is a Backend that writes as one user, and watches as another.
type publisher struct{ *fleetredis.Backend }

// watcher is a reader in place of a publisher's Watch.
type watcher struct {
	publisher
	reader *fleetredis.Backend
}

// Get reads as the reader.
func (w watcher) Get(ctx context.Context, name string) ([]byte, string, error) {
	return w.reader.Get(ctx, name)
}

// Watch watches as the reader.
func (w watcher) Watch(ctx context.Context, name string, changed func()) error {
	return w.reader.Watch(ctx, name, changed)
}

// WatchValue watches as the reader.
func (w watcher) WatchValue(ctx context.Context, name string, changed func(value []byte)) error {
	return w.reader.WatchValue(ctx, name, changed)
}

func TestDocumentedRightsOverTLS(t *testing.T) {
	t.Parallel()
	s, trust := startTLS(t)
	for _, command := range documented(t) {
		s.command(command...)
	}
	asReader, asPublisher := as("reader", "PASSWORD", trust), as("publisher", "PASSWORD", trust)
	t.Run("conformance", func(t *testing.T) {
		fleettest.Run(t, func(*testing.T) fleet.Backend {
			return watcher{publisher{s.open(asPublisher)}, s.open(asReader)}
		})
	})
	t.Run("publisher reads", func(t *testing.T) {
		if _, _, err := s.open(asPublisher).Get(testkit.Within(t), "env/none"); !errors.Is(err, fleet.ErrNotFound) {
			t.Errorf("error %v, want ErrNotFound", err)
		}
	})
	t.Run("reader cannot write", func(t *testing.T) {
		b := s.open(asReader)
		_, swapErr := b.Swap(testkit.Within(t), "env/head", []byte("head"), "")
		for name, err := range map[string]error{
			"Put":    b.Put(testkit.Within(t), "env/body", []byte("body")),
			"Swap":   swapErr,
			"Delete": b.Delete(testkit.Within(t), "env/body"),
		} {
			if err == nil || !strings.Contains(err.Error(), "check the rights of the user") {
				t.Errorf("%s: error %v, want to check the rights", name, err)
			}
		}
	})
	t.Run("other prefix", func(t *testing.T) {
		b := s.open(asReader, func(c *fleetredis.Config) { c.Prefix = "other" })
		if _, _, err := b.Get(testkit.Within(t), "env/head"); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("Get: error %v, want NOPERM", err)
		}
		if err := b.Watch(testkit.Within(t), "env/head", func() {}); err == nil || !strings.Contains(err.Error(), "NOPERM") {
			t.Errorf("Watch: error %v, want NOPERM", err)
		}
	})
	t.Run("unknown server", func(t *testing.T) {
		b := s.open(as("reader", "PASSWORD", &tls.Config{MinVersion: tls.VersionTLS12}))
		unknown := (*tls.CertificateVerificationError)(nil)
		if _, _, err := b.Get(testkit.Within(t), "env/head"); !errors.As(err, &unknown) {
			t.Errorf("error %v, want that the certificate is unknown", err)
		}
	})
	t.Run("wrong password", func(t *testing.T) {
		b := s.open(as("reader", "sesame", trust))
		_, _, err := b.Get(testkit.Within(t), "env/head")
		if err == nil || !strings.Contains(err.Error(), "WRONGPASS") || strings.Contains(err.Error(), "sesame") {
			t.Errorf("error %v, want WRONGPASS without the password", err)
		}
	})
}

func TestTLSSessionsAreResumed(t *testing.T) {
	t.Parallel()
	s, trust := startTLS(t)
	var resumed atomic.Int64
	trust = trust.Clone()
	trust.VerifyConnection = func(state tls.ConnectionState) error {
		if state.DidResume {
			resumed.Add(1)
		}
		return nil
	}
	b := s.open(func(c *fleetredis.Config) { c.TLS = trust })
	if err := b.Put(testkit.Within(t), "env/body", []byte("body")); err != nil {
		t.Fatal(err)
	}
	s.command("CLIENT", "KILL", "TYPE", "normal")
	if _, _, err := b.Get(testkit.Within(t), "env/body"); err != nil {
		t.Fatal(err)
	}
	if resumed.Load() != 1 {
		t.Errorf("%d sessions were resumed, want 1", resumed.Load())
	}
}

// A publisher that may not publish changes nothing.
func TestSwapWithoutTheRightToPublish(t *testing.T) {
	t.Parallel()
	s := start(t)
	s.command("ACL", "SETUSER", "silent", "on", ">PASSWORD", "~{ffc:*", "&{ffc:*", "+get", "+set", "+del", "+eval")
	b := s.open(as("silent", "PASSWORD", nil))
	for _, before := range []string{"", "head"} {
		if before != "" {
			s.command("SET", "{ffc:env}/head", before)
		}
		_, err := b.Swap(testkit.Within(t), "env/head", []byte("next"), before)
		if err == nil || !strings.Contains(err.Error(), "NOPERM PUBLISH") || !strings.HasSuffix(err.Error(), "check the rights of the user") {
			t.Errorf("error %v, want that the right to publish is missing", err)
		}
		if now, _, _ := s.open().Get(testkit.Within(t), "env/head"); string(now) != before {
			t.Errorf("the value is %q, want %q as before", now, before)
		}
	}
}

// If only one side uses TLS, the error says so.
func TestTLSOnOneSideOnly(t *testing.T) {
	t.Parallel()
	encrypted, trust := startTLS(t)
	plain := start(t)
	cluster := func(c *fleetredis.Config) { c.Cluster = true }
	withTLS := func(c *fleetredis.Config) { c.TLS = trust }
	for name, test := range map[string]struct {
		backend *fleetredis.Backend
		want    string
	}{
		"server":          {encrypted.open(), "whether the server requires TLS: this client does not use it"},
		"node":            {encrypted.open(cluster), "whether the server requires TLS: this client does not use it"},
		"client":          {plain.open(withTLS), "whether the server uses TLS: this client does"},
		"client of nodes": {plain.open(withTLS, cluster), "whether the server uses TLS: this client does"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if _, _, err := test.backend.Get(testkit.Within(t), "env/head"); err == nil || !strings.HasSuffix(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestCredentialsFail(t *testing.T) {
	t.Parallel()
	s := start(t)
	failure := errors.New("the token service is down")
	b := s.open(func(c *fleetredis.Config) {
		c.Credentials = func(context.Context) (string, string, error) { return "", "", failure }
	})
	if _, _, err := b.Get(testkit.Within(t), "env/head"); !errors.Is(err, failure) {
		t.Errorf("error %v, want that of Credentials", err)
	}
}

// Passwords change and connections are cut all the time. Each password is valid
// before Credentials returns it, and for a while after.
func TestCredentialsRotateUnderLoad(t *testing.T) {
	t.Parallel()
	t.Run("alone", func(t *testing.T) {
		t.Parallel()
		s := start(t)
		s.command("SET", "{ffc:env}/head", "head")
		rotate(t, []*server{s}, s.open)
	})
	t.Run("cluster", func(t *testing.T) {
		t.Parallel()
		c := startCluster(t)
		c.owner("env").command("SET", "{ffc:env}/head", "head")
		rotate(t, c.primaries, c.open)
	})
}

// rotate changes the password of readers on all servers while they read.
func rotate(t *testing.T, servers []*server, open func(...func(*fleetredis.Config)) *fleetredis.Backend) {
	const rounds = 20
	var current atomic.Int64
	password := func(i int64) string { return "password" + strconv.FormatInt(i, 10) }
	all := func(words ...string) {
		for _, s := range servers {
			s.command(words...)
		}
	}
	all("ACL", "SETUSER", "reader", "on", ">"+password(0), "~{ffc:*", "&{ffc:*", "+get", clusterRight)
	b := open(func(c *fleetredis.Config) {
		c.Credentials = func(context.Context) (string, string, error) { return "reader", password(current.Load()), nil }
	})
	load := fleetkit.UnderLoad(t, b)
	for i := range int64(rounds) {
		all("ACL", "SETUSER", "reader", ">"+password(i+1))
		current.Store(i + 1)
		all("CLIENT", "KILL", "USER", "reader")
		load.GoesOn()
		all("ACL", "SETUSER", "reader", "<"+password(i))
	}
	load.End()
}
