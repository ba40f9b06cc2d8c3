package eval

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
	"sync/atomic"
	"unicode/utf8"

	syntax2 "github.com/dlclark/regexp2/syntax"
)

// pattern is a compiled regular expression. Go's engine runs it whenever its
// result is the platform's, because it takes linear time and does not allocate.
// Otherwise the second engine runs it: a port of .NET's engine, which
// backtracks.
//
//	platform  fast                                  full
//	classic   if Go's engine accepts the pattern    otherwise
//	FeatBit   if the pattern means the same to Go   always: for texts that are
//	          for ASCII texts                       not ASCII, and without fast
type pattern struct {
	fast *regexp.Regexp
	full *backtracker
	// instructions is the estimated number of instructions of fast.
	instructions int
	owner        *patternOwner
}

// maxPatternText is the maximum number of bytes of a text that patterns are
// matched against. Go's engine takes time in proportion to the text and the
// pattern.
const maxPatternText = 4 << 10

var errPatternText = fmt.Errorf("a regular expression was matched against a text of more than %d bytes: its condition is not met for such texts", maxPatternText)

// errUndecided explains a clause whose pattern could not decide.
var errUndecided = fmt.Errorf("its regular expression took more than %v, or the text is too long, so it does not match", matchTimeout)

// timeoutClauses is how many clauses of maxClauses a timeout counts.
const timeoutClauses = maxClauses / 4

// match reports whether the pattern is found in s. If ok is false, that cannot be
// decided: no condition with the pattern is met, not even a negative one. clauses
// is the number of clauses to count in addition to p.clauses.
func (p *pattern) match(s string) (found, ok bool, clauses int) {
	if len(s) > maxPatternText {
		p.owner.giveUp(errPatternText)
		return false, false, 0
	}
	if p.fast != nil && (p.full == nil || isASCII(s)) {
		return p.fast.MatchString(s), true, 0
	}
	found, err := p.full.match(s)
	if err == nil {
		return found, true, 0
	}
	p.owner.giveUp(err)
	if err == errMatchTimeout {
		clauses = timeoutClauses
	}
	if p.fast == nil {
		return false, false, clauses
	}
	return p.fast.MatchString(s), true, clauses
}

// clauses returns the time that Go's engine may take for a text, in clauses of
// about 10 ns each. The engine reads the text once, and may run each
// instruction for each byte; usually it runs few.
func (p *pattern) clauses(s string) int {
	if len(s) > maxPatternText {
		return 0
	}
	return p.instructions * len(s) / 16
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// patternOwner is the flag or segment that patterns belong to.
type patternOwner struct {
	source  *Source
	segment bool
	key     string
	// left is the rest of the owner's budget. It is used while the owner is
	// compiled.
	left int
	told atomic.Bool
}

// newPatternOwner returns an owner with its whole budget. source may be nil if
// nothing will be matched.
func newPatternOwner(source *Source, segment bool, key string) *patternOwner {
	return &patternOwner{source: source, segment: segment, key: key, left: patternBudget}
}

// giveUp counts a pattern that could not decide, and reports the first one of
// each owner.
func (o *patternOwner) giveUp(err error) {
	o.source.patternsGivenUp.Add(1)
	if o.source.GaveUp != nil && o.told.CompareAndSwap(false, true) {
		o.source.GaveUp(Problem{Segment: o.segment, Key: o.key, Err: err})
	}
}

// compilePattern compiles a pattern of the owner within its budget.
func (sem *Semantics) compilePattern(expression string, owner *patternOwner) (*pattern, error) {
	if len(expression) > maxPattern {
		return nil, errLongPattern
	}
	p := &pattern{owner: owner}
	goExpression, canGo := expression, true
	if sem.FoldRegexps {
		expression = "(?i)" + expression
		goExpression = expression
	} else {
		goExpression, canGo = fromDotNet(expression)
	}
	if canGo {
		before := owner.left
		fast, err := owner.compileGo(goExpression)
		if errors.Is(err, errPatternBudget) {
			return nil, err
		}
		p.fast, p.instructions = fast, (before-owner.left)/instructionSize
		if fast != nil && sem.FoldRegexps {
			return p, nil
		}
	}
	full, err := owner.compileBacktracker(expression)
	if err == errMatchStacks && p.fast != nil {
		full, err = &backtracker{refused: err}, nil
	}
	if err != nil {
		return nil, err
	}
	p.full = full
	return p, nil
}

func (o *patternOwner) compileGo(expression string) (*regexp.Regexp, error) {
	if hiddenCost(expression) > o.left {
		return nil, errPatternBudget // not parsed, which would take as much
	}
	tree, err := syntax.Parse(expression, syntax.Perl)
	if err != nil {
		return nil, err
	}
	size := compiledSize(tree)
	if size > o.left {
		return nil, errPatternBudget
	}
	o.left -= size
	return regexp.Compile(expression)
}

// patternError returns the error of an invalid pattern without quoting the
// pattern, which may be long or private.
func patternError(err error) error {
	if syntaxError, ok := errors.AsType[*syntax2.Error](err); ok {
		return fmt.Errorf("its regular expression is invalid (%s)", withoutVerbs(syntaxError.Code.String()))
	}
	return errors.New("its regular expression is invalid")
}
