package model

import "iter"

// Operator is a row of the table of operators: how a clause tests an attribute.
// The zero Operator is an unknown operator, which no user matches.
type Operator struct {
	// Name is the operator in the data of the platforms. Names are exact:
	// "notequal" is unknown.
	Name     string
	Relation Relation
	// Negated: the clause matches users for whom the relation does not hold.
	Negated bool
	// Operand is the kind of value that the attribute is compared with.
	Operand Operand
	// FileName is the operator in flag files.
	FileName string
	// Words are the operator in sentences: "country is one of FR, BE".
	Words string
}

// Relation is a relation between an attribute and an operand.
type Relation uint8

// The relations.
const (
	NoRelation Relation = iota // it never holds
	Equals
	Contains
	StartsWith
	EndsWith
	IsOneOf
	IsTrue
	IsFalse
	MatchesPattern
	IsLess
	IsAtMost
	IsGreater
	IsAtLeast
	IsInSegment
)

// Operand is a kind of operand.
type Operand uint8

// The kinds of operands.
const (
	NoOperand Operand = iota
	TextOperand
	PatternOperand  // a regular expression
	NumberOperand   // a number, as text
	ListOperand     // a JSON array of strings, as text
	SegmentsOperand // as ListOperand, with ids of segments; there is no attribute
)

// operators is the table. The protocol reference, section 6.3, and the FeatBit
// reference, section 6.2, say when a relation holds.
var operators = [...]Operator{
	{"Equal", Equals, false, TextOperand, "equal", "is"},
	{"NotEqual", Equals, true, TextOperand, "notEqual", "is not"},
	{"Contains", Contains, false, TextOperand, "contains", "contains"},
	{"NotContain", Contains, true, TextOperand, "notContains", "does not contain"},
	{"StartsWith", StartsWith, false, TextOperand, "startsWith", "starts with"},
	{"EndsWith", EndsWith, false, TextOperand, "endsWith", "ends with"},
	{"IsOneOf", IsOneOf, false, ListOperand, "isOneOf", "is one of"},
	{"NotOneOf", IsOneOf, true, ListOperand, "notOneOf", "is not one of"},
	{"IsTrue", IsTrue, false, NoOperand, "isTrue", "is true"},
	{"IsFalse", IsFalse, false, NoOperand, "isFalse", "is false"},
	{"MatchRegex", MatchesPattern, false, PatternOperand, "matchRegex", "matches"},
	{"NotMatchRegex", MatchesPattern, true, PatternOperand, "notMatchRegex", "does not match"},
	{"LessThan", IsLess, false, NumberOperand, "lessThan", "is less than"},
	{"LessEqualThan", IsAtMost, false, NumberOperand, "atMost", "is at most"},
	{"BiggerThan", IsGreater, false, NumberOperand, "greaterThan", "is more than"},
	{"BiggerEqualThan", IsAtLeast, false, NumberOperand, "atLeast", "is at least"},
	{"User is in segment", IsInSegment, false, SegmentsOperand, "inSegment", "is in segment"},
	{"User is not in segment", IsInSegment, true, SegmentsOperand, "notInSegment", "is not in segment"},
}

// Operators returns the rows of the table.
func Operators() iter.Seq[Operator] {
	return func(yield func(Operator) bool) {
		for _, o := range operators {
			if !yield(o) {
				return
			}
		}
	}
}

// OperatorNamed returns the operator with a name of the platforms; the zero
// Operator if there is none.
func OperatorNamed(name string) Operator {
	for i := range operators {
		if operators[i].Name == name {
			return operators[i]
		}
	}
	return Operator{}
}

// OperatorInFile returns the operator with a name of flag files; the zero
// Operator if there is none.
func OperatorInFile(name string) Operator {
	for i := range operators {
		if operators[i].FileName == name {
			return operators[i]
		}
	}
	return Operator{}
}

// OperatorOf returns the operator of a relation.
func OperatorOf(relation Relation, negated bool) Operator {
	for i := range operators {
		if operators[i].Relation == relation && operators[i].Negated == negated {
			return operators[i]
		}
	}
	return Operator{}
}
