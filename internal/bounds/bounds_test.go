//go:build linux && !race && !386

// These tests measure the memory and time of processes, which run this program. With
// the race detector they would measure the detector: the inputs take up to 2.1 times
// what the limits allow, for the memory in which it keeps who accessed what.

package bounds_test

import (
	"bytes"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/bounds"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

func TestMain(m *testing.M) {
	bounds.Main()
	code := m.Run()
	bounds.RemoveProgram()
	os.Exit(code)
}

// TestMemoryIsBounded: a process that gets 8 MiB of hostile or large data takes
// no more memory for it than docs/limits.md says, whatever the entry. It measures
// each input at each entry, or one input at each entry.
func TestMemoryIsBounded(t *testing.T) {
	client, err := bounds.Nothing(bounds.EntryBootstrap)
	if err != nil {
		t.Fatal(err)
	}
	serve, err := bounds.Nothing(bounds.EntryServe)
	if err != nil {
		t.Fatal(err)
	}
	inputs := bounds.Inputs()
	distance := len(inputs) / len(bounds.Entries) // of the selected inputs
	for i, in := range inputs {
		entries := bounds.Entries
		if !testkit.All() {
			if n := i / distance; i%distance != 0 || n >= len(entries) {
				continue
			}
			entries = entries[i/distance:][:1]
		}
		message := in.Message(bounds.Size)
		for _, entry := range entries {
			nothing := client
			if entry == bounds.EntryServe {
				nothing = serve
			}
			m, err := bounds.Measure(entry, in.Platform, message, 0)
			if err != nil {
				t.Errorf("%s, %s: %v", entry, in.Name, err)
				continue
			}
			if most := in.Most(len(message), m.Err != "" && entry == bounds.EntryServe); m.Peak-nothing > most {
				t.Errorf("%s, %s: %d bytes of data take %d MiB, expected at most %d", entry, in.Name, len(message), (m.Peak-nothing)>>20, most>>20)
			}
			// Where unusable elements are an error, there is no value.
			if in.Rejected != (m.Err != "") && !(entry == bounds.EntryBootstrap || entry == bounds.EntryFFCTest || entry == bounds.EntryServe) {
				t.Errorf("%s, %s: rejected with %q", entry, in.Name, m.Err)
			}
			if m.Err == "" && m.Value != in.Value && entry != bounds.EntryFFCTest {
				t.Errorf("%s, %s: the value is %q, expected %q", entry, in.Name, m.Value, in.Value)
			}
		}
	}
}

// TestLargeServe: "ffc serve" takes at most 150 MB for a file of 20,000 flags.
func TestLargeServe(t *testing.T) {
	if !testkit.All() {
		t.Skip("takes 10 s of processor time: set FFC_TEST_ALL=1")
	}
	all, err := bounds.MeasureLargeServe()
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range all {
		const most = 150_000_000
		t.Logf("%s of %d bytes: %d bytes of memory, %v to start, %v for a toggle", m.Form, m.Size, m.Peak, m.Start, m.Toggle)
		if m.Peak > most {
			t.Errorf("%s of %d bytes: the program took %d bytes, expected at most %d", m.Form, m.Size, m.Peak, most)
		}
	}
}

// TestRefusedMessages: a message that is larger than MaxMessage takes at most
// twice that, as it is thrown away.
func TestRefusedMessages(t *testing.T) {
	nothing, err := bounds.Measure(bounds.EntryNothing, "", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	const limit = 16 << 20
	message := bytes.Repeat([]byte(" "), 2*limit)
	for _, entry := range bounds.Entries {
		if entry == bounds.EntryBootstrap || entry == bounds.EntryFFCTest || entry == bounds.EntryServe {
			continue // the application has it
		}
		m, err := bounds.Measure(entry, classic.Name, message, limit)
		if err != nil {
			t.Error(err)
			continue
		}
		if m.Peak-nothing.Peak > 2*limit || !strings.Contains(m.Err, "larger than MaxMessage") {
			t.Errorf("%s: takes %d MiB, %s", entry, (m.Peak-nothing.Peak)>>20, m.Err)
		}
	}
}

// cost fails if a message takes more memory or time than its size allows.
func cost(t *testing.T, platform string, message []byte, attribute string) {
	w, err := worker()
	if err != nil {
		t.Fatal(err)
	}
	memory, seconds, err := w.Take(platform, message, attribute)
	if err != nil {
		t.Fatal(err)
	}
	n := len(message) + len(attribute)
	if most := int64(8*n + 24<<20); memory > most {
		t.Errorf("%d bytes take %d bytes of memory, expected at most %d", n, memory, most)
	}
	if most := 1 + 2e-6*float64(n); seconds > most {
		t.Errorf("%d bytes take %.1f s, expected at most %.1f", n, seconds, most)
	}
}

// worker is one for all inputs of a process.
var worker = sync.OnceValues(bounds.StartWorker)

// FuzzMessageCost: no message takes more than its size allows.
func FuzzMessageCost(f *testing.F) {
	for _, in := range bounds.Inputs() {
		f.Add(in.Platform == featbit.Name, in.Message(1000), "x")
	}
	f.Fuzz(func(t *testing.T, featBit bool, message []byte, attribute string) {
		cost(t, nameOf(featBit), message, attribute)
	})
}

// FuzzRepeatedCost: nor does a message in which something is there again and
// again, up to 1 MiB of it, and a user with an attribute of such a kind.
func FuzzRepeatedCost(f *testing.F) {
	f.Add(false, `{"featureFlags":[`, `0,`, `0]}`, "a")
	f.Add(true, `{"featureFlags":[{"key":"a","updatedAt":"2026-01-31T12:00:00Z","isEnabled":true,"variations":[],"rules":[`, `{},`, `{}]}]}`, "b")
	for _, in := range bounds.Inputs() {
		message := string(in.Message(100))
		at := strings.LastIndexByte(message[:len(message)-10], ',')
		if before := strings.LastIndexByte(message[:max(at, 0)], ','); before > 0 {
			f.Add(in.Platform == featbit.Name, message[:before], message[before:at], message[at:], "a")
		}
	}
	f.Fuzz(func(t *testing.T, featBit bool, before, element, after, attribute string) {
		const size = 1 << 20
		if element == "" || len(element) > size {
			return
		}
		message := before + strings.Repeat(element, size/len(element)) + after
		if attribute != "" && len(attribute) < size {
			attribute = strings.Repeat(attribute, size/4/len(attribute)+1)
		}
		cost(t, nameOf(featBit), []byte(message), attribute)
	})
}

func nameOf(featBit bool) string {
	if featBit {
		return featbit.Name
	}
	return classic.Name
}
