package eval_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// goldenDir holds vectors recorded from the platform's reference SDK.
const goldenDir = "../../testdata/golden"

func readGolden(t testing.TB, name string, into any) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(goldenDir, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(data, into); err != nil {
		t.Fatal(err)
	}
}

// classicSnapshot loads the data of a message; problems fail the test unless
// they are expected.
func classicSnapshot(t testing.TB, secret string, data []byte, report func(eval.Problem)) *eval.Snapshot {
	t.Helper()
	codec, _, err := registry.CodecFor(classic.Name, secret)
	if err != nil {
		t.Fatal(err)
	}
	update, skipped, err := codec.Update(data)
	if err != nil || len(skipped) > 0 {
		t.Fatal(err, skipped)
	}
	snapshot, _ := eval.NewSnapshot(codec.Source(report)).Apply(update, 0)
	return snapshot
}

// userFrom builds a user from resolved attributes.
func userFrom(attributes map[string]string) *eval.User {
	if attributes == nil {
		return nil
	}
	u := &eval.User{}
	for name, value := range attributes {
		switch name {
		case "KeyId":
			u.Key = value
		case "Name":
			u.Name = value
		case "Email":
			u.Email = value
		case "Country":
			u.Country = value
		default:
			u.Set(name, value)
		}
	}
	return u
}

// TestGoldenEvents compares the recorded evaluations of every vector: the
// prerequisites' in order, then the flag's own.
func TestGoldenEvents(t *testing.T) {
	t.Parallel()
	type event struct {
		FeatureFlagKeyName          string
		LocalID                     int `json:"localId"`
		Reason                      string
		SendToExperiment            bool
		SendToExperimentRecommended *bool
	}
	paths, _ := filepath.Glob(filepath.Join(goldenDir, "evaluation-*.json"))
	if len(paths) != 20 {
		t.Fatalf("found %d files, expected 20", len(paths))
	}
	for _, path := range paths {
		name := filepath.Base(path)
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var golden struct {
				EnvSecret string
				Data      json.RawMessage
				Users     []struct{ Attributes map[string]string }
				Cases     []struct {
					User    int
					FlagKey string
					Expect  struct{ Events []event }
				}
			}
			readGolden(t, name, &golden)
			snapshot := classicSnapshot(t, golden.EnvSecret, golden.Data, func(eval.Problem) {})
			for i, c := range golden.Cases {
				user := userFrom(golden.Users[c.User].Attributes)
				var got, want []string
				if f := snapshot.Flag(c.FlagKey); f != nil && user.Valid() {
					if _, err := explained(snapshot, f, user); err != nil {
						t.Errorf("case %d: %v", i, err)
					}
					if own, before := eval.Evaluate(snapshot, f, user, nil); own.Variation != nil {
						for _, r := range append(before, own) {
							got = append(got, fmt.Sprintf("%s %s %s %t", r.Flag.Key, r.Variation.ID, r.Reason, r.Experiment))
						}
					}
				}
				for _, e := range c.Expect.Events {
					send := e.SendToExperiment
					if e.SendToExperimentRecommended != nil {
						send = *e.SendToExperimentRecommended
					}
					want = append(want, fmt.Sprintf("%s %d %s %t", e.FeatureFlagKeyName, e.LocalID, e.Reason, send))
				}
				if !slices.Equal(got, want) {
					t.Errorf("case %d: flag %q, user %d:\n got %q\nwant %q", i, c.FlagKey, c.User, got, want)
				}
			}
		})
	}
}
