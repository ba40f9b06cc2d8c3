//go:build unix

package lambda_test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/lambda/lambdatest"
)

// BenchmarkColdStart starts a process and invokes it once: init-ms is the time
// from the start of the process to its first request for an invocation, first-ms
// that from there to the response. The platform is on the same machine and has
// 1,000 flags.
func BenchmarkColdStart(b *testing.B) {
	items := []ffctest.Item{ffctest.Flag("a").Variations("on", "off")}
	for i := range 999 {
		items = append(items, ffctest.Flag(fmt.Sprint("flag-", i)).Rule("true", ffctest.Attr("country").IsOneOf("FR", "BE")).Serve("false"))
	}
	platform := ffctest.NewServer(ffctest.Snapshot(items...))
	defer platform.Close()
	snapshot := filepath.Join(b.TempDir(), "snapshot.json")
	if err := os.WriteFile(snapshot, platform.Snapshot(), 0o600); err != nil {
		b.Fatal(err)
	}
	for _, test := range []struct{ name, function string }{
		{"no-client", "no client"},
		{"wait-for-data", "wait for data"},
		{"do-not-wait", "evaluate"},
		{"do-not-wait-with-snapshot", "snapshot"},
	} {
		b.Run(test.name, func(b *testing.B) {
			var toInit, toResponse float64
			for b.Loop() {
				rt := lambdatest.NewRuntime()
				cmd := lambdatest.Command(test.function)
				cmd.Env = append(cmd.Env, "TEST_PLATFORM="+platform.URL, "TEST_SNAPSHOT="+snapshot)
				if _, err := rt.StartProcess(cmd); err != nil {
					b.Fatal(err)
				}
				inv := rt.Invoke(testkit.Within(b), []byte(`"u"`))
				if inv.Err != nil {
					b.Fatal(inv.Err)
				}
				toInit += float64(rt.Timeline()[1].At.Sub(rt.Timeline()[0].At).Microseconds())
				toResponse += float64(after(b, inv, "response").Microseconds())
				rt.Close()
			}
			b.ReportMetric(toInit/1000/float64(b.N), "init-ms")
			b.ReportMetric(toResponse/1000/float64(b.N), "first-ms")
			b.ReportMetric(0, "ns/op")
		})
	}
}
