package eval

import (
	"fmt"
	"regexp/syntax"
	"strings"
)

const (
	// maxPattern is the maximum length of a regular expression in bytes.
	maxPattern = 16 << 10
	// patternBudget is the maximum number of bytes of memory that all compiled
	// regular expressions of a flag or segment may take together. compiledSize
	// estimates more than they take, because the budget also bounds the time for a
	// text of maxPatternText.
	patternBudget = 4 << 20
)

var (
	errLongPattern   = fmt.Errorf("its regular expression has more than %d bytes", maxPattern)
	errPatternBudget = fmt.Errorf("its regular expression exceeds the limit of %d bytes of memory for all regular expressions of a flag or segment", patternBudget)
)

const (
	instructionSize = 160 // 40 bytes of memory, and 11 ns for each byte of text
	// backtrackerSize is the memory that the second engine keeps for a pattern,
	// in addition to backtrackerByte for each byte of it.
	backtrackerSize = 1 << 10
	backtrackerByte = 64
	// unicodeClassSize is the memory of a class like \p{L}.
	unicodeClassSize = 6 << 10
	// wideRangeCost stands for the time that a range of many letters takes
	// where case is ignored: 5 ms at most.
	wideRangeCost = 64 << 10
)

// hiddenCost returns the cost of parsing a pattern that does not show in its
// length.
func hiddenCost(expression string) int {
	cost := unicodeClassSize * (strings.Count(expression, `\p`) + strings.Count(expression, `\P`))
	if strings.Contains(expression, "(?") && (!isASCII(expression) || strings.Contains(expression, `\x`)) {
		cost += wideRangeCost * strings.Count(expression, "-")
	}
	return cost
}

// compiledSize estimates the number of bytes of a pattern that Go's engine has
// compiled, up to a little more than the budget.
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
