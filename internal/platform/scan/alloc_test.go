//go:build !race

package scan_test

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/scan"
)

// TestKindOfDoesNotAllocate: every message goes through it.
func TestKindOfDoesNotAllocate(t *testing.T) {
	message, err := os.ReadFile("../classic/testdata/bootstrap.json")
	if err != nil {
		t.Fatal(err)
	}
	if n := testing.AllocsPerRun(1000, func() { _, _ = scan.KindOf(message) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestGuessesOfRoomAreBounded: a message that has small lists again and again,
// each with much behind it.
func TestGuessesOfRoomAreBounded(t *testing.T) {
	for _, d := range registry.All() {
		item := `{"id":"FF__11__22__33__a","key":"a","ff":{},"timestamp":1,"updatedAt":"2026-01-31T12:00:00Z"}`
		lists := `"featureFlags":[` + item + `],"segments":[` + item + `]`
		message := []byte("{" + strings.Repeat(lists+`,"data":{`+lists+"},", 1000) + lists + "}")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, _ = d.CodecOf("").Update(message)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 20*uint64(len(message)) {
			t.Errorf("%s: %d bytes for a message of %d", d.Name, got, len(message))
		}
	}
}
