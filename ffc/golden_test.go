package ffc_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// goldenDir holds vectors recorded from the platform's reference SDK; its
// README says how.
const goldenDir = "../testdata/golden"

func readGolden(t testing.TB, name string, into any) {
	t.Helper()
	f, err := os.Open(filepath.Join(goldenDir, name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	d := json.NewDecoder(f)
	d.UseNumber() // the spelling of numbers in users counts
	if err := d.Decode(into); err != nil {
		t.Fatal(err)
	}
}

func goldenFiles(t testing.TB) []string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(goldenDir, "evaluation-*.json"))
	if err != nil || len(paths) != 20 {
		t.Fatalf("found %d evaluation vectors, expected 20 (%v)", len(paths), err)
	}
	for i := range paths {
		paths[i] = filepath.Base(paths[i])
	}
	return paths
}

type goldenEvaluation struct {
	EnvSecret    string
	DefaultValue string
	Data         json.RawMessage
	Users        []goldenUser
	Cases        []struct {
		User    int
		FlagKey string
		Expect  struct {
			Variation string
			LocalID   int `json:"localId"`
			Reason    string
		}
	}
}

type goldenUser struct {
	Input      map[string]any
	Attributes map[string]string
}

// offlineClient evaluates the data object of a message.
func offlineClient(t testing.TB, secret string, data []byte) *ffc.Client {
	t.Helper()
	client, err := ffc.New(t.Context(), ffc.Config{EnvSecret: secret, Offline: true, Bootstrap: data, Logger: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close(t.Context()) })
	return client
}

// TestGoldenEvaluation takes every vector the whole way: from a user given as
// a map, through the client, to the detail.
func TestGoldenEvaluation(t *testing.T) {
	t.Parallel()
	for _, name := range goldenFiles(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var golden goldenEvaluation
			readGolden(t, name, &golden)
			client := offlineClient(t, golden.EnvSecret, golden.Data)
			for i, c := range golden.Cases {
				user, err := ffc.UserFromMap(golden.Users[c.User].Input)
				if valid := golden.Users[c.User].Attributes != nil; (err == nil) != valid {
					t.Fatalf("user %d: error %v, expected valid: %v", c.User, err, valid)
				}
				d := client.VariationDetail(t.Context(), c.FlagKey, user, golden.DefaultValue)
				id := d.VariationID
				if d.Err != nil {
					id = "-1"
				}
				got := fmt.Sprintf("%s (%s), %s", d.Value, id, d.Reason)
				want := fmt.Sprintf("%s (%d), %s", c.Expect.Variation, c.Expect.LocalID, c.Expect.Reason)
				if got != want {
					t.Errorf("case %d: flag %q for user %d: got %s, want %s", i, c.FlagKey, c.User, got, want)
				}
			}
		})
	}
}

// TestGoldenOperators runs the truth table of all operators.
func TestGoldenOperators(t *testing.T) {
	t.Parallel()
	var golden struct {
		EnvSecret string
		Data      json.RawMessage
		Users     []goldenUser
		Matrix    []struct {
			FlagKey string
			Clause  json.RawMessage
			Match   string
		}
	}
	readGolden(t, "operators.json", &golden)
	client := offlineClient(t, golden.EnvSecret, golden.Data)
	for _, row := range golden.Matrix {
		var got strings.Builder
		for _, u := range golden.Users {
			user, err := ffc.UserFromMap(u.Input)
			if err != nil {
				t.Fatal(err)
			}
			d := client.VariationDetail(t.Context(), row.FlagKey, user, "")
			switch {
			case d.Value == "match" && d.VariationID == "1" && d.Reason == ffc.ReasonRuleMatch:
				got.WriteByte('1')
			case d.Value == "no-match" && d.VariationID == "2" && d.Reason == ffc.ReasonFallthrough:
				got.WriteByte('0')
			default:
				t.Fatalf("%s: %+v", row.FlagKey, d)
			}
		}
		if got.String() != row.Match {
			t.Errorf("%s %s:\n got %s\nwant %s", row.FlagKey, row.Clause, got.String(), row.Match)
		}
	}
}
