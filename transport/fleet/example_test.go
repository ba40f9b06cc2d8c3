package fleet_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// A reader without a way to the platform. Here nothing has published the
// environment yet.
func ExampleTransport() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	client, err := ffc.New(ctx, ffc.Config{
		Platform: ffc.PlatformFeatBit,
		Transport: &fleet.Transport{
			Backends:    []fleet.Backend{fleet.Dir{Path: dir}},
			Environment: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
		},
		Events:    flush.Config{Disabled: true},
		StartWait: -1, // do not wait
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer client.Close(ctx)
	if client.Refresh(ctx) != nil {
		fmt.Println(client.BoolVariation(ctx, "new-checkout", ffc.NewUser("u-42"), false))
	}
	// Output: false
}

// A reader that watches for changes, reads a second region while the first is
// down, and gets bodies from a CDN.
func ExampleSplit() {
	var redis, otherRegion fleet.Backend = new(fleettest.Memory), new(fleettest.Memory)
	cdn := fleet.HTTP{URL: "https://flags.example.com/ffc"}
	transport := &fleet.Transport{
		Backends: []fleet.Backend{
			fleet.Split{Heads: redis, Bodies: cdn},
			fleet.Split{Heads: otherRegion, Bodies: cdn},
		},
		Watch:      true,
		Spread:     4 * time.Second, // of 10,000 readers, 2,500 read each second
		StaleAfter: 5 * time.Minute,
	}
	fmt.Println(transport.Backends[0])
	// Output: memory and https://flags.example.com/ffc
}

// A service that has flags within a second or two of a change.
func ExampleTransport_watch() {
	start := func(ctx context.Context, engine fleet.Backend, environment string) (*ffc.Client, error) {
		client, err := ffc.New(ctx, ffc.Config{
			Platform: ffc.PlatformFeatBit,
			Transport: &fleet.Transport{
				Backends:    []fleet.Backend{engine},
				Environment: environment,
				Watch:       true,
			},
			Events: flush.Config{Disabled: true},
		})
		return client, err
	}
	_ = start
}

// Where the data is from, and how old it is.
func ExampleTransport_status() {
	show := func(client *ffc.Client) {
		s := client.Status()
		fmt.Println(s.State, "with data that the platform confirmed", s.DataAge, "ago")
		fmt.Println("revision", s.Source.Revision, "from", s.Source.Backend)
		if s.State == ffc.StateInterrupted {
			fmt.Println("because of:", s.Err)
		}
	}
	_ = show
}

// Engines in the order in which they are read.
func ExampleTransport_backends() {
	transport := &fleet.Transport{
		Backends: []fleet.Backend{
			fleet.Dir{Path: "/mnt/flags"},
			fleet.HTTP{URL: "https://flags.example.com"},
		},
		Environment: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
		Interval:    10 * time.Second,
	}
	fmt.Println(len(transport.Backends))
	// Output: 2
}

// What a publisher does, and what happens when two of them do so at once.
func ExampleDir() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "fleet")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	backend := fleet.Dir{Path: dir}
	tag, err := backend.Swap(ctx, "environment/head", []byte("first"), "")
	if err != nil {
		fmt.Println(err)
		return
	}
	_, err = backend.Swap(ctx, "environment/head", []byte("second"), tag)
	fmt.Println(err)
	_, err = backend.Swap(ctx, "environment/head", []byte("third"), tag)
	fmt.Println(err)
	// Output:
	// <nil>
	// fleet: the value has been changed by another writer
}

// A backend that can be written to by no one, behind a client that signs.
func ExampleHTTP() {
	backend := fleet.HTTP{URL: "https://flags.example.com/ffc?signature=abc"}
	fmt.Println(backend)
	fmt.Println(backend.Put(context.Background(), "environment/head", nil))
	// Output:
	// https://flags.example.com/ffc
	// fleet: this backend is read-only
}

// A backend that reports which values are read. Watcher and Limiter of the backend
// below are not passed on.
type logged struct{ fleet.Backend }

func (l logged) Get(ctx context.Context, name string) ([]byte, string, error) {
	value, tag, err := l.Backend.Get(ctx, name)
	fmt.Println(name, err)
	return value, tag, err
}

func ExampleBackend() {
	var backend fleet.Backend = new(fleettest.Memory)
	_, watches := backend.(fleet.Watcher)
	_, sends := backend.(fleet.ValueWatcher) // one whose reports have the value
	_, limited := backend.(fleet.Limiter)
	_, costly := backend.(fleet.Pacer) // one whose publisher beats less often
	fmt.Println(watches, sends, limited, costly)
	_, _, _ = logged{backend}.Get(context.Background(), "environment/head")
	// Output:
	// true false true false
	// environment/head fleet: there is no such value
}
