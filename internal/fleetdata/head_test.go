package fleetdata

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"
)

// example returns a head that uses every member.
func example() *Head {
	h := &Head{
		Format: Format, Environment: "FF__1__2__3", Platform: "classic", Lineage: "0123456789abcdef",
		Revision: 1795909271123, Beat: 8123, Every: 5, AsOf: time.Date(2026, 11, 28, 12, 0, 0, 123e6, time.UTC),
		Owner: "9f86d081884c7d65", Blind: true, Pin: time.Date(2026, 11, 28, 13, 0, 0, 0, time.UTC),
	}
	Pack([]byte("data")).Describe(h, 1)
	return h
}

func TestHeadRoundTrip(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*Head){
		func(*Head) {},
		func(h *Head) { h.Pin, h.Blind, h.Owner = time.Time{}, false, "" },
		func(h *Head) { h.Environment = "FF__ü__\"quoted\\__</>\n" },
	} {
		h := example()
		change(h)
		text, err := h.Encode()
		if err != nil {
			t.Fatal(err)
		}
		got, err := ParseHead(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		if *got != *h {
			t.Errorf("got  %+v\nwant %+v", got, h)
		}
	}
}

// The largest head that Encode makes has all members at their largest.
func TestHeadStaysSmall(t *testing.T) {
	t.Parallel()
	h := example()
	h.Environment = strings.Repeat("e", 160)
	h.Revision, h.Beat, h.Size, h.GZip, h.Chunks = 1<<52, 1<<40, 1<<40, 1<<40, 1<<20
	const limit = 640
	text, err := h.Encode()
	if err != nil || len(text) > limit {
		t.Errorf("%d bytes, error %v", len(text), err)
	}
	for _, environment := range []string{strings.Repeat("e", 250), strings.Repeat("é", 50), strings.Repeat("\"", 80)} {
		h.Environment = environment
		if text, err := h.Encode(); err == nil && len(text) > limit || err != nil && !strings.Contains(err.Error(), "too long") {
			t.Errorf("%d characters: %d bytes, error %v", len(environment), len(text), err)
		}
	}
}

func TestParseHeadRejects(t *testing.T) {
	t.Parallel()
	valid, err := example().Encode()
	if err != nil {
		t.Fatal(err)
	}
	with := func(old, new string) string {
		if !strings.Contains(string(valid), old) {
			t.Fatalf("%s has no %s", valid, old)
		}
		return strings.Replace(string(valid), old, new, 1)
	}
	tests := map[string]string{
		"empty":           "",
		"not JSON":        "head",
		"truncated":       string(valid[:len(valid)/2]),
		"a list":          "[1]",
		"two values":      string(valid) + string(valid),
		"no format":       with(`"format":1,`, ""),
		"format as text":  with(`"format":1`, `"format":"1"`),
		"no environment":  with(`"environment":"FF__1__2__3"`, `"environment":""`),
		"number as text":  with(`"revision":1795909271123`, `"revision":"1"`),
		"revision 0":      with(`"revision":1795909271123`, `"revision":0`),
		"huge revision":   with(`"revision":1795909271123`, `"revision":99999999999999999999`),
		"no time":         with(`"asOf":"2026-11-28T12:00:00.123Z"`, `"asOf":"yesterday"`),
		"a path as body":  with(`"body":"`, `"body":"../../`),
		"upper-case body": strings.ToUpper(string(valid)),
		"no chunks":       with(`"chunks":1`, `"chunks":0`),
		"more chunks":     with(`"chunks":1`, `"chunks":1000000`),
		"negative size":   with(`"size":4`, `"size":-4`),
		"huge":            with(`"platform"`, `"x":"`+strings.Repeat("x", maxHeadRead)+`","platform"`),
		"not UTF-8":       with(`FF__1`, "FF__\xff"),
	}
	for name, text := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if h, err := ParseHead([]byte(text)); err == nil || errors.Is(err, ErrNewer) {
				t.Errorf("head %+v, error %v", h, err)
			}
		})
	}
}

func TestParseHeadOfLaterVersions(t *testing.T) {
	t.Parallel()
	valid, err := example().Encode()
	if err != nil {
		t.Fatal(err)
	}
	// Members that this version does not know.
	more := bytes.Replace(valid, []byte(`{`), []byte(`{"signature":{"a":[1,2]},`), 1)
	if h, err := ParseHead(more); err != nil || *h != *example() {
		t.Errorf("head %+v, error %v", h, err)
	}
	for _, text := range []string{
		`{"format":2}`,
		`{"format":2,"revision":"r1","body":{}}`,
		string(bytes.Replace(valid, []byte(`"format":1`), []byte(`"format":2`), 1)),
	} {
		if _, err := ParseHead([]byte(text)); !errors.Is(err, ErrNewer) {
			t.Errorf("%s: error %v, want ErrNewer", text, err)
		}
	}
}

func TestLeaseAndStaleAfterGrowWithEvery(t *testing.T) {
	t.Parallel()
	for every, want := range map[int][2]time.Duration{
		0:   {15 * time.Second, 2 * time.Minute},
		5:   {15 * time.Second, 2 * time.Minute},
		15:  {45 * time.Second, 2 * time.Minute},
		300: {15 * time.Minute, 15 * time.Minute},
	} {
		h := &Head{Every: every}
		if got := [2]time.Duration{h.Lease(), h.StaleAfter()}; got != want {
			t.Errorf("every %d: %v, want %v", every, got, want)
		}
	}
}

func FuzzHead(f *testing.F) {
	valid, err := example().Encode()
	if err != nil {
		f.Fatal(err)
	}
	f.Add(valid)
	f.Fuzz(func(t *testing.T, text []byte) {
		h, err := ParseHead(text)
		if err != nil {
			if h != nil || len(err.Error()) > 200 {
				t.Errorf("head %v, error %v", h, err)
			}
			return
		}
		next, err := ParseNextHead(text, example())
		if err != nil || !next.AsOf.Equal(h.AsOf) || !next.Pin.Equal(h.Pin) {
			t.Fatalf("after another head, %+v is %+v, error %v", h, next, err)
		}
		if next.AsOf, next.Pin = h.AsOf, h.Pin; *next != *h {
			t.Errorf("after another head, %+v is %+v", h, next)
		}
		again, err := h.Encode()
		if err != nil {
			return // too long
		}
		got, err := ParseHead(again)
		if err != nil {
			t.Fatalf("%s: %v", again, err)
		}
		h.AsOf, h.Pin = h.AsOf.UTC().Truncate(time.Millisecond), h.Pin.UTC().Truncate(time.Second)
		if !got.AsOf.Equal(h.AsOf) || !got.Pin.Equal(h.Pin) {
			t.Errorf("times of %+v become those of %+v", h, got)
		}
		got.AsOf, got.Pin = h.AsOf, h.Pin
		if *got != *h {
			t.Errorf("%+v becomes %+v", h, got)
		}
	})
}
