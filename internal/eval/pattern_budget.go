package eval

import (
	"fmt"
	"regexp/syntax"
	"strings"
)

const (
	// maxPattern is how many bytes a regular expression may have.
	maxPattern = 16 << 10
	// patternBudget is how many bytes of memory the compiled regular expressions
	// of a flag or segment may take together. compiledSize estimates more than
	// they do: it is also a bound of the time that a text of maxPatternText takes.
	patternBudget = 4 << 20
)

var (
	errLongPattern   = fmt.Errorf("its regular expression has more than %d bytes", maxPattern)
	errPatternBudget = fmt.Errorf("its regular expression is beyond the budget of %d bytes, compiled, for all of a flag or segment", patternBudget)
)

const (
	instructionSize = 160 // 40 bytes of memory, and 11 ns for each byte of text
	// backtrackerSize is what the second engine keeps for a pattern, and
	// backtrackerByte for each byte of it.
	backtrackerSize = 1 << 10
	backtrackerByte = 64
	// unicodeClassSize is what a class like \p{L} takes.
	unicodeClassSize = 6 << 10
	// wideRangeCost stands for the time that a range of many letters takes
	// where case is ignored: 5 ms at most.
	wideRangeCost = 64 << 10
)

// hiddenCost is what parsing a pattern takes that its length does not tell.
func hiddenCost(expression string) int {
	cost := unicodeClassSize * (strings.Count(expression, `\p`) + strings.Count(expression, `\P`))
	if strings.Contains(expression, "(?") && (!isASCII(expression) || strings.Contains(expression, `\x`)) {
		cost += wideRangeCost * strings.Count(expression, "-")
	}
	return cost
}

// compiledSize estimates how many bytes a pattern takes when Go's engine has
// compiled it, up to a little more than the budget.
func compiledSize(tree *syntax.Regexp) int {
	size := instructionSize
	switch tree.Op {
	case syntax.OpLiteral:
		size = instructionSize * len(tree.Rune)
	case syntax.OpCharClass:
		size += 8 * len(tree.Rune)
	}
	const tooMuch = patternBudget + 1
	for _, sub := range tree.Sub {
		size = min(size+compiledSize(sub), tooMuch)
	}
	if tree.Op == syntax.OpRepeat {
		times := max(1, tree.Min, tree.Max)
		if size > tooMuch/times {
			return tooMuch
		}
		size *= times
	}
	return size
}
