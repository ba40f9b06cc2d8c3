package eval

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"unsafe"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// clause is a compiled model.Clause.
type clause struct {
	relation  model.Relation
	negate    bool
	undecided bool // an evaluation that reaches the clause fails
	plain     bool // about an attribute, and test decides it
	attribute attributeRef
	text      string  // operand of the text relations
	number    float64 // operand of the comparisons
	*operands         // nil for most clauses, to save memory
}

// operands has the operands that few clauses have.
type operands struct {
	set      textSet     // of model.IsOneOf
	pattern  *pattern    // of model.MatchesPattern
	segments []segmentID // of model.IsInSegment
	err      error       // what is wrong with the clause, if anything
}

// problem returns the error of the clause, if any.
func (c *clause) problem() error {
	if c.operands == nil {
		return nil
	}
	return c.err
}

// operator returns the operator of a clause.
func (sem *Semantics) operator(m *model.Clause) model.Operator {
	if sem.SegmentsByProperty {
		if o := model.OperatorNamed(m.Property); o.Operand == model.SegmentsOperand {
			return o
		}
		if o := model.OperatorNamed(m.Operator); o.Operand != model.SegmentsOperand {
			return o
		}
		return model.Operator{}
	}
	if m.Operator != "" {
		return model.OperatorNamed(m.Operator)
	}
	// Segment clauses have the operator in the property. Comparisons never do.
	if o := model.OperatorNamed(m.Property); o.Operand != model.NumberOperand {
		return o
	}
	return model.Operator{}
}

// compileClause returns the clause of the owner. It also returns a clause if that
// has a problem.
func (sem *Semantics) compileClause(m *model.Clause, owner *patternOwner) clause {
	c, err := sem.clauseOf(m, owner)
	if err != nil {
		if c.operands == nil {
			c.operands = &operands{}
		}
		c.err = err
	}
	c.plain = !c.undecided && c.relation != model.MatchesPattern && c.relation != model.IsInSegment
	return c
}

var (
	errUnknownOperator = errors.New("the clause has an unknown operator, so it never matches")
	errNoNumber        = errors.New("the value of the clause is not a number, so it never matches")
)

func (sem *Semantics) clauseOf(m *model.Clause, owner *patternOwner) (clause, error) {
	c := clause{attribute: sem.attribute(m.Property), text: m.Value}
	if m.Malformed != "" {
		c.undecided = true
		return c, errors.New(m.Malformed)
	}
	o := sem.operator(m)
	c.relation, c.negate = o.Relation, o.Negated
	if o.Relation == model.NoRelation {
		return c, errUnknownOperator
	}
	if sem.EmptyIsMissing && m.Value == "" && (o.Operand == model.TextOperand || o.Operand == model.PatternOperand) {
		c.relation = model.NoRelation // keeps negate: nothing equals an empty value
		return c, nil
	}
	var err error
	switch o.Operand {
	case model.ListOperand:
		var list model.List
		if list, err = sem.parseList(m.Value); err != nil {
			c.relation = model.NoRelation
		}
		c.operands = &operands{set: newTextSet(list)}
	case model.SegmentsOperand:
		var list model.List
		list, err = sem.parseList(m.Value)
		c.operands = &operands{segments: segmentIDs(list)}
	case model.PatternOperand:
		c.operands = &operands{}
		if c.pattern, err = sem.compilePattern(m.Value, owner); err != nil {
			// Not even the negated operator matches: malformed data must not
			// let a user in.
			c.relation, c.negate = model.NoRelation, false
		}
	case model.NumberOperand:
		number, ok := sem.number(m.Value)
		if !ok {
			c.relation = model.NoRelation
			return c, errNoNumber
		}
		c.number = number
	}
	if sem.Strict && err != nil {
		c.relation, c.undecided = model.NoRelation, true
	}
	return c, err
}

// parseList reads a JSON array. Only strings in it can equal an attribute. If the
// semantics are strict, null is an empty list, and elements other than strings
// and null are an error.
func (sem *Semantics) parseList(text string) (list model.List, err error) {
	array := unsafe.Slice(unsafe.StringData(text), len(text)) // only read
	array = bytes.Trim(array, " \t\r\n")
	if err := jsontext.Check(array); err != nil {
		return list, errNoList
	}
	if sem.Strict && string(array) == "null" {
		return list, nil
	}
	if array[0] != '[' || uint64(len(array)) > math.MaxUint32 {
		return list, errNoList
	}
	var all []byte
	for element := range jsontext.Elements(array) {
		switch {
		case element[0] == '"':
			if all == nil {
				all, list.Ends = make([]byte, 0, len(array)), make([]uint32, 0, jsontext.Count(array))
			}
			all = jsontext.AppendText(all, element[1:len(element)-1])
			list.Ends = append(list.Ends, uint32(len(all)))
		case sem.Strict && !jsontext.IsNull(element):
			return model.List{}, errNoList
		}
	}
	list.Text = string(all)
	return list, nil
}

var errNoList = errors.New("the value of the clause is not a JSON array of strings")

// test reports whether the relation holds for an attribute. It cannot decide
// model.MatchesPattern and model.IsInSegment.
func (c *clause) test(semantics *Semantics, value string) bool {
	switch c.relation {
	case model.Equals:
		return value == c.text
	case model.Contains:
		return strings.Contains(value, c.text)
	case model.StartsWith:
		return strings.HasPrefix(value, c.text)
	case model.EndsWith:
		return strings.HasSuffix(value, c.text)
	case model.IsOneOf:
		return c.set.has(value)
	case model.IsTrue:
		return equalFold(value, "true")
	case model.IsFalse:
		return equalFold(value, "false")
	case model.IsLess, model.IsAtMost, model.IsGreater, model.IsAtLeast:
		return c.compare(semantics, value)
	}
	return false
}

func (c *clause) compare(semantics *Semantics, value string) bool {
	number, ok := semantics.number(value)
	if !ok {
		return false
	}
	switch c.relation {
	case model.IsLess:
		return number < c.number
	case model.IsAtMost:
		return number <= c.number
	case model.IsGreater:
		return number > c.number
	}
	return number >= c.number
}

// number reads a number for a comparison.
func (sem *Semantics) number(text string) (float64, bool) {
	if f, ok := shortDecimal(text); ok {
		return f, true // rounding would not change it
	}
	if !sem.RoundNumbers {
		return parseFeatBit(text)
	}
	f, ok := ParseNumber(text)
	return roundTo5(f), ok
}
