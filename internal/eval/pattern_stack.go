package eval

import (
	"errors"
	"fmt"
	"math"

	"github.com/dlclark/regexp2/syntax"
)

// maxMatchStacks is the maximum number of bytes of the stacks of a match of the
// second engine, as stackSize estimates them.
const maxMatchStacks = 16 << 20

var errMatchStacks = fmt.Errorf("its regular expression repeats so much that a match may take more than %d bytes", maxMatchStacks)

// frameSize is the maximum number of bytes that one step of a match pushes:
// four words.
const frameSize = 4 * 8

// checkStacks returns errMatchStacks if a match of the pattern may take too
// much memory. The pattern must be valid.
func checkStacks(expression string) error {
	tree, err := syntax.Parse(expression, 0)
	if err != nil {
		return err
	}
	code, err := syntax.Write(tree)
	if err != nil {
		return err
	}
	size, err := stackSize(code.Codes)
	if err == nil && size > maxMatchStacks {
		err = errMatchStacks
	}
	return err
}

// repetition is a loop of a compiled pattern.
type repetition struct {
	last int     // its last instruction
	min  float64 // the runs that it makes even if they match no text
	more float64 // the runs beyond min, each of which matches some text
}

// enclosing is a loop that contains an instruction.
type enclosing struct {
	last int
	// steps is how often the loop runs on the way to a match.
	steps float64
	// captures is steps with the runs of look-around. A look-around drops its
	// steps when it ends, but keeps the captures of its groups.
	captures float64
}

// stackSize estimates the memory that a match takes for a text of
// maxBacktrackText. The engine pushes a frame for each step that it may have to
// undo. A run of a loop matches at least one character, but for the runs that
// its minimum forces: nested minima multiply, all other runs add up.
func stackSize(codes []int) (float64, error) {
	repetitions, branches, err := controlFlow(codes)
	if err != nil {
		return 0, err
	}
	size := 0.0
	lookAround := 0
	around := []enclosing{{last: len(codes), steps: 1, captures: 1}}
	for at := 0; at < len(codes); {
		op := syntax.InstOp(codes[at]) & syntax.Mask
		for at > around[len(around)-1].last {
			around = around[:len(around)-1]
		}
		inner := around[len(around)-1]
		if r, ok := repetitions[at]; ok {
			more := min(r.more*inner.captures, maxBacktrackText)
			if lookAround > 0 {
				more = min(r.more, maxBacktrackText) * inner.captures
			}
			inner = enclosing{
				last:     r.last,
				steps:    inner.steps*r.min + min(r.more*inner.steps, maxBacktrackText),
				captures: inner.captures*r.min + more,
			}
			around = append(around, inner)
		}
		switch op {
		case syntax.Setjump:
			lookAround++
		case syntax.Forejump, syntax.Backjump:
			if !branches[at] {
				lookAround = max(0, lookAround-1)
			}
		}
		switch {
		case op == syntax.Capturemark:
			size += inner.captures * frameSize
		case pushes(op) && !(op == syntax.Lazybranch && branches[at]): // only one frame of an alternation remains
			size += inner.steps * frameSize
		}
		width, _ := instructionWidth(op)
		at += width
	}
	return size, nil
}

// controlFlow returns the loops by their first instruction, and where matches go
// on if a branch or a look-around fails.
func controlFlow(codes []int) (map[int]repetition, map[int]bool, error) {
	repetitions, branches := map[int]repetition{}, map[int]bool{}
	for at := 0; at < len(codes); {
		op := syntax.InstOp(codes[at]) & syntax.Mask
		width, ok := instructionWidth(op)
		if !ok || at+width > len(codes) {
			return nil, nil, errUnknownInstruction
		}
		switch op {
		case syntax.Branchmark, syntax.Lazybranchmark:
			repetitions[codes[at+1]] = repetition{last: at, min: 1, more: math.Inf(1)}
		case syntax.Branchcount, syntax.Lazybranchcount:
			first := codes[at+1]
			r := repetition{last: at, min: 1, more: float64(codes[at+2])}
			if first >= 2 && syntax.InstOp(codes[first-2])&syntax.Mask == syntax.Setcount {
				r.min = max(1, float64(1-codes[first-1]))
			}
			repetitions[first] = r
		case syntax.Lazybranch:
			to := codes[at+1]
			if to < len(codes) && codes[to] == syntax.Getmark {
				to++
			}
			branches[to] = true
		}
		at += width
	}
	return repetitions, branches, nil
}

// pushes reports whether an instruction leaves a frame.
func pushes(op syntax.InstOp) bool {
	switch op {
	case syntax.Oneloop, syntax.Notoneloop, syntax.Setloop, syntax.Onelazy, syntax.Notonelazy, syntax.Setlazy,
		syntax.Lazybranch, syntax.Branchmark, syntax.Lazybranchmark, syntax.Nullcount, syntax.Setcount, syntax.Branchcount,
		syntax.Lazybranchcount, syntax.Nullmark, syntax.Setmark, syntax.Getmark, syntax.Setjump, syntax.Backjump, syntax.Forejump:
		return true
	}
	return false
}

var errUnknownInstruction = errors.New("its regular expression compiles to an instruction that the SDK does not know")

// instructionWidth returns the number of words of an instruction.
func instructionWidth(op syntax.InstOp) (width int, ok bool) {
	switch op {
	case syntax.Nothing, syntax.Bol, syntax.Eol, syntax.Boundary, syntax.Nonboundary, syntax.ECMABoundary, syntax.NonECMABoundary,
		syntax.Beginning, syntax.Start, syntax.EndZ, syntax.End, syntax.Nullmark, syntax.Setmark, syntax.Getmark, syntax.Setjump,
		syntax.Backjump, syntax.Forejump, syntax.Stop:
		return 1, true
	case syntax.One, syntax.Notone, syntax.Set, syntax.Multi, syntax.Ref, syntax.Testref, syntax.Goto, syntax.Nullcount, syntax.Setcount,
		syntax.Lazybranch, syntax.Branchmark, syntax.Lazybranchmark, syntax.Prune:
		return 2, true
	case syntax.Capturemark, syntax.Branchcount, syntax.Lazybranchcount, syntax.Onerep, syntax.Notonerep, syntax.Setrep, syntax.Oneloop,
		syntax.Notoneloop, syntax.Setloop, syntax.Onelazy, syntax.Notonelazy, syntax.Setlazy:
		return 3, true
	}
	return 0, false
}
