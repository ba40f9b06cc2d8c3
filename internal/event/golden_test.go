package event

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
)

var update = flag.Bool("update", false, "rewrite testdata from what the code does")

// flagData is an environment in which payment requires checkout, and checkout
// requires beta.
const flagData = `{"messageType":"data-sync","data":{"eventType":"full","segments":[],"userTags":[],"featureFlags":[
{"id":"FF__1__2__3__beta","timestamp":1,"isArchived":false,
 "ff":{"name":"Beta","status":"Enabled","defaultRulePercentageRollouts":[{"rolloutPercentage":[0,1],"exptRollout":1,
  "valueOption":{"localId":1,"variationValue":"true"}}],"variationOptionWhenDisabled":{"localId":2,"variationValue":"false"}},
 "ffp":[],"fftuwmtr":[],"targetIndividuals":[],"exptIncludeAllRules":true},
{"id":"FF__1__2__3__checkout","timestamp":2,"isArchived":false,
 "ff":{"name":"Checkout","status":"Enabled","defaultRulePercentageRollouts":[{"rolloutPercentage":[0,1],
  "valueOption":{"localId":1,"variationValue":"classic"}}],"variationOptionWhenDisabled":{"localId":3,"variationValue":"none"}},
 "ffp":[{"prerequisiteFeatureFlagId":"FF__1__2__3__beta","ValueOptionsVariationValue":{"localId":1,"variationValue":"true"}}],
 "fftuwmtr":[{"ruleId":"r1","ruleJsonContent":[{"property":"plan","operation":"Equal","value":"pro"}],"isIncludedInExpt":false,
  "valueOptionsVariationRuleValues":[{"rolloutPercentage":[0,1],"exptRollout":0,"valueOption":{"localId":2,"variationValue":"one \"click\""}}]}],
 "targetIndividuals":[],"exptIncludeAllRules":false},
{"id":"FF__1__2__3__payment","timestamp":3,"isArchived":false,
 "ff":{"name":"Payment","status":"Enabled","defaultRulePercentageRollouts":[{"rolloutPercentage":[0,1],
  "valueOption":{"localId":1,"variationValue":"{\"fee\":0.5}"}}],"variationOptionWhenDisabled":{"localId":2,"variationValue":"{}"}},
 "ffp":[{"prerequisiteFeatureFlagId":"FF__1__2__3__checkout","ValueOptionsVariationValue":{"localId":2,"variationValue":""}}],
 "fftuwmtr":[],"targetIndividuals":[{"individuals":[{"keyId":"vip"}],"valueOption":{"localId":7,"variationValue":"free"}}],"exptIncludeAllRules":true},
{"id":"FF__1__2__3__old","timestamp":4,"isArchived":false,
 "ff":{"name":"Old","status":"Disabled","defaultRulePercentageRollouts":[],"variationOptionWhenDisabled":{"localId":-2,"variationValue":"höhe\n<&>"}},
 "ffp":[],"fftuwmtr":[],"targetIndividuals":[],"exptIncludeAllRules":true}
]}}`

func snapshot(t testing.TB) *eval.Snapshot {
	t.Helper()
	codec := classic.Protocol().CodecOf("")
	data, skipped, err := codec.Update([]byte(flagData))
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	s, _ := eval.NewSnapshot(codec.Source(func(p eval.Problem) { t.Errorf("test data: %v", p) })).Apply(data, 0)
	return s
}

// evaluate does what the client does for one call.
func evaluate(t testing.TB, p *Processor, s *eval.Snapshot, u *eval.User, key string) {
	t.Helper()
	f := s.Flag(key)
	if f == nil {
		t.Fatalf("there is no flag %q", key)
	}
	own, prerequisites := eval.Evaluate(s, f, u, nil)
	if own.Variation == nil {
		t.Fatalf("flag %q: %v", key, own.Reason)
	}
	p.RecordEvaluation(u, prerequisites, &own)
}

