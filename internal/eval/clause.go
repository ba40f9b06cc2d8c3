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
	op        operator
	negate    bool
	attribute attributeRef
	text      string  // operand of the text operators
	number    float64 // operand of the comparisons
	*operands         // nil for most clauses, of which there can be many
}

// operands are those of few clauses.
type operands struct {
	set      textSet     // of opOneOf
	pattern  *pattern    // of opRegexp
	segments []segmentID // of opSegment
	err      error       // what is wrong with the clause, if anything
}

// problem is what is wrong with the clause, if anything.
func (c *clause) problem() error {
	if c.operands == nil {
		return nil
	}
	return c.err
}

// operator is what a clause does with the attribute.
type operator uint8

const (
	opNever operator = iota // unknown, or its operand makes no sense
	opEqual
	opContains
	opPrefix
	opSuffix
	opOneOf
	opTrue
	opFalse
	opRegexp
	opLess
	opLessEqual
	opGreater
	opGreaterEqual
	opSegment // the last of those that can be decided
	opMalformed
)

// operatorOf maps the platform's names (protocol reference, section 6.3).
// Names are exact: "notequal" is no operator.
func operatorOf(name string) (op operator, negate bool) {
	switch name {
	case "Equal":
		return opEqual, false
	case "NotEqual":
		return opEqual, true
	case "Contains":
		return opContains, false
	case "NotContain":
		return opContains, true
	case "StartsWith":
		return opPrefix, false
	case "EndsWith":
		return opSuffix, false
	case "IsOneOf":
		return opOneOf, false
	case "NotOneOf":
		return opOneOf, true
	case "IsTrue":
		return opTrue, false
	case "IsFalse":
		return opFalse, false
	case "MatchRegex":
		return opRegexp, false
	case "NotMatchRegex":
		return opRegexp, true
	case "LessThan":
		return opLess, false
	case "LessEqualThan":
		return opLessEqual, false
	case "BiggerThan":
		return opGreater, false
	case "BiggerEqualThan":
		return opGreaterEqual, false
	case "User is in segment":
		return opSegment, false
	case "User is not in segment":
		return opSegment, true
	}
	return opNever, false
}

// operator returns what a clause does.
func (r *Rules) operator(m *model.Clause) (op operator, negate bool) {
	if !r.SegmentsByProperty {
		if m.Operator == "" { // segment clauses have it as property
			if op, negate = operatorOf(m.Property); op >= opLess && op <= opGreaterEqual {
				op = opNever // comparisons are never written like that
			}
			return op, negate
		}
		return operatorOf(m.Operator)
	}
	if op, negate = operatorOf(m.Property); op == opSegment {
		return op, negate
	}
	if op, negate = operatorOf(m.Operator); op == opSegment {
		return opNever, false
	}
	return op, negate
}

// compileClause returns the clause of the owner. A clause with a problem is still
// a clause.
func (r *Rules) compileClause(m *model.Clause, owner *patternOwner) clause {
	c, err := r.clauseOf(m, owner)
	if err != nil {
		if c.operands == nil {
			c.operands = &operands{}
		}
		c.err = err
	}
	return c
}

var (
	errUnknownOperator = errors.New("its operator is unknown, so it never matches")
	errNoNumber        = errors.New("its value is not a number, so it never matches")
)

func (r *Rules) clauseOf(m *model.Clause, owner *patternOwner) (clause, error) {
	c := clause{attribute: r.attribute(m.Property), text: m.Value}
	if m.Malformed != "" {
		c.op = opMalformed
		return c, errors.New(m.Malformed)
	}
	c.op, c.negate = r.operator(m)
	if r.EmptyIsMissing && m.Value == "" {
		switch c.op {
		case opEqual, opContains, opPrefix, opSuffix, opRegexp:
			c.op = opNever // keeps negate: nothing equals an empty value
			return c, nil
		}
	}
	var err error
	switch c.op {
	case opNever:
		return c, errUnknownOperator
	case opOneOf:
		var list model.List
		if list, err = r.parseList(m.Value); err != nil {
			c.op = opNever
		}
		c.operands = &operands{set: newTextSet(list)}
	case opSegment:
		var list model.List
		list, err = r.parseList(m.Value)
		c.operands = &operands{segments: segmentIDs(list)}
	case opRegexp:
		c.operands = &operands{}
		if c.pattern, err = r.compilePattern(m.Value, owner); err != nil {
			// Neither polarity: malformed data must not let a user in.
			c.op, c.negate = opNever, false
		}
	case opLess, opLessEqual, opGreater, opGreaterEqual:
		number, ok := r.number(m.Value)
		if !ok {
			c.op = opNever
			return c, errNoNumber
		}
		c.number = number
	}
	if r.Strict && err != nil {
		c.op = opMalformed
	}
	return c, err
}

// parseList reads a JSON array. Only strings in it can equal an attribute. If
// the rules are strict, null may stand for a list without elements, and other
// elements than strings and null are an error.
func (r *Rules) parseList(text string) (list model.List, err error) {
	array := unsafe.Slice(unsafe.StringData(text), len(text)) // only read
	array = bytes.Trim(array, " \t\r\n")
	if err := jsontext.Check(array); err != nil {
		return list, errNoList
	}
	if r.Strict && string(array) == "null" {
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
		case r.Strict && !jsontext.IsNull(element):
			return model.List{}, errNoList
		}
	}
	list.Text = string(all)
	return list, nil
}

var errNoList = errors.New("its value is not a JSON array of strings")

func (c *clause) test(rules *Rules, value string) bool {
	switch c.op {
	case opEqual:
		return value == c.text
	case opContains:
		return strings.Contains(value, c.text)
	case opPrefix:
		return strings.HasPrefix(value, c.text)
	case opSuffix:
		return strings.HasSuffix(value, c.text)
	case opOneOf:
		return c.set.has(value)
	case opTrue:
		return equalFold(value, "true")
	case opFalse:
		return equalFold(value, "false")
	case opLess, opLessEqual, opGreater, opGreaterEqual:
		return c.compare(rules, value)
	}
	return false
}

func (c *clause) compare(rules *Rules, value string) bool {
	number, ok := rules.number(value)
	if !ok {
		return false
	}
	switch c.op {
	case opLess:
		return number < c.number
	case opLessEqual:
		return number <= c.number
	case opGreater:
		return number > c.number
	}
	return number >= c.number
}

// number reads a number as the comparisons see it.
func (r *Rules) number(text string) (float64, bool) {
	if f, ok := shortDecimal(text); ok {
		return f, true // rounding would not change it
	}
	if !r.RoundNumbers {
		return parseFeatBit(text)
	}
	f, ok := ParseNumber(text)
	return roundTo5(f), ok
}
