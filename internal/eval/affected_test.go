package eval_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

func TestAffected(t *testing.T) {
	t.Parallel()
	s := snapshotWithSegments(map[string]any{
		"plain":      newFlag(),
		"needs":      newFlag(requires("plain")),
		"needsNeeds": newFlag(requires("gone", "needs")),
		"needsOff":   newFlag(disabled, requires("plain")),
		"inS":        newFlag(when(inSegments("s"))),
		"notInR":     newFlag(when(isAdult), when(isAdult, notInSegments("x", "r"))),
		"needsInS":   newFlag(requires("inS")),
		"inCycle":    newFlag(when(inSegments("c1"))),
		"cycle1":     newFlag(requires("cycle2")),
		"cycle2":     newFlag(requires("cycle1")),
		"itself":     newFlag(requires("itself")),
		"needsGone":  newFlag(requires("gone")),
		"broken":     malformed("broken", 1),
		"archived":   archived("archived", 1),
	}, map[string]any{
		"s":      model.Segment{Rules: segmentRules(clauses(isAdult), clauses(isAdult, inSegments("r")))},
		"r":      model.Segment{Rules: segmentRules(clauses(notInSegments("q")))},
		"q":      model.Segment{},
		"c1":     model.Segment{Rules: segmentRules(clauses(inSegments("c2")))},
		"c2":     model.Segment{Rules: segmentRules(clauses(inSegments("c1")))},
		"broken": malformed("broken", 1),
		"alone":  model.Segment{},
	})
	tests := []struct {
		name     string
		flags    string
		segments string
		want     string
	}{
		{name: "nothing"},
		{name: "flag nobody needs", flags: "needsNeeds", want: "needsNeeds"},
		{name: "flag that others need", flags: "plain", want: "needs needsNeeds needsOff plain"},
		{name: "flag that is gone", flags: "gone", want: "gone needsGone needsNeeds"},
		{name: "archived flag", flags: "archived", want: "archived"},
		{name: "broken flag", flags: "broken", want: "broken"},
		{name: "cycle", flags: "cycle1", want: "cycle1 cycle2"},
		{name: "itself", flags: "itself", want: "itself"},
		{name: "segment", segments: "s", want: "inS needsInS"},
		{name: "nested segment", segments: "r", want: "inS needsInS notInR"},
		{name: "nested twice", segments: "q", want: "inS needsInS notInR"},
		{name: "segment that is gone", segments: "x", want: "notInR"},
		{name: "segment cycle", segments: "c2", want: "inCycle"},
		{name: "segment nobody uses", segments: "alone"},
		{name: "broken segment", segments: "broken"},
		{name: "both", flags: "plain inCycle", segments: "s alone", want: "inCycle inS needs needsInS needsNeeds needsOff plain"},
		{name: "twice the same", flags: "inS inS", segments: "s s", want: "inS needsInS"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got := s.Affected(eval.Change{Flags: strings.Fields(test.flags), Segments: strings.Fields(test.segments)})
			if want := strings.Fields(test.want); !slices.Equal(got, want) {
				t.Errorf("got %q, want %q", got, want)
			}
		})
	}
}
