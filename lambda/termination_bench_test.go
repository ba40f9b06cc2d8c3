//go:build unix

package lambda_test

import (
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

// BenchmarkTermination is how long Lambda waits for the end of an idle process,
// and the caller of an invocation that takes longer than its timeout of 1 s for
// the response, with an event to deliver. KeepProcess leaves the end to SIGKILL.
func BenchmarkTermination(b *testing.B) {
	for _, process := range []struct{ name, idle, stuck string }{
		{"exits", "gather", "stuck"},
		{"KeepProcess", "gather, keep", "stuck, keep"},
	} {
		b.Run("idle/"+process.name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				_, rt, p, _ := startCommand(b, ffctest.Classic, process.idle)
				if inv := rt.Invoke(b.Context(), []byte(`"u"`)); inv.Err != nil {
					b.Fatal(inv.Err)
				}
				b.StartTimer()
				p.Terminate()
			}
		})
		b.Run("timed out/"+process.name, func(b *testing.B) {
			for range b.N {
				b.StopTimer()
				_, rt, p, _ := startCommand(b, ffctest.Classic, process.stuck)
				rt.SetTimeout(time.Second)
				b.StartTimer()
				inv := rt.Invoke(b.Context(), []byte(`"u"`))
				b.StopTimer()
				if inv.Err != lambdatest.ErrTimedOut {
					b.Fatal(inv.Err)
				}
				p.Kill()
			}
		})
	}
}
