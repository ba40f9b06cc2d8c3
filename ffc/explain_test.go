package ffc_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// explain explains a flag. The explanation has to agree with the evaluation, and
// to be printable.
func explain(t *testing.T, client *ffc.Client, key string, user ffc.User) ffc.Explanation {
	t.Helper()
	e := client.Explain(key, user)
	const fallback = "\x00fallback"
	d := client.VariationDetail(t.Context(), key, user, fallback)
	if d.Err != nil {
		d.Value = ""
	}
	if e.FlagKey != d.FlagKey || e.FlagName != d.FlagName || e.Value != d.Value || e.VariationID != d.VariationID || e.Reason != d.Reason || !errors.Is(e.Err, d.Err) {
		t.Errorf("explained as %q %q = %q (%s), %s, %v; evaluated as %+v", e.FlagKey, e.FlagName, e.Value, e.VariationID, e.Reason, e.Err, d)
	}
	var form struct {
		Value, VariationID, Reason, Error string
		Experiment                        bool
		Rules                             []struct{ Matched bool }
	}
	data, err := json.Marshal(e)
	if err == nil {
		err = json.Unmarshal(data, &form)
	}
	if err != nil || form.VariationID != e.VariationID || form.Reason != string(e.Reason) || form.Experiment != e.Experiment ||
		(form.Error != "") != (e.Err != nil) || len(form.Rules) != len(e.Rules) {
		t.Errorf("%v: %s", err, data)
	}
	if first, _, _ := strings.Cut(e.String(), "\n"); !strings.HasSuffix(first, "("+string(e.Reason)+")") {
		t.Errorf("printed as %s", e)
	}
	return e
}

// TestGoldenExplanations: every vector is explained as it has to be evaluated.
func TestGoldenExplanations(t *testing.T) {
	t.Parallel()
	for _, name := range goldenFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var golden struct {
				goldenEvaluation
				Cases []struct {
					User    int
					FlagKey string
					Expect  struct {
						Variation string
						LocalID   int `json:"localId"`
						Reason    string
						Events    []struct {
							SendToExperiment            bool
							SendToExperimentRecommended *bool
						}
					}
				}
			}
			readGolden(t, name, &golden)
			client := offlineClient(t, golden.EnvSecret, golden.Data)
			for i, c := range golden.Cases {
				user, _ := ffc.UserFromMap(golden.Users[c.User].Input)
				e := explain(t, client, c.FlagKey, user)
				want := fmt.Sprintf("%s (%d), %s", c.Expect.Variation, c.Expect.LocalID, c.Expect.Reason)
				got := fmt.Sprintf("%s (%s), %s", e.Value, e.VariationID, e.Reason)
				if e.Err != nil {
					got = fmt.Sprintf("%s (-1), %s", golden.DefaultValue, e.Reason)
				}
				experiment := false
				if n := len(c.Expect.Events); n > 0 {
					own := c.Expect.Events[n-1]
					if experiment = own.SendToExperiment; own.SendToExperimentRecommended != nil {
						experiment = *own.SendToExperimentRecommended
					}
				}
				if got != want || e.Experiment != experiment {
					t.Errorf("case %d: flag %q for user %d: got %s, experiment %v; want %s, experiment %v", i, c.FlagKey, c.User, got, e.Experiment, want, experiment)
				}
			}
		})
	}
}

// TestGoldenExplainedOperators: the clause of every row of the truth table is
// explained as matching or not.
func TestGoldenExplainedOperators(t *testing.T) {
	t.Parallel()
	var golden struct {
		EnvSecret string
		Data      json.RawMessage
		Users     []goldenUser
		Matrix    []struct{ FlagKey, Match string }
	}
	readGolden(t, "operators.json", &golden)
	client := offlineClient(t, golden.EnvSecret, golden.Data)
	for i, u := range golden.Users {
		user, err := ffc.UserFromMap(u.Input)
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range golden.Matrix {
			e := client.Explain(row.FlagKey, user)
			want := row.Match[i] == '1'
			if len(e.Rules) != 1 || e.Rules[0].Matched != want || len(e.Rules[0].Clauses) != 1 || e.Rules[0].Clauses[0].Matched != want {
				t.Errorf("%s for user %d: %s", row.FlagKey, i, e)
			}
		}
	}
}

