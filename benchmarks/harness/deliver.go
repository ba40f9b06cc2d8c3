package harness

import (
	"fmt"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"
)

// Deliver measures what 10,000 evaluations of one flag, for 1,000 users one
// after the other, cost in time and traffic until their events have left, with
// the SDK's defaults.
func Deliver[U any](b *testing.B, p sdk.Peer[U]) {
	if !p.Events {
		b.Skip("the SDK has no events")
	}
	const evaluations, users = 10_000, 1_000
	var sent received
	for b.Loop() {
		b.StopTimer()
		before, err := askSink(b.Context(), -1)
		if err != nil {
			b.Fatal(err)
		}
		c := open(b, p, scenario, sdk.Config{Events: true})
		all := make([]U, users)
		for i := range all {
			u := fixture.Hit()
			u.Key = fmt.Sprintf("visitor-%d", i)
			all[i] = c.User(u)
		}
		b.StartTimer()
		for i := range evaluations {
			c.Bool("s1", all[i%users])
		}
		c.Close()
		b.StopTimer()
		after, err := askSink(b.Context(), before.Posts)
		if err != nil {
			b.Fatal(err)
		}
		sent = after.since(before)
		b.StartTimer()
	}
	b.ReportMetric(float64(sent.Posts), "requests")
	b.ReportMetric(float64(sent.Bytes)/evaluations, "sent-B/evaluation")
}
