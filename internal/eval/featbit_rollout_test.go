package eval

import (
	"encoding/json"
	"math"
	"os"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// TestFeatBitRollouts holds buckets and ranges against the vectors.
func TestFeatBitRollouts(t *testing.T) {
	t.Parallel()
	var vectors struct {
		Buckets []struct {
			Input       string
			Bucket      float64
			SignedInt32 int32
		}
		Ranges []struct {
			Input   string
			Range   [2]float64
			InRange bool
		}
	}
	data, err := os.ReadFile("../../testdata/featbit/rollout-vectors.json")
	if err == nil {
		err = json.Unmarshal(data, &vectors)
	}
	if err != nil || len(vectors.Buckets) == 0 || len(vectors.Ranges) == 0 {
		t.Fatal(err)
	}
	r := FeatBit()
	for _, v := range vectors.Buckets {
		// The text can be cut anywhere between the flag's key and the user's.
		for cut := range len(v.Input) + 1 {
			of := r.bucketOfFlag(v.Input[:cut], "")
			if got := of.bucket(&User{Key: v.Input[cut:]}, false); got != v.Bucket || got != math.Abs(float64(v.SignedInt32))/(1<<31) {
				t.Errorf("bucket of %q: got %v, want %v", v.Input, got, v.Bucket)
			}
			if after, ok := strings.CutPrefix(v.Input, "expt"); ok && cut == 0 {
				if got := r.bucketOfFlag(after, "").bucket(&User{}, true); got != v.Bucket {
					t.Errorf("bucket of %q for experiments: got %v, want %v", after, got, v.Bucket)
				}
			}
		}
	}
	for _, v := range vectors.Ranges {
		if got := inShare(r, v.Range[0], v.Range[1], bucketOf([]byte(v.Input))); got != v.InRange {
			t.Errorf("%q in %v: got %v", v.Input, v.Range, got)
		}
	}
}

// TestFeatBitEnds: a share takes both its ends.
func TestFeatBitEnds(t *testing.T) {
	t.Parallel()
	tests := []struct {
		from, to, bucket float64
		want             bool
	}{
		{0.5, 0.75, 0.5, true}, {0.5, 0.75, 0.75, true}, {0.5, 0.75, math.Nextafter(0.75, 1), false}, {0.5, 0.75, math.Nextafter(0.5, 0), false},
		{0.5, 1, 1, true}, {0, 0.99, 1, false}, {1, 1, 1, true}, {0.25, 0.25, 0.25, true},
		{0, 0, 0, false}, {0, 0.5, 0, true}, {0, 1, 1, true},
		{0, 0.999991, 1, true}, {0, 0.99998, 1, false}, {0.1, 0.999991, 1, false}, {0, 1.5, 1, true},
		{0.75, 0.5, 0.6, false}, {math.NaN(), 1, 0.5, false}, {0, math.NaN(), 0.5, false},
	}
	for _, test := range tests {
		if got := inShare(FeatBit(), test.from, test.to, test.bucket); got != test.want {
			t.Errorf("%v in [%v, %v]: got %v", test.bucket, test.from, test.to, got)
		}
	}
}

// TestFeatBitBucketBy: the attribute that a rollout names decides; who does not
// have it counts as having the empty one.
func TestFeatBitBucketBy(t *testing.T) {
	t.Parallel()
	u := &User{Key: "cust-42", Name: "José", Email: "a@example.com", Custom: []CustomAttribute{{Name: "tenant", Value: "acme"}}}
	for attribute, text := range map[string]string{
		"": "checkout-bannercust-42", "\t ": "checkout-bannercust-42", "keyId": "checkout-bannercust-42", "name": "checkout-bannerJosé",
		"tenant": "checkout-banneracme", "Tenant": "checkout-banner", "key": "checkout-banner", "email": "checkout-bannera@example.com", "country": "checkout-banner",
	} {
		of := FeatBit().bucketOfFlag("checkout-banner", attribute)
		if got, want := of.bucket(u, false), bucketOf([]byte(text)); got != want {
			t.Errorf("by %q: got %v, want that of %q, %v", attribute, got, text, want)
		}
		if got, want := of.bucket(u, true), bucketOf([]byte("expt"+text)); got != want {
			t.Errorf("by %q, for experiments: got %v, want %v", attribute, got, want)
		}
	}
	for text, want := range map[string]float64{
		"checkout-banneracme": 0.8184322528541088, "exptcheckout-banneracme": 0.28376264218240976,
		"checkout-bannercust-42": 0.7086561773903668, "exptcheckout-bannercust-42": 0.6703277602791786,
	} {
		if got := bucketOf([]byte(text)); got != want {
			t.Errorf("%q: got %v, want %v", text, got, want)
		}
	}
	if u.bucket.Load() != 0 {
		t.Error("a user remembers a bucket of one flag")
	}
}

// TestFeatBitEverybodyIsNotHashed: what nearly everybody gets needs no bucket.
func TestFeatBitEverybodyIsNotHashed(t *testing.T) {
	t.Parallel()
	ro := FeatBit().compileRollout(&model.Flag{Key: "f"}, &model.Rollout{Shares: []model.Share{{To: 0.999999}}}, variations{{ID: "1"}})
	if ro.whole != 0 {
		t.Errorf("got %+v", ro)
	}
}
