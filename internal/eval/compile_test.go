package eval_test

import (
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// countDecoding makes a source count what it decodes.
func countDecoding(source *eval.Source) (flags, segments *atomic.Int32) {
	flags, segments = new(atomic.Int32), new(atomic.Int32)
	decodeFlag, decodeSegment := source.DecodeFlag, source.DecodeSegment
	source.DecodeFlag = func(raw []byte) (*model.Flag, error) {
		flags.Add(1)
		return decodeFlag(raw)
	}
	source.DecodeSegment = func(raw []byte) (*model.Segment, error) {
		segments.Add(1)
		return decodeSegment(raw)
	}
	return flags, segments
}

// TestFirstUsesAtOnce: goroutines that all need the same item while it is being
// compiled wait for it, get the same and report its problem once.
func TestFirstUsesAtOnce(t *testing.T) {
	t.Parallel()
	const goroutines = 50
	source, p := newSource()
	// The goroutine that decodes waits until all others are about to need the
	// item. If others also decode, they are counted.
	var asking sync.WaitGroup
	asking.Add(goroutines)
	decodeFlag, decodeSegment := source.DecodeFlag, source.DecodeSegment
	source.DecodeFlag = func(raw []byte) (*model.Flag, error) {
		asking.Wait()
		runtime.Gosched()
		return decodeFlag(raw)
	}
	source.DecodeSegment = func(raw []byte) (*model.Segment, error) {
		runtime.Gosched()
		return decodeSegment(raw)
	}
	flags, segments := countDecoding(source)
	s, _ := eval.NewSnapshot(source).Apply(&store.Update{Full: true, Flags: []store.Item{malformed("f", 1)}, Segments: []store.Item{malformed("s", 1)}}, 0)
	var mu sync.Mutex
	seen := make(map[any]bool)
	var wg sync.WaitGroup
	for range goroutines {
		wg.Go(func() {
			asking.Done()
			f, segment := s.Flag("f"), eval.FindSegment(s, "s")
			mu.Lock()
			defer mu.Unlock()
			seen[f], seen[segment] = true, true
		})
	}
	wg.Wait()
	if len(seen) != 2 {
		t.Errorf("%d flags and segments, expected one of each", len(seen))
	}
	if flags.Load() != 1 || segments.Load() != 1 {
		t.Errorf("%d flags and %d segments decoded, expected one of each", flags.Load(), segments.Load())
	}
	if list := p.take(); len(list) != 2 || list[0].Segment == list[1].Segment {
		t.Errorf("reported %v", list)
	}
}

// largeFlag is a flag on the wire that names many users.
func largeFlag(key string, users int) string {
	var individuals strings.Builder
	for i := range users {
		if i > 0 {
			individuals.WriteByte(',')
		}
		fmt.Fprintf(&individuals, `{"keyId":"somebody-%d"}`, i)
	}
	return classicFlag(key, `,"targetIndividuals":[{"individuals":[`+individuals.String()+`],"valueOption":{"localId":3,"variationValue":"special"}}]`, "")
}

// TestStampede: a large flag that many goroutines need at once takes no more
// memory than one that a single goroutine needs. It is not parallel: others'
// allocations would count.
func TestStampede(t *testing.T) {
	message := []byte(`{"eventType":"full","featureFlags":[` + largeFlag("large", 20_000) + `]}`)
	allocated := func(goroutines int) uint64 {
		s := classicSnapshot(t, testSecret, message, func(p eval.Problem) { t.Errorf("reported: %v", p) })
		begin := make(chan struct{})
		var wg sync.WaitGroup
		for range goroutines {
			wg.Go(func() {
				<-begin
				if got := answer(s, "large", user("somebody-19999")); got != "special, target match" {
					t.Errorf("got %s", got)
				}
			})
		}
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		close(begin)
		wg.Wait()
		runtime.ReadMemStats(&after)
		return after.TotalAlloc - before.TotalAlloc
	}
	if one, many := allocated(1), allocated(64); many > one+one/2 {
		t.Errorf("64 goroutines allocate %d bytes, one allocates %d", many, one)
	}
}

// TestCompileLarge: what is large is compiled beforehand, the rest is not.
func TestCompileLarge(t *testing.T) {
	t.Parallel()
	// sized is an item whose JSON has that many bytes.
	sized := func(key string, size int, m any) store.Item {
		it := item(key, 1, m)
		it.Raw = append(it.Raw, strings.Repeat(" ", size-len(it.Raw))...)
		return it
	}
	const large = 64 << 10
	source, p := newSource()
	flags, segments := countDecoding(source)
	tombstone := sized("tombstone", large+1, newFlag())
	tombstone.Archived = true
	broken := sized("broken", large+1, newFlag())
	broken.Raw[0] = '?'
	s, _ := eval.NewSnapshot(source).Apply(&store.Update{
		Full: true,
		Flags: []store.Item{
			item("small", 1, newFlag()), sized("at the limit", large, newFlag()), sized("large", large+1, newFlag()), broken, tombstone,
		},
		Segments: []store.Item{sized("at the limit", large, model.Segment{}), sized("large", large+1, model.Segment{})},
	}, 0)
	for range 2 {
		s.CompileLarge()
		if flags.Load() != 2 || segments.Load() != 1 {
			t.Errorf("%d flags and %d segments decoded, expected 2 and 1", flags.Load(), segments.Load())
		}
	}
	if list := p.take(); len(list) != 1 || list[0].Key != "broken" {
		t.Errorf("reported %v", list)
	}
	_, _, _ = s.Flag("large"), s.Flag("broken"), eval.FindSegment(s, "large")
	if flags.Load() != 2 || segments.Load() != 1 {
		t.Error("what was compiled beforehand is compiled again")
	}
	if _ = s.Flag("at the limit"); flags.Load() != 3 {
		t.Error("a flag that is not large was compiled beforehand")
	}
}

// TestPanicIsContained: a panic while decoding or compiling affects only that
// item, and blocks no other goroutine.
func TestPanicIsContained(t *testing.T) {
	t.Parallel()
	source, p := newSource()
	decodeFlag, decodeSegment := source.DecodeFlag, source.DecodeSegment
	source.DecodeFlag = func(raw []byte) (*model.Flag, error) {
		switch string(raw) {
		case "panic":
			panic("s3cret")
		case "nothing": // so that compiling panics
			return nil, nil
		}
		return decodeFlag(raw)
	}
	source.DecodeSegment = func(raw []byte) (*model.Segment, error) {
		if string(raw) == "panic" {
			panic("s3cret")
		}
		return decodeSegment(raw)
	}
	raw := func(key, raw string) store.Item { return store.Item{Key: key, Version: 1, Raw: []byte(raw)} }
	s, change := eval.NewSnapshot(source).Apply(&store.Update{
		Full: true,
		Flags: []store.Item{
			raw("panic", "panic"), raw("nothing", "nothing"), item("fine", 1, newFlag()), item("user", 1, newFlag(when(inSegments("panic")))),
		},
		Segments: []store.Item{raw("panic", "panic")},
	}, 0)
	if got := s.Affected(change); len(got) != 4 {
		t.Errorf("affected: %q", got)
	}
	for range 2 {
		for key, want := range map[string]string{"panic": failed, "nothing": failed, "fine": onFallthrough, "user": failed} {
			if got := answer(s, key, user("u")); got != want {
				t.Errorf("%s: got %s, want %s", key, got, want)
			}
		}
	}
	list := p.take()
	if len(list) != 3 {
		t.Errorf("reported %v", list)
	}
	for _, problem := range list {
		if text := problem.Error(); !strings.Contains(text, "panic") || strings.Contains(text, "s3cret") {
			t.Errorf("reported %q", text)
		}
	}
}
