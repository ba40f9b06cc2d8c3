package main

import (
	"context"
	"errors"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/internal/cli"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetnats"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleetredis"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// lying is an engine whose compare-and-swap is not atomic: writers that race have
// all compared before the first of them writes.
type lying struct {
	*fleettest.Memory
	mu       sync.Mutex
	compared int
	all      chan struct{} // closed when all writers of a round have compared
}

func newLying() *lying { return &lying{Memory: new(fleettest.Memory), all: make(chan struct{})} }

// await waits until all writers of a round have compared.
func (l *lying) await(ctx context.Context) {
	l.mu.Lock()
	all := l.all
	if l.compared++; l.compared%racers == 0 {
		close(l.all)
		l.all = make(chan struct{})
	}
	l.mu.Unlock()
	select {
	case <-all:
	case <-ctx.Done():
	}
}

func (l *lying) Swap(ctx context.Context, name string, value []byte, tag string) (string, error) {
	_, now, err := l.Get(ctx, name)
	if err != nil && !errors.Is(err, fleet.ErrNotFound) {
		return "", err
	}
	if now != tag {
		return "", fleet.ErrConflict
	}
	if strings.HasPrefix(string(value), "round ") {
		l.await(ctx)
	}
	for {
		_, now, _ = l.Get(ctx, name)
		newTag, err := l.Memory.Swap(ctx, name, value, now)
		if !errors.Is(err, fleet.ErrConflict) {
			return newTag, err
		}
	}
}

// blindSwap is an engine that does not compare.
type blindSwap struct{ *fleettest.Memory }

func (b blindSwap) Swap(ctx context.Context, name string, value []byte, _ string) (string, error) {
	_, now, _ := b.Get(ctx, name)
	return b.Memory.Swap(ctx, name, value, now)
}

func TestDoctorFindsUnfitEngines(t *testing.T) {
	broken := new(fleettest.Memory)
	broken.Before(func(context.Context, fleettest.Call) error { return errors.New("connection refused") })
	readOnly := new(fleettest.Memory)
	readOnly.Before(func(_ context.Context, call fleettest.Call) error {
		if call.Op != "Get" {
			return errors.New("NOPERM")
		}
		return nil
	})
	noSwap := new(fleettest.Memory)
	noSwap.Before(func(_ context.Context, call fleettest.Call) error {
		if call.Op == "Swap" {
			return errors.New("NOPERM")
		}
		return nil
	})
	for name, test := range map[string]struct {
		engine fleet.Backend
		code   int
		want   string
	}{
		"good":       {new(fleettest.Memory), 0, "ok    main race"},
		"lying":      {newLying(), 1, "several of 8 writers won in 25 of 25 rounds: the compare-and-swap is not atomic"},
		"blind swap": {blindSwap{new(fleettest.Memory)}, 1, "fail  main swap"},
		"down":       {broken, 1, "fail  main read        connection refused"},
		"read-only":  {readOnly, 1, "fail  main write       cannot write: NOPERM"},
		"no swap":    {noSwap, 1, "fail  main swap        cannot swap: NOPERM"},
		"http":       {fleet.HTTP{URL: "http://127.0.0.1:1"}, 1, "fail  main read"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.inMemory(test.engine)
			if out := w.run("doctor", "main"); out.code != test.code || !strings.Contains(out.stdout, test.want) {
				t.Errorf("exit code %d:\n%s\nwant %q", out.code, out.stdout, test.want)
			}
			if m, ok := test.engine.(*fleettest.Memory); ok && m != noSwap && len(m.Names()) > 0 {
				t.Errorf("doctor left %q", m.Names())
			}
		})
	}
}

func TestDoctorOfEnvironments(t *testing.T) {
	w := newWorld(t)
	out := w.ok("doctor")
	for _, want := range []string{"ok    main read", "ok    main durability  each write is on the disk", "clock", "No problem found."} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if got := w.ok("doctor", "-json"); !strings.HasPrefix(got, "{\n  \"failures\": 0,") {
		t.Errorf("got %s", got)
	}
	w.fails(usage, `unknown engine "mian": did you mean "main"?`, "doctor", "mian")
	w.app.environ = nil
	w.fails(usage, "missing engine", "doctor")
}

func TestDoctorOfRedis(t *testing.T) {
	w := newWorld(t)
	w.app.environ[2] = "FFC_RELAY_ENGINES_MAIN_URL=redis://" + startRedis(t)
	if out := w.ok("doctor", "main"); !strings.Contains(out, "ok    main race") || !strings.Contains(out, "warn  main durability") {
		t.Errorf("got\n%s", out)
	}
}

func TestNATSDurability(t *testing.T) {
	for got, want := range map[fleetnats.Durability]cli.Outcome{
		{File: true, Replicas: 3}: cli.OK, {Replicas: 3}: cli.OK, {Replicas: 1}: cli.Warn,
		{File: true, Replicas: 3, Expires: time.Hour}: cli.Warn,
	} {
		if outcome, seen, _ := natsDurability(got, nil); outcome != want {
			t.Errorf("%+v: %v %s, want %v", got, outcome, seen, want)
		}
	}
	if got, _, _ := natsDurability(fleetnats.Durability{}, errors.New("Permissions Violation")); got != cli.Skipped {
		t.Errorf("%v, want that the check is skipped", got)
	}
}

func TestRedisDurability(t *testing.T) {
	for want, test := range map[cli.Outcome]fleetredis.Durability{cli.Warn: {Evicts: true, AppendOnly: true}, cli.OK: {Replicas: 1}} {
		if got, seen, _ := redisDurability(test, nil); got != want {
			t.Errorf("%+v: %s %s", test, got, seen)
		}
	}
	if got, _, _ := redisDurability(fleetredis.Durability{}, errors.New("NOPERM")); got != cli.Skipped {
		t.Errorf("outcome %s of a server that does not say", got)
	}
}

func TestSkewOfClocks(t *testing.T) {
	for ahead, want := range map[time.Duration]string{time.Second: "ok this machine's clock agrees", 5 * time.Second: "ok 5s ahead", -time.Minute: "warn 1m0s behind"} {
		got, seen, _ := skew(ahead)
		outcome, words, _ := strings.Cut(want, " ")
		if string(got) != outcome || !strings.Contains(seen, words) {
			t.Errorf("%v: %s %s", ahead, got, seen)
		}
	}
}

// doctor leaves nothing in a directory, and advises on the rights of a directory.
func TestDoctorOfDirectories(t *testing.T) {
	w := newWorld(t)
	w.run("doctor", "main")
	if left, err := os.ReadDir(w.engine.(fleet.Dir).Path); err != nil || len(left) != 0 {
		t.Errorf("doctor left %v, error %v", left, err)
	}
	if _, err := os.Stat("/proc/self"); err != nil {
		t.Skip("there is no /proc")
	}
	w.app.environ = []string{"FFC_RELAY_ENGINES_MAIN_URL=dir:/proc/x"}
	if out := w.run("doctor", "main"); out.code != 1 || !strings.Contains(out.stdout, "/proc/x") || !strings.Contains(out.stdout, adviceDir) {
		t.Errorf("exit code %d\n%s", out.code, out.stdout)
	}
}
