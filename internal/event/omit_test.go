package event

import (
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// TestOmittedFlagsAreNotReported gives results of an evaluation, prerequisites
// first: - is of an omitted flag, + of an omitted flag in an experiment.
func TestOmittedFlagsAreNotReported(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, results, want string
		omitted             uint64
	}{
		{name: "no flag", results: "a b c", want: "a b c"},
		{name: "own", results: "-a", omitted: 1},
		{name: "own of several", results: "a b -c", want: "a b", omitted: 1},
		{name: "prerequisites", results: "-a b -c d", want: "b d", omitted: 2},
		{name: "all", results: "-a -b -c", omitted: 3},
		{name: "all but the first", results: "a -b -c", want: "a", omitted: 2},
		{name: "experiment", results: "+a", want: "a"},
		{name: "some in experiments", results: "+a -b +c -d", want: "a c", omitted: 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var sink testPlatform
			p := inMemory(flush.Config{OmitFlags: []string{"a"}}, &sink)
			var results []eval.Result
			for _, name := range strings.Fields(test.results) {
				r := served(strings.TrimLeft(name, "-+"), "1", "true")
				r.Flag.Omitted = name != r.Flag.Key
				r.Experiment = name[0] == '+'
				results = append(results, r)
			}
			last := len(results) - 1
			results[last].Reason = eval.ReasonTargetMatch // not those of the prerequisites
			p.RecordEvaluation(user("u"), results[:last], &results[last])
			recorded := uint64(len(strings.Fields(test.want)))
			checkStats(t, p, flush.Stats{Recorded: recorded, Queued: recorded, Omitted: test.omitted})
			checkEvaluations(t, p, Evaluations{eval.ReasonTargetMatch: 1})
			checkError(t, p.Flush(t.Context()), nil)
			if got := sink.arrived(); got != test.want {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
