package eval

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/dlclark/regexp2"
	"github.com/dlclark/regexp2/syntax"
)

// TestStacksAreBounded: a pattern whose match may take much memory is malformed,
// and one that is accepted takes no more than was estimated.
func TestStacksAreBounded(t *testing.T) {
	tests := []struct {
		name, pattern string
		refused       bool
	}{
		{"nested minima", `((a?){1000}){1000}b`, true},
		{"smaller nested minima", `(?!x)((a?){300}){200}b`, false},
		{"large minimum", `(a?){1000000000}b`, true},
		{"minimum of what cannot be empty", `(?:a?){20000}b`, false},
		{"look-ahead that captures, repeated", `((?=((?=(a)*)a)*)a)*$`, true},
		{"look-ahead that captures", `(?=((a|b)*))a*$`, false},
		{"look-ahead in front of each character", `(?:(?!</b>).)*$`, false},
		{"many optional characters, repeated", `(?:` + strings.Repeat("a?", 4000) + `)*$`, true},
		{"many alternatives in a row, repeated", `(?:` + strings.Repeat("(?:|a)", 2500) + `)*$`, true},
		{"some alternatives in a row, repeated", `(?:` + strings.Repeat("(?:|a)", 200) + `)*$`, false},
		{"long list, repeated", `(?!z)(?:` + strings.Repeat("foo|", 3000) + `a)*$`, false},
		{"conditions", `(?(?=a)(a)*|b)*(?(1)x|y)$`, false},
		{"deep groups, repeated", strings.Repeat("(", 2000) + "a" + strings.Repeat(")*", 2000) + "$", true},
		{"nested repetitions", `(?=a)(a+)+$`, false},
		{"lazy repetitions", `(?=a)((?:a??){2,}?a)+?$`, false},
	}
	text := strings.Repeat("a", maxBacktrackText-1) + "!"
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			// The owner's budget is another limit.
			o := newPatternOwner(&Source{}, false, "f")
			_, err := o.compileBacktracker(test.pattern)
			if refused := errors.Is(err, errMatchStacks); refused != test.refused || err != nil && !refused {
				t.Fatalf("got %v", err)
			}
			if test.refused {
				return
			}
			tree, err := syntax.Parse(test.pattern, 0)
			if err != nil {
				t.Fatal(err)
			}
			code, err := syntax.Write(tree)
			if err != nil {
				t.Fatal(err)
			}
			estimate, err := stackSize(code.Codes)
			if err != nil {
				t.Fatal(err)
			}
			engine := regexp2.MustCompile(test.pattern, 0)
			engine.MatchTimeout = matchTimeout
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, _ = engine.MatchString(text)
			runtime.ReadMemStats(&after)
			// Stacks grow by doubling, from a length that depends on the pattern's.
			most := 4*estimate + float64(128*len(test.pattern)) + 256<<10
			if allocated := float64(after.TotalAlloc - before.TotalAlloc); allocated > most {
				t.Errorf("the match allocated %.0f bytes; estimated were %.0f", allocated, estimate)
			}
		})
	}
}

// TestStacksBeyondTheLimitUseGo: what Go's engine can run is no error.
func TestStacksBeyondTheLimitUseGo(t *testing.T) {
	t.Parallel()
	source := &Source{}
	p, err := FeatBit().compilePattern(`^(?:`+strings.Repeat("(foo)|", 1000)+`b)+$`, newPatternOwner(source, false, "f"))
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]bool{"foofoo": true, "foé": false} {
		if found, ok, _ := p.match(text); found != want || !ok {
			t.Errorf("%q: got %v, %v", text, found, ok)
		}
	}
	if got := source.PatternsGivenUp(); got != 1 {
		t.Errorf("counted %d texts that the second engine would have decided", got)
	}
}
