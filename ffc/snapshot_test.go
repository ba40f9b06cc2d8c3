package ffc_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// TestSnapshotRoundTrip: a client made from a snapshot answers as the one that
// wrote it, and writes the same.
func TestSnapshotRoundTrip(t *testing.T) {
	t.Parallel()
	for _, name := range goldenFiles(t)[:4] {
		data, err := os.ReadFile(filepath.Join(goldenDir, name))
		if err != nil {
			t.Fatal(err)
		}
		var golden goldenEvaluation
		if err := json.Unmarshal(data, &golden); err != nil {
			t.Fatal(err)
		}
		first := offlineClient(t, golden.EnvSecret, golden.Data)
		var snapshot, again bytes.Buffer
		if err := first.WriteSnapshot(&snapshot); err != nil {
			t.Fatal(err)
		}
		second := offlineClient(t, golden.EnvSecret, snapshot.Bytes())
		if err := second.WriteSnapshot(&again); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(snapshot.Bytes(), again.Bytes()) {
			t.Errorf("%s: a snapshot of a snapshot differs", name)
		}
		if a, b := first.Status().DataVersion, second.Status().DataVersion; a != b {
			t.Errorf("%s: version %d became %d", name, a, b)
		}
		for _, u := range golden.Users {
			user, err := ffc.UserFromMap(u.Input)
			if err != nil {
				continue
			}
			a, _ := json.Marshal(first.AllVariations(t.Context(), user))
			b, _ := json.Marshal(second.AllVariations(t.Context(), user))
			if !bytes.Equal(a, b) {
				t.Errorf("%s: user %q: got %s, want %s", name, user.Key(), b, a)
			}
		}
	}
}
