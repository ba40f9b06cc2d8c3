package transport_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// file is a transport that reads snapshots from a file, which another process
// keeps current: a sidecar, a mounted volume.
type file struct {
	path  string
	every time.Duration // 0: on demand
}

var _ transport.Transport = file{}

// Open implements transport.Transport.
func (f file) Open(env transport.Env) (transport.Session, error) {
	if f.path == "" {
		return nil, fmt.Errorf("file: path is empty")
	}
	s := &session{file: f, store: env.Store}
	if f.every == 0 {
		return refresher{s}, nil
	}
	return runner{s}, nil
}

type session struct {
	file
	store           transport.Store
	reads, failures atomic.Uint64
}

var _ transport.Session = (*session)(nil)

func (s *session) Stats() transport.Stats {
	return transport.Stats{Connects: s.reads.Load(), Failures: s.failures.Load()}
}

var _ transport.Holder = (*session)(nil)

var _ transport.Sourced = (*session)(nil)

// Source says which file the data is from.
func (s *session) Source() transport.Source { return transport.Source{Backend: s.path} }

var _ transport.Keyless = file{}

// KeylessEnvironment returns the environment whose flags are in the file, so that
// ffc.Config needs no secret.
func (f file) KeylessEnvironment() string { return "FF__1__2__3" }

// HoldFor returns how long the file has to stay as it is before flags of older
// versions than those that the client has are used.
func (s *session) HoldFor() time.Duration { return time.Minute }

// read hands the file to the client, as it is.
func (s *session) read() error {
	s.reads.Add(1)
	asked := s.store.Mark() // before reading
	message, err := os.ReadFile(s.path)
	var applied transport.Applied
	if err != nil {
		err = &transport.Error{Kind: transport.KindNetwork, Err: err}
	} else if applied, err = s.store.Apply(message, asked); err == nil && applied.Held == 0 {
		s.store.Confirm()
	}
	if err != nil {
		s.failures.Add(1)
		s.store.Interrupted(err) // the client keeps serving the cached data
	}
	return err
}

// runner reads the file all the time.
type runner struct{ *session }

var _ transport.Runner = runner{}

func (r runner) Run(ctx context.Context) {
	tick := time.NewTicker(r.every)
	defer tick.Stop()
	for {
		_ = r.read()
		select {
		case <-tick.C:
		case <-ctx.Done():
			return
		}
	}
}

// refresher reads it when asked.
type refresher struct{ *session }

var _ transport.Refresher = refresher{}

func (r refresher) Load(context.Context) error    { return r.read() }
func (r refresher) Refresh(context.Context) error { return r.read() }
func (r refresher) Close()                        {}

// A transport of one's own, for flags that come from a file.
func ExampleTransport() {
	dir, err := os.MkdirTemp("", "flags")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "flags.json")
	write := func(flag *ffctest.FlagBuilder) { _ = os.WriteFile(path, ffctest.Snapshot(flag), 0o600) }
	write(ffctest.Flag("banner").Variations("summer", "winter"))

	ctx := context.Background()
	client, err := ffc.New(ctx, ffc.Config{
		EnvSecret: ffctest.EnvSecret,
		Transport: file{path: path},
		Events:    flush.Config{Disabled: true},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	fmt.Println(client.Variation(ctx, "banner", ffc.NewUser("u1"), "none"), client.Status().State)

	write(ffctest.Flag("banner").Variations("summer", "winter").Serve("winter").Version(2))
	_ = client.Refresh(ctx)
	fmt.Println(client.Variation(ctx, "banner", ffc.NewUser("u1"), "none"))

	_ = os.Remove(path)
	fmt.Println(client.Refresh(ctx) != nil, client.Variation(ctx, "banner", ffc.NewUser("u1"), "none"), client.Status().State)
	// Output:
	// summer OK
	// winter
	// true winter INTERRUPTED
}

// The test of a transport makes an Env without a client.
func ExampleNewSecret() {
	env := transport.Env{BaseURL: "https://flags.example", EnvSecret: transport.NewSecret("s3cret")}
	_, err := file{}.Open(env)
	fmt.Println(err)
	fmt.Printf("%v %q\n", env.EnvSecret, env.EnvSecret)
	// Output:
	// file: path is empty
	// [secret] [secret]
}

// A transport reveals the secret where the secret is sent, and nowhere else.
func ExampleSecret_Reveal() {
	secret := transport.NewSecret("s3cret")
	req, err := http.NewRequest(http.MethodGet, "https://flags.example/flags", nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	req.Header.Set("Authorization", secret.Reveal())
	fmt.Println(secret, len(req.Header.Get("Authorization")))
	// Output: [secret] 6
}
