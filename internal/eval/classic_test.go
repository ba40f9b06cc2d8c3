package eval_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// bootstrap is the example of protocol reference, section 10.
func bootstrap(t testing.TB) []byte {
	t.Helper()
	data, err := os.ReadFile("../platform/classic/testdata/bootstrap.json")
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// TestBootstrapExample has the results that the protocol reference gives.
func TestBootstrapExample(t *testing.T) {
	t.Parallel()
	s := classicSnapshot(t, testSecret, bootstrap(t), func(p eval.Problem) { t.Errorf("reported: %v", p) })
	if s.Version() != 1662595200007 {
		t.Errorf("version %d", s.Version())
	}
	tests := []struct {
		user map[string]string
		flag string
		want string
	}{
		{user: map[string]string{"KeyId": "user-1"}, flag: "base", want: "true (1), fall through all rules; true"},
		{user: map[string]string{"KeyId": "blocked"}, flag: "base", want: "false (2), target match; true"},
		{user: map[string]string{"KeyId": "user-1"}, flag: "checkout", want: "blue (2), fall through all rules; true true"},
		{user: map[string]string{"KeyId": "user-2"}, flag: "checkout", want: "red (1), fall through all rules; true true"},
		{user: map[string]string{"KeyId": "user-5"}, flag: "checkout", want: "red (1), fall through all rules; true false"},
		{user: map[string]string{"KeyId": "blocked", "age": "30", "Country": "FR"}, flag: "checkout", want: "none (3), prerequisite failed; true false"},
		{user: map[string]string{"KeyId": "user-2", "age": "18", "Country": "FR"}, flag: "checkout", want: "red (1), rule match; true false"},
		{user: map[string]string{"KeyId": "tester-1", "age": "17"}, flag: "checkout", want: "blue (2), rule match; true true"},
		{user: map[string]string{"KeyId": "u9", "Email": "a@example.com"}, flag: "checkout", want: "blue (2), rule match; true true"},
		{user: map[string]string{"KeyId": "tester-2", "Email": "a@example.com"}, flag: "checkout", want: "blue (2), fall through all rules; true true"},
		{user: map[string]string{"KeyId": "contractor", "Email": "c@example.com"}, flag: "checkout", want: "blue (2), fall through all rules; true true"},
		{user: map[string]string{"KeyId": "user-1"}, flag: "off", want: "20.5 (2), flag off; false"},
		{user: map[string]string{"KeyId": "user-1"}, flag: "broken", want: "{} (2), prerequisite failed; false"},
		{user: map[string]string{"KeyId": "user-1"}, flag: "old", want: ""},
		{user: map[string]string{"KeyId": "user-1"}, flag: "nope", want: ""},
	}
	for _, test := range tests {
		t.Run(test.flag+" for "+test.user["KeyId"], func(t *testing.T) {
			t.Parallel()
			f := s.Flag(test.flag)
			if f == nil {
				if test.want != "" {
					t.Error("no such flag")
				}
				return
			}
			r, trace := eval.Evaluate(s, f, userFrom(test.user), nil)
			got := r.Variation.Value + " (" + r.Variation.ID + "), " + r.Reason.String() + ";"
			for _, event := range append(trace, r) {
				got += map[bool]string{true: " true", false: " false"}[event.Experiment]
			}
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}

// FuzzClassic takes bytes the whole way to results. Whatever they are, nothing
// panics and each flag gives a result with a reason.
func FuzzClassic(f *testing.F) {
	f.Add(bootstrap(f), "user-1", "18")
	for _, flag := range []string{
		classicFlag("a", classicRule(`{"property":"key","operation":"NotMatchRegex","value":"["},{"property":"x","operation":"IsOneOf","value":"[\"v\"]"}`), ""),
		classicFlag("a", `,"ffp":[{"prerequisiteFeatureFlagId":"`+testPrefix+`a","ValueOptionsVariationValue":{"localId":1}}]`, ""),
	} {
		f.Add([]byte(`{"eventType":"patch","featureFlags":[`+flag+`],"segments":[{"id":"s","included":["u"]}]}`), "u", "v")
	}
	f.Fuzz(func(t *testing.T, message []byte, key, attribute string) {
		before := bytes.Clone(message)
		codec := classic.Protocol().CodecOf(testEnvironment)
		update, _, err := codec.Update(message)
		if err != nil {
			return
		}
		source := codec.Source(func(p eval.Problem) {
			if p.Error() == "" {
				t.Error("a problem without a text")
			}
		})
		u := &eval.User{Key: key + "u", Name: attribute, Custom: []eval.CustomAttribute{{Name: "age", Value: attribute}, {Name: "x", Value: attribute}}}
		base, _, err := codec.Update(bootstrap(t))
		if err != nil {
			t.Fatal(err)
		}
		for _, full := range []bool{true, false} {
			update.Full = full
			for _, start := range []*eval.Snapshot{eval.NewSnapshot(source), eval.NewSnapshot(source).Bootstrap(base), snapshotOf(source, base)} {
				s, change := start.Apply(update, start.Updates())
				evaluateAll(t, s, u)
				_ = s.Affected(change)
				again, change := s.Apply(update, s.Updates())
				if again != s && s.Synced() {
					t.Fatalf("the same message again changes %v", change)
				}
				if written, _, err := codec.Update(classic.Protocol().AppendSnapshot(nil, s)); err != nil || written == nil {
					t.Fatalf("what is written cannot be read: %v", err)
				}
			}
		}
		if !bytes.Equal(message, before) {
			t.Fatal("the message has been modified")
		}
	})
}

func snapshotOf(source *eval.Source, u *store.Update) *eval.Snapshot {
	s, _ := eval.NewSnapshot(source).Apply(u, 0)
	return s
}

// evaluateAll evaluates every flag twice, as the first time compiles it.
func evaluateAll(t *testing.T, s *eval.Snapshot, u *eval.User) {
	t.Helper()
	for _, key := range s.Keys() {
		flag := s.Flag(key)
		if flag == nil || flag.Key != key || strings.TrimSpace(key) == "" || s.Flag(key) != flag {
			t.Fatalf("flag %q: %+v", key, flag)
		}
		first, trace := eval.Evaluate(s, flag, u, nil)
		checkResult(t, first)
		for _, r := range trace {
			checkResult(t, r)
			if r.Variation == nil {
				t.Fatalf("the trace of %q has %+v", key, r)
			}
		}
		second, _ := eval.Evaluate(s, flag, u, nil)
		if first != second {
			t.Fatalf("flag %q: %+v, then %+v", key, first, second)
		}
		if _, err := explained(s, flag, u); err != nil {
			t.Fatal(err)
		}
	}
}

func checkResult(t *testing.T, r eval.Result) {
	t.Helper()
	switch r.Reason {
	case eval.ReasonOff, eval.ReasonPrerequisiteFailed, eval.ReasonTargetMatch, eval.ReasonRuleMatch, eval.ReasonFallthrough:
		if r.Variation != nil && r.Flag != nil {
			return
		}
	case eval.ReasonError:
		if r.Variation == nil && r.Flag != nil && !r.Experiment {
			return
		}
	}
	t.Fatalf("result %+v", r)
}