// TestFeatBitExplanations: the evaluation server's own data is explained as the
// vectors have it.
func TestFeatBitExplanations(t *testing.T) {
	t.Parallel()
	data := fmt.Appendf(nil, `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":%s,"segments":%s}}`,
		readFeatBit(t, "evalserver-fake-flags.json"), readFeatBit(t, "evalserver-fake-segments.json"))
	client := offlineClient(t, "", data)
	var golden struct {
		Cases []struct {
			FlagKey string
			User    struct {
				Key, Name string
				Custom    map[string]string
			}
			Expected struct {
				VariationID, Value string
				SendToExperiment   bool
			}
		}
	}
	if err := json.Unmarshal(readFeatBit(t, "evalserver-fake-expected.json"), &golden); err != nil || len(golden.Cases) != 70 {
		t.Fatalf("%d cases, %v", len(golden.Cases), err)
	}
	for i, c := range golden.Cases {
		attributes := []ffc.Attr{ffc.Name(c.User.Name)}
		for name, value := range c.User.Custom {
			attributes = append(attributes, ffc.String(name, value))
		}
		e := explain(t, client, c.FlagKey, ffc.NewUser(c.User.Key, attributes...))
		if e.VariationID != c.Expected.VariationID || e.Value != c.Expected.Value || e.Experiment != c.Expected.SendToExperiment {
			t.Errorf("case %d: got %s; want %+v", i, e, c.Expected)
		}
	}
	for _, name := range []string{"dotnet-featbit-bootstrap.json", "sdk-fbclient-test-data.json", "openfeature-go-flags.json", "dotnet-full-data-set.json"} {
		client := offlineClient(t, "", readFeatBit(t, name))
		for _, key := range client.AllVariations(t.Context(), ffc.NewUser("u")).Keys() {
			for i := range 10 {
				if e := explain(t, client, key, ffc.NewUser(fmt.Sprint("user-", i), ffc.String("age", "23"))); e.Err != nil {
					t.Errorf("%s: %s", name, e)
				}
			}
		}
	}
}

// TestExplainRecordsNothing: no event, no count, no call of the hook.
func TestExplainRecordsNothing(t *testing.T) {
	t.Parallel()
	called := false
	_, client := connected(t, func(c *ffc.Config) {
		c.Events = flush.Config{Interval: -1}
		c.OnEvaluation = func(context.Context, ffc.Evaluation) { called = true }
	}, ffctest.Flag("a"), ffctest.Flag("b").Prerequisite(ffctest.Flag("a"), "true"))
	before := client.Stats()
	for _, key := range []string{"a", "b", "gone"} {
		client.Explain(key, ffc.NewUser("u"))
		client.Explain(key, ffc.User{})
	}
	if after := client.Stats(); after.Events != before.Events || called {
		t.Errorf("called %v, before %+v, after %+v", called, before.Events, after.Events)
	}
	client.Variation(t.Context(), "a", ffc.NewUser("u"), "")
	if !called || client.Stats().Events == before.Events {
		t.Error("an evaluation records nothing either")
	}
}

// TestExplainWithoutData: what there is to say if nothing can be evaluated. A
// configured fallback is not the platform's.
func TestExplainWithoutData(t *testing.T) {
	t.Parallel()
	from := &source{}
	client, err := ffc.New(t.Context(), ffc.Config{
		EnvSecret: ffctest.EnvSecret, Transport: from, StartWait: -1, Logger: testkit.Quiet(), Fallbacks: map[string]string{"a": "x", "gone": "y"},
	})
	if err != nil {
		t.Fatal(err)
	}
	user := ffc.NewUser("u")
	expect := func(key string, user ffc.User, want error, text string) {
		t.Helper()
		if e := client.Explain(key, user); e.Err != want || e.Value != "" || e.FlagKey != key || e.FlagName != "" || e.String() != text {
			t.Errorf("got %v, %s; want %v, %s", e.Err, e, want, text)
		}
	}
	expect("a", user, ffc.ErrNotReady, "a: no value (client not ready)")
	if _, err := from.store.Apply(ffctest.Snapshot(ffctest.Flag("a")), from.store.Mark()); err != nil {
		t.Fatal(err)
	}
	if e := client.Explain("a", user); e.Err != nil || e.Value != "true" {
		t.Errorf("got %s", e)
	}
	expect("gone", user, ffc.ErrFlagNotFound, "gone: no value (flag not found)")
	expect("", user, ffc.ErrFlagNotFound, `"": no value (flag not found)`)
	expect("a", ffc.User{}, ffc.ErrUserNotSpecified, "a: no value (user not specified)")
	expect("a", ffc.NewUser(" "), ffc.ErrUserNotSpecified, "a: no value (user not specified)")
	if err := client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	expect("a", user, ffc.ErrNotReady, "a: no value (client not ready)")
}

// TestExplainErrors: the error is the evaluation's, and says more.
func TestExplainErrors(t *testing.T) {
	t.Parallel()
	client := offline(t,
		ffctest.Flag("a").Prerequisite(ffctest.Flag("b"), "true"),
		ffctest.Flag("b").Prerequisite(ffctest.Flag("a"), "true"))
	e := explain(t, client, "a", ffc.NewUser("u"))
	if want := `ffc: the flag cannot be evaluated: flag "a": its prerequisites form a cycle: a, b, a`; !errors.Is(e.Err, ffc.ErrEvaluation) || e.Err.Error() != want {
		t.Errorf("got %v, want %s", e.Err, want)
	}
}

// TestExplainConcurrently is for the race detector.
func TestExplainConcurrently(t *testing.T) {
	t.Parallel()
	client := offline(t, ffctest.Segment("s").Include("v"),
		ffctest.Flag("a").Variations("x", "y").RuleRollout([]float64{50, 50}, ffctest.NotInSegment("s")))
	user := ffc.NewUser("u")
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for range 50 {
				e := client.Explain("a", user)
				if d := client.VariationDetail(t.Context(), "a", user, ""); e.Value != d.Value || e.Reason != ffc.ReasonRuleMatch {
					t.Errorf("explained as %s, evaluated as %q", e, d.Value)
				}
			}
		})
	}
	wg.Wait()
}
