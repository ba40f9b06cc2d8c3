package eval

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/dlclark/regexp2"
)

// TestFromDotNet: which patterns Go's engine runs, and how.
func TestFromDotNet(t *testing.T) {
	t.Parallel()
	translated := map[string]string{
		"":                          "",
		"abc":                       "abc",
		`^[\w.+-]+@[\w-]+\.[a-z]+$`: `^[\w\x2e\x2b\x2d]+@[\w\x2d]+\.[a-z]+\n?\z`,
		`@(corp|team)\.com$`:        `@(?:corp|team)\.com\n?\z`,
		`a$|b$|`:                    `a\n?\z|b\n?\z|`,
		`\s\S`:                      `[\t-\r ][^\t-\r ]`,
		`[^\s,]`:                    `[^\t-\r \x2c]`,
		`(?<name>foo)`:              `(?:foo)`,
		`(?i)Foo`:                   `(?i)Foo`,
		`(?ms)^a.b$c`:               `(?ms)^a.b$c`,
		`\u0041\x42\-\/\ `:          `AB-/ `,
		`[\u4e00-\u9fa5]`:           "[\u4e00-\u9fa5]",
		`\p{Lu}\P{L}`:               `\p{Lu}\P{L}`,
		`a{2}b{2,}c{0,1000}?d*?`:    `a{2}b{2,}c{0,1000}?d*?`,
		`\Aa\Z`:                     `\Aa\n?\z`,
		`é]#`:                       `é\]#`,
	}
	for pattern, want := range translated {
		got, ok := fromDotNet(pattern)
		if !ok || got != want {
			t.Errorf("%q: got %q, %v; want %q", pattern, got, ok, want)
		}
		if _, err := regexp.Compile(got); err != nil {
			t.Error(err)
		}
	}
	for _, pattern := range []string{
		`(?=a)`, `(?!a)`, `(?<=a)b`, `(?<!a)b`, `(?>a)`, `(a)\1`, `(?<a>b)\k<a>`, `(?#c)`, `(?i:a)`, `(?-i)a`, `a(?i)b`, `(?x)a b`, `(?n)(a)`,
		`(a$)`, `a$b`, `a\Zb`, `$*`, `^*`, `\b+`, `(a*)*`, `(|a)+`, `()?`, `a{1001}`, `a{2,1}`, `a{2`, `a{02}`, `a{0,00}`, `a{,2}`, `a**`, `a++`, `a{2}{3}`, `*a`, `{`, `}`,
		`(`, `)`, `a)`, `[`, `[]`, `[]a]`, `[a`, `[a-`, `[z-a]`, `[[:alpha:]]`, `[a-z-[aeiou]]`, `[a-z-9]`, `[\w-a]`, `[a-\d]`, `[\b]`, `\`, `[\`, `a\`,
		`\e`, `\a`, `\cA`, `\0`, `\141`, `\_`, `\'`, `\<`, `\Qa\E`, `\h`, `\R`, `\X`, `\C`, `\G`, `\pL`, `\p{IsGreek}`, `\p{Foo}`, `\p{L`, `\p`, `\x4`, `\xzz`, `\u004`,
		`\ud83d`, "\U0001f600", "\xff", `(?i)é`, `(?i)ſ`, `(?i)\u017f`, `(?i)[^a]`, `(?i)\W`, `(?i)\S`, `(?i)\D`, `(?i)\p{Lu}`, `(?i)[é]`, `(?P<n>a)`,
		`(?U)a`, `(?'n'a)`, `(?<1>a)`, `(?<n`, `(?<>a)`, strings.Repeat("(", 60) + strings.Repeat(")", 60),
	} {
		if got, ok := fromDotNet(pattern); ok {
			t.Errorf("%q became %q", pattern, got)
		}
	}
}

// FuzzPatternEngines: both engines have the same answer wherever Go's is used
// for FeatBit.
func FuzzPatternEngines(f *testing.F) {
	for _, pattern := range []string{
		`^[\w.+-]+@[\w-]+\.[\w.-]+$`, `(?i)^fr$|a\b`, `(?s)a.b|^$`, `(?m)^b$`, `[^\s-]{2,3}?\d*`, `(?<x>a|bc)+\Z`, `\x61\u0062`, `^(?:a|ab)$`, `(?i)[a-f_-]+`,
		`\Ba|\P{L}\p{Nd}`, `a{0}`, `(?im)\w$`, `x|`, `[\]\\^-]`,
	} {
		f.Add(pattern, "ab\nfr@a.b 12_-]\n")
	}
	f.Fuzz(func(t *testing.T, pattern, text string) {
		expression, ok := fromDotNet(pattern)
		if !ok || !isASCII(text) || len(text) > 100 || len(pattern) > 100 {
			return
		}
		fast, err := regexp.Compile(expression)
		if err != nil {
			t.Fatalf("%q became %q, which Go's engine refuses: %v", pattern, expression, err)
		}
		full, err := regexp2.Compile(pattern, regexp2.None)
		if err != nil {
			t.Fatalf("%q became %q, but the second engine refuses it: %v", pattern, expression, err)
		}
		full.MatchTimeout = matchTimeout
		want, err := full.MatchString(text)
		if err != nil {
			return
		}
		if got := fast.MatchString(text); got != want {
			t.Errorf("%q, as %q, in %q: Go's engine has %v, the second %v", pattern, expression, text, got, want)
		}
	})
}

func TestPatternBudget(t *testing.T) {
	t.Parallel()
	owner := func() *patternOwner { return newPatternOwner(&Source{}, false, "f") }
	for _, semantics := range []*Semantics{Classic(), FeatBit()} {
		for name, pattern := range map[string]string{
			"classes":              strings.Repeat(`\p{L}`, 3000),
			"repetitions":          strings.Repeat(`\w{1000}`, 1500),
			"nested repetitions":   strings.Repeat(`(?:a{30}b){30}`, 200),
			"ranges of many cases": strings.Repeat("[B-\U0001e942]", 900),
		} {
			if name == "ranges of many cases" && !semantics.FoldRegexps {
				continue // not for Go's engine, and the other one takes no time
			}
			o := owner()
			if _, err := semantics.compilePattern(pattern, o); !errors.Is(err, errPatternBudget) {
				t.Errorf("%s: %v", name, err)
			}
			// What was refused takes nothing from the others.
			if _, err := semantics.compilePattern("^a+$", o); err != nil {
				t.Errorf("after %s: %v", name, err)
			}
		}
		// All of an owner together, on either engine.
		for _, pattern := range []string{`^[\p{L}\p{M}' .-]{1,50}$`, `(?!x)` + strings.Repeat("a", 200)} {
			o, taken := owner(), 0
			for ; taken < 10_000; taken++ {
				if _, err := semantics.compilePattern(pattern, o); errors.Is(err, errPatternBudget) {
					break
				} else if err != nil {
					t.Fatal(err)
				}
			}
			if taken < 4 || taken > 300 {
				t.Errorf("%q: %d times within the budget", pattern, taken)
			}
		}
	}
}

// TestCatastrophicPattern: a pattern that backtracks without end costs 250 ms
// three times a minute at most. Its condition is not met, and nor is the
// opposite, unless Go's engine can run it.
func TestCatastrophicPattern(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("é", 40) + strings.Repeat("a", 40) + "!"
	tests := []struct {
		pattern     string
		matched, ok bool
	}{
		{"(a+)+$", false, true}, // by Go's engine
		{"(?=a)(a+)+$", false, false},
	}
	for _, test := range tests {
		t.Run(test.pattern, func(t *testing.T) {
			t.Parallel()
			var told []string
			source := &Source{GaveUp: func(p Problem) { told = append(told, p.Error()) }}
			p, err := FeatBit().compilePattern(test.pattern, newPatternOwner(source, false, "f"))
			if err != nil {
				t.Fatal(err)
			}
			for i := range maxTimeouts + 2 {
				before := p.full.engine.Load()
				matched, ok, clauses := p.match(text)
				if matched != test.matched || ok != test.ok || (clauses > 0) != (i < maxTimeouts) {
					t.Errorf("%d: got %v, %v, as if it were %d clauses", i, matched, ok, clauses)
				}
				// A match that timed out leaves none of its stacks.
				if ran := p.full.engine.Load() != before; ran != (i < maxTimeouts) {
					t.Errorf("%d: ran: %v", i, ran)
				}
				if waits := p.full.until.Load() != nil; waits != (i >= maxTimeouts-1) {
					t.Errorf("%d: waits: %v", i, waits)
				}
			}
			if got := source.PatternsGivenUp(); got != maxTimeouts+2 {
				t.Errorf("counted %d", got)
			}
			if len(told) != 1 || !strings.Contains(told[0], `flag "f"`) || strings.Contains(told[0], "a+") || strings.Contains(told[0], "é") {
				t.Errorf("told %q", told)
			}
			// Over when the minute is.
			p.full.until.Store(new(time.Now().Add(-time.Second)))
			if matched, err := p.full.match("ébaaa"); !matched || err != nil {
				t.Errorf("after the minute: %v, %v", matched, err)
			}
		})
	}
}

// TestTimeoutIsRepeatedOnce: a freeze ends a match that is not slow, or makes it
// look slower than a slow one is. A slow match is not repeated.
func TestTimeoutIsRepeatedOnce(t *testing.T) {
	t.Parallel()
	timeout := errors.New("timeout")
	const frozen = time.Hour
	tests := []struct {
		name     string
		attempts []error
		took     time.Duration
		matched  bool
	}{
		{"no timeout", []error{nil}, time.Microsecond, true},
		{"match that the clock's jump ended", []error{timeout, nil}, time.Microsecond, true},
		{"frozen match", []error{timeout, nil}, frozen, true},
		{"frozen match that is slow", []error{timeout, timeout}, frozen, false},
		{"slow match, between two ticks", []error{timeout}, matchTimeout, false},
		{"slow match, at a late tick", []error{timeout}, 250 * time.Millisecond, false},
		{"panic of the engine", []error{errEngine}, time.Microsecond, false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			b := &backtracker{}
			calls := 0
			matched, err := b.attempt("a", func(string) (bool, time.Duration, error) {
				err := test.attempts[calls]
				calls++
				return err == nil, test.took, err
			})
			if matched != test.matched || (err == nil) != test.matched || calls != len(test.attempts) || len(b.timeouts) > 0 == test.matched {
				t.Errorf("got %v, %v after %d calls, with %d timeouts", matched, err, calls, len(b.timeouts))
			}
		})
	}
}

