//go:build !race

package event

import (
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

func TestRecordAllocatesNothing(t *testing.T) {
	u := user("u")
	own := served("own", "1", "true")
	prerequisites := []eval.Result{served("a", "1", "true"), served("b", "1", "true")}
	omit := served("omitted", "1", "true")
	omit.Flag.Omitted = true
	tests := []struct {
		name   string
		cfg    flush.Config
		record func(p *Processor)
	}{
		{name: "evaluation", record: func(p *Processor) { p.RecordEvaluation(u, nil, &own) }},
		{name: "with prerequisites", record: func(p *Processor) { p.RecordEvaluation(u, prerequisites, &own) }},
		{name: "with prerequisites on the stack", record: func(p *Processor) {
			room := [8]eval.Result{own, own}
			result := own
			p.RecordEvaluation(u, room[:2], &result)
		}},
		{name: "omitted", cfg: flush.Config{OmitFlags: []string{"own"}}, record: func(p *Processor) {
			room := [8]eval.Result{own, own, omit}
			result := omit
			p.RecordEvaluation(u, room[:3], &result)
		}},
		{name: "reported once", cfg: flush.Config{Once: time.Hour}, record: func(p *Processor) {
			room := [8]eval.Result{own, own}
			result := own
			p.RecordEvaluation(u, room[:2], &result)
		}},
		{name: "reported again", cfg: flush.Config{Once: 1}, record: func(p *Processor) {
			result := own
			result.Experiment = true
			p.RecordEvaluation(u, nil, &result)
		}},
		{name: "fallback", record: func(p *Processor) { p.RecordFallback(eval.ReasonFlagNotFound) }},
		{name: "full queue", cfg: flush.Config{Capacity: 1}, record: func(p *Processor) { p.RecordEvaluation(u, prerequisites, &own) }},
		{name: "disabled", cfg: flush.Config{Disabled: true}, record: func(p *Processor) { p.RecordEvaluation(u, prerequisites, &own) }},
		{name: "closed", record: func(p *Processor) {
			p.queue.shut(lossClosed)
			p.RecordEvaluation(u, prerequisites, &own)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := inMemory(test.cfg, &testPlatform{})
			if got := testing.AllocsPerRun(1000, func() { test.record(p) }); got != 0 {
				t.Errorf("%v allocations", got)
			}
		})
	}
}

// TestRecordMetricAllocatesOnce: a metric has room of its own, so that
// evaluations need none.
func TestRecordMetricAllocatesOnce(t *testing.T) {
	p := inMemory(flush.Config{}, &testPlatform{})
	u := user("u")
	if got := testing.AllocsPerRun(1000, func() { p.RecordMetric(u, "m", 1) }); got != 1 {
		t.Errorf("%v allocations, expected 1", got)
	}
}
