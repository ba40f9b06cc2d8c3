package eval

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// featBitNumber is the grammar of docs/featbit.md, section 6.2.
var featBitNumber = regexp.MustCompile(`^[\t-\r ]*([+-]?)(?:(?i:(infinity))|((?:[0-9][0-9,]*(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?))[\t-\r ]*$`)

// FuzzFeatBitNumber holds numbers against the grammar, and values against the
// standard library.
func FuzzFeatBitNumber(f *testing.F) {
	for _, seed := range []string{
		"18", "-3.50000", "1,000", "1,", "1.", ".5", ",1", "1.2,3", "1e309", "-1e309", "1e-400", "1,7976931348623158e292", "0.00e9999999999", "1e", "1e+",
		" 5\v", "\u00a05", "+Infinity", "-iNFINITY", "NaN", "\u221e", "1_0", "0x10", "17976931348623158" + strings.Repeat("0", 292), overflow, overflow + ".0", "1e99999999999999999999",
		"0" + overflow[:308] + "1.9", "1" + strings.Repeat(",", 200) + "2", strings.Repeat("0", 400) + "1e308", "179769313486231580793728971405303415079934132710037826936173778980444968292764750946649017977587207096330286416692887910946555547851940402630657488671505820681908902000708383676273854845817711531764475730270069855571366959622842914819860834936475292719074168444365510704342711559699508093042880e0",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got, ok := parseFeatBit(text)
		parts := featBitNumber.FindStringSubmatch(text)
		if ok != (parts != nil) {
			t.Fatalf("%q is a number: %v", text, ok)
		}
		if !ok {
			return
		}
		want, _ := strconv.ParseFloat(parts[1]+parts[2]+strings.ReplaceAll(parts[3], ",", ""), 64)
		if got != want || math.Signbit(got) != math.Signbit(want) {
			t.Fatalf("%q is %v, want %v", text, got, want)
		}
	})
}

// TestDispatchKeyIsExact: a rollout by "Email" divides users by the attribute of
// exactly that name.
func TestDispatchKeyIsExact(t *testing.T) {
	t.Parallel()
	semantics := FeatBit()
	for _, name := range []string{"email", "Email", "EMAIL", "Country", "Name", "key", "KeyId"} {
		b := semantics.bucketOfFlag("f", name)
		low := 0
		for i := range 1000 {
			u := &User{Key: "u"}
			u.Set(name, fmt.Sprint("user-", i))
			if b.bucket(u, false) < 0.5 {
				low++
			}
		}
		if low < 400 || low > 600 {
			t.Errorf("%s: %d of 1000 users are in the lower half", name, low)
		}
	}
}