// TestTimeoutsLongAgo: three timeouts in more than a minute stop nothing.
func TestTimeoutsLongAgo(t *testing.T) {
	t.Parallel()
	b := &backtracker{timeouts: []time.Time{time.Now().Add(-2 * time.Minute), time.Now().Add(-time.Second)}}
	b.timedOut()
	if b.until.Load() != nil || len(b.timeouts) != maxTimeouts-1 {
		t.Errorf("waits: %v, remembers %d", b.until.Load(), len(b.timeouts))
	}
	b.timedOut()
	if b.until.Load() == nil {
		t.Error("three timeouts in a minute do not stop it")
	}
}

// TestPatternErrorsQuoteNothing: the pattern may be private, or long.
func TestPatternErrorsQuoteNothing(t *testing.T) {
	t.Parallel()
	for _, pattern := range []string{`secret(`, `secret\`, `(?<`, `[z-a]secret`, `\p{secret}`, `\k<secret>`, `(?(secret)a`, `(secret)\9`, `[\w-secret]`, `(?secret)`, "secret" + strings.Repeat("a", maxPattern)} {
		for _, semantics := range []*Semantics{Classic(), FeatBit()} {
			_, err := semantics.compilePattern(pattern, newPatternOwner(&Source{}, false, "f"))
			if err != nil && (strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "%")) {
				t.Errorf("%q: %v", pattern, err)
			}
		}
	}
}
