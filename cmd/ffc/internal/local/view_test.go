package local

import (
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

func TestTextsAreAListInJSON(t *testing.T) {
	for _, list := range [][]string{{}, {"ann"}, {"", `"`, "<b>&", "é\n", "a,b"}} {
		got := string(flagfile.Marshal(texts(model.Texts(list...))))
		if want := string(flagfile.Marshal(list)); got != want {
			t.Errorf("%q is %s, expected %s", list, got, want)
		}
	}
}

// A flag can have hundreds of thousands of variations, all in one rollout.
func TestSharesOfManyVariations(t *testing.T) {
	const n = 200_000 // a scan for each share takes minutes
	f := &model.Flag{Variations: make([]model.Variation, n)}
	r := model.Rollout{Shares: make([]model.Share, 2*n)}
	for i := range f.Variations {
		f.Variations[i].ID = string(rune(i + 1<<16))
	}
	for i := range r.Shares {
		r.Shares[i] = model.Share{From: 0.25, To: 0.5, Variation: i % n}
	}
	shares := sharesOf(f, r)
	if len(shares) != n || shares[0].Percent != 50 || shares[n-1].Variation != f.Variations[n-1].ID {
		t.Errorf("%d shares, the first %v, the last %v", len(shares), shares[0], shares[len(shares)-1])
	}
	if got := variationsOf(f, []byte(`{}`)); len(got) != n {
		t.Errorf("%d variations, expected %d", len(got), n)
	}
}
