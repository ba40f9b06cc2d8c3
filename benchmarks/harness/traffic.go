package harness

import (
	"fmt"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"
)

// Traffic counts the bytes and requests that 10,000 evaluations take until their
// events have left, with the SDK's defaults. In users=each every evaluation is
// for another user, in users=ten-flags each of 1,000 users is asked for ten flags
// in a row, in users=one all evaluations are of one flag for one user.
func Traffic[U any](b *testing.B, p sdk.Peer[U]) {
	if !p.Events {
		b.Skip("the SDK has no events")
	}
	var ten []string // of the data's first flags
	for i := range 10 {
		ten = append(ten, fmt.Sprintf("flag-%05d", i))
	}
	b.Run("users=each", func(b *testing.B) { traffic(b, p, evaluations, []string{"s1"}) })
	b.Run("users=ten-flags", func(b *testing.B) { traffic(b, p, evaluations/len(ten), ten) })
	b.Run("users=one", func(b *testing.B) { traffic(b, p, 1, []string{"s1"}) })
}

func traffic[U any](b *testing.B, p sdk.Peer[U], users int, flags []string) {
	var sent received
	for b.Loop() {
		before, err := askSink(b.Context(), -1)
		if err != nil {
			b.Fatal(err)
		}
		c := open(b, p, scenario, sdk.Config{Events: true})
		all := visitors(c, users)
		for i := range evaluations {
			c.Bool(flags[i%len(flags)], all[i/len(flags)%users])
		}
		c.Close()
		after, err := settled(b.Context(), before.Posts)
		if err != nil {
			b.Fatal(err)
		}
		sent = after.since(before)
	}
	b.ReportMetric(0, "ns/op") // figures are counts only
	b.ReportMetric(float64(sent.Posts), "requests")
	b.ReportMetric(float64(sent.Bytes)/evaluations, "sent-B/evaluation")
}

// visitors returns users who differ in their keys.
func visitors[U any](c sdk.Client[U], count int) []U {
	all := make([]U, count)
	for i := range all {
		u := fixture.Hit()
		u.Key = fmt.Sprintf("visitor-%d", i)
		all[i] = c.User(u)
	}
	return all
}