// TestGoldenBodies compares whole request bodies. The clock stands at
// 2000-01-01T00:00:00Z, but where a test lets it go on.
func TestGoldenBodies(t *testing.T) {
	ann := &eval.User{Key: "u1", Name: "Ann", Email: "ann@example.com", Country: "FR"}
	ann.Set("plan", "pro")
	ann.Set("age", "18")
	vip := &eval.User{Key: "vip"}
	odd := &eval.User{Key: "ключ/\"\\\x00\x7f\u2028\xff", Name: "<b>&\t"}
	odd.Set("", "empty name")
	odd.Set("emoji 🙂", "line\r\n")

	tests := []struct {
		name   string
		cfg    flush.Config
		record func(p *Processor, s *eval.Snapshot)
	}{
		{name: "evaluation", record: func(p *Processor, s *eval.Snapshot) {
			evaluate(t, p, s, ann, "beta")
		}},
		{name: "prerequisites", record: func(p *Processor, s *eval.Snapshot) {
			evaluate(t, p, s, ann, "payment")
		}},
		{name: "prerequisite-failed", record: func(p *Processor, s *eval.Snapshot) {
			evaluate(t, p, s, vip, "payment")
		}},
		{name: "disabled-flag", record: func(p *Processor, s *eval.Snapshot) {
			evaluate(t, p, s, vip, "old")
		}},
		{name: "metrics", record: func(p *Processor, _ *eval.Snapshot) {
			for i, value := range []float64{1, 2.5, 0.1, 1e-7, 1e21, 3.4028234663852886e38, 123456789} {
				p.RecordMetric(vip, fmt.Sprintf("metric %d", i), value)
			}
		}},
		{name: "users", record: func(p *Processor, s *eval.Snapshot) {
			evaluate(t, p, s, ann, "beta")
			time.Sleep(time.Millisecond)
			evaluate(t, p, s, vip, "beta")
			time.Sleep(1500 * time.Microsecond)
			p.RecordMetric(ann, "click", 1)
			p.RecordMetric(ann, "click", 2)
			time.Sleep(time.Hour)
			evaluate(t, p, s, vip, "old")
		}},
		{name: "odd-texts", record: func(p *Processor, s *eval.Snapshot) {
			evaluate(t, p, s, odd, "checkout")
			p.RecordMetric(odd, "\"\u0001\xf0\"", 1)
		}},
		{name: "private-attributes", cfg: flush.Config{PrivateAttributes: []string{"Name", "email", "plan"}}, record: func(p *Processor, s *eval.Snapshot) {
			evaluate(t, p, s, ann, "checkout")
			p.RecordMetric(ann, "click", 1)
		}},
		{name: "batches", cfg: flush.Config{BatchSize: 2, Requests: 1}, record: func(p *Processor, s *eval.Snapshot) {
			evaluate(t, p, s, ann, "payment")
			evaluate(t, p, s, vip, "beta")
			p.RecordMetric(ann, "click", 1)
		}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var sink testPlatform
				p := inMemory(test.cfg, &sink)
				test.record(p, snapshot(t))
				if err := p.Flush(t.Context()); err != nil {
					t.Fatal(err)
				}
				requests := sink.seen()
				for i, r := range requests {
					name := test.name
					if len(requests) > 1 {
						name = fmt.Sprintf("%s-%d", name, i+1)
					}
					compareGolden(t, name, r.body)
				}
			})
		})
	}
}

func compareGolden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s:\n got %s\nwant %s", path, got, want)
	}
}

// TestGoldenHeaders checks what goes beside the body, over a real connection.
func TestGoldenHeaders(t *testing.T) {
	t.Parallel()
	var sink testPlatform
	p := overLoopback(t, flush.Config{}, &sink)
	before := time.Now().UnixMilli()
	evaluate(t, p, snapshot(t), user("u"), "beta")
	after := time.Now().UnixMilli()
	if err := p.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	r := sink.seen()[0]
	for name, want := range map[string]string{
		"envSecret":    testSecret,
		"User-Agent":   httpclient.UserAgent(),
		"Content-Type": "application/json",
	} {
		if got := r.header.Get(name); got != want {
			t.Errorf("header %s is %q, expected %q", name, got, want)
		}
	}
	if stamp := r.items[0].UserVariations[0].Timestamp; stamp < before || stamp > after {
		t.Errorf("timestamp %d is not between %d and %d", stamp, before, after)
	}
}
