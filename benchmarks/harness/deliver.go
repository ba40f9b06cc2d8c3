package harness

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"
)

// evaluations is how many of them Deliver and Traffic make.
const evaluations = 10_000

// Deliver measures how long 10,000 evaluations of one flag, for 1,000 users one
// after the other, take until their events have left, with the SDK's defaults.
func Deliver[U any](b *testing.B, p sdk.Peer[U]) {
	if !p.Events {
		b.Skip("the SDK has no events")
	}
	const users = 1_000
	for b.Loop() {
		b.StopTimer()
		before, err := askSink(b.Context(), -1)
		if err != nil {
			b.Fatal(err)
		}
		c := open(b, p, scenario, sdk.Config{Events: true})
		all := visitors(c, users)
		b.StartTimer()
		for i := range evaluations {
			c.Bool("s1", all[i%users])
		}
		c.Close()
		b.StopTimer()
		if _, err := askSink(b.Context(), before.Posts); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
	}
}
