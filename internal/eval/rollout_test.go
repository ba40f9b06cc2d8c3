package eval

import (
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

type goldenPercentages struct {
	Percentages []struct {
		Key        string
		Percentage float64
	}
	Ranges []struct {
		Key   string
		Range [2]float64
		In    bool
	}
	RecommendedNonASCII []struct {
		Key        string
		Percentage float64
	} `json:"recommendedNonAscii"`
}

func readPercentages(t *testing.T) (golden goldenPercentages) {
	t.Helper()
	data, err := os.ReadFile("../../testdata/golden/percentages.json")
	if err == nil {
		err = json.Unmarshal(data, &golden)
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(golden.Percentages) == 0 || len(golden.Ranges) == 0 || len(golden.RecommendedNonASCII) == 0 {
		t.Fatal("the vectors are empty")
	}
	return golden
}

func TestGoldenPercentages(t *testing.T) {
	t.Parallel()
	golden := readPercentages(t)
	for _, g := range golden.Percentages {
		if got := asciiBucket(g.Key); got != g.Percentage {
			t.Errorf("bucket of %q: got %v, want %v", g.Key, got, g.Percentage)
		}
	}
	for _, g := range golden.RecommendedNonASCII {
		if got := asciiBucket(g.Key); got != g.Percentage {
			t.Errorf("bucket of %q: got %v, want %v", g.Key, got, g.Percentage)
		}
	}
	for _, g := range golden.Ranges {
		in := g.Range == [2]float64{0, 1} || inShare(Classic(), g.Range[0], g.Range[1], asciiBucket(g.Key))
		if in != g.In {
			t.Errorf("%q in %v: got %v, want %v", g.Key, g.Range, in, g.In)
		}
	}
}

// inShare reports whether a share takes a bucket.
func inShare(r *Semantics, from, to, bucket float64) bool {
	first, last, all := r.bounds(from, to)
	return all || first <= bucket && bucket <= last
}

func TestLastShareTakesBucketOne(t *testing.T) {
	t.Parallel()
	r := Classic()
	if !inShare(r, 0.5, 1, 1) || inShare(r, 0.5, 0.9, 1) || inShare(r, 1, 0.5, 1) {
		t.Error("bucket 1 belongs to the share that ends at 1, and to no other")
	}
}

// TestEverybodyIsNotHashed: what everybody gets needs no bucket.
func TestEverybodyIsNotHashed(t *testing.T) {
	t.Parallel()
	variations := []Variation{{ID: "1"}, {ID: "2"}}
	for _, test := range []struct {
		name   string
		shares []model.Share
		hashed bool
	}{
		{name: "one share", shares: []model.Share{{From: 0, To: 1}}},
		{name: "first of two", shares: []model.Share{{From: 0, To: 1}, {From: 0, To: 1, Variation: 1}}},
		{name: "not the first", shares: []model.Share{{From: 0, To: 0}, {From: 0, To: 1}}, hashed: true},
	} {
		ro := Classic().compileRollout(&model.Flag{}, &model.Rollout{Shares: test.shares}, variations)
		u := &User{Key: "u"}
		if s := ro.share(&evaluation{user: u}); s == nil {
			t.Errorf("%s: no share for the user", test.name)
		} else if hashed := u.bucket.Load() != 0; hashed != test.hashed {
			t.Errorf("%s: hashed %v", test.name, hashed)
		}
	}
}

// TestExperimentOfNoWidth: a share without width, which only the bucket 1 can
// reach, is in no experiment.
func TestExperimentOfNoWidth(t *testing.T) {
	t.Parallel()
	s := model.Share{From: 1, To: 1, Experiment: new(0.5)}
	if got := Classic().compileExperiment(s, model.Yes, model.No); got != (experimentShare{}) {
		t.Errorf("got %+v", got)
	}
}

// TestBucketWhereMD5IsForbidden runs the percentages again under a policy that
// forbids MD5 for cryptography.
func TestBucketWhereMD5IsForbidden(t *testing.T) {
	t.Parallel()
	cmd := exec.Command(os.Args[0], "-test.run=^TestGoldenPercentages$", "-test.v")
	cmd.Env = append(os.Environ(), "GODEBUG=fips140=only")
	out, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(out), "--- PASS: TestGoldenPercentages") {
		t.Errorf("with GODEBUG=fips140=only: %v\n%s", err, out)
	}
}
