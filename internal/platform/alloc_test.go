//go:build !race

package platform

import (
	"runtime"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// TestEventsDoNotAllocate is not parallel: others' allocations would count.
func TestEventsDoNotAllocate(t *testing.T) {
	for _, d := range protocols() {
		private := NewPrivate([]string{"email", "plan"})
		user := &eval.User{
			Key: "user-1", Name: "Ann \"A\" O'Neill", Email: "ann@example.com", Country: "FR",
			Custom: []eval.CustomAttribute{{Name: "age", Value: "18"}, {Name: "plan", Value: "a\nb"}, {Name: "开关", Value: "\xff"}, {Name: "KEYID", Value: "x"}},
		}
		user.Set("Email", "Ann@example.com")
		evaluation := evaluationOf("checkout", "1", `{"color":"red"}`, eval.ReasonRuleMatch, true)
		metric := &Metric{Name: "purchase", Value: 12.345}
		dst := make([]byte, 0, 4096)
		tests := []struct {
			name string
			f    func()
		}{
			{name: "user", f: func() { d.AppendUser(dst, user, nil) }},
			{name: "user with private attributes", f: func() { d.AppendUser(dst, user, private) }},
			{name: "evaluation", f: func() { d.AppendEvaluation(dst, evaluation) }},
			{name: "metric", f: func() { d.AppendMetric(dst, metric) }},
		}
		for _, test := range tests {
			t.Run(d.Name+" "+test.name, func(t *testing.T) {
				if n := testing.AllocsPerRun(1000, test.f); n != 0 {
					t.Errorf("%v allocations", n)
				}
			})
		}
	}
}

// TestKindOfDoesNotAllocate: every message goes through it.
func TestKindOfDoesNotAllocate(t *testing.T) {
	message := readBootstrap(t)
	if n := testing.AllocsPerRun(1000, func() { _, _ = KindOf(message) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// TestGuessesOfRoomAreBounded: a message that has small lists again and again,
// each with much behind it.
func TestGuessesOfRoomAreBounded(t *testing.T) {
	for _, d := range []*Codec{ClassicCodec(""), FeatBitCodec()} {
		item := `{"id":"` + testPrefix + `a","key":"a","ff":{},"timestamp":1,"updatedAt":"2026-01-31T12:00:00Z"}`
		lists := `"featureFlags":[` + item + `],"segments":[` + item + `]`
		message := []byte("{" + strings.Repeat(lists+`,"data":{`+lists+"},", 1000) + lists + "}")
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _, _ = d.Update(message)
		runtime.ReadMemStats(&after)
		if got := after.TotalAlloc - before.TotalAlloc; got > 20*uint64(len(message)) {
			t.Errorf("%s: %d bytes for a message of %d", d.Name, got, len(message))
		}
	}
}
