package ffctest

import (
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// Clause is one condition of a rule. The methods of [Attribute], [InSegment] and
// [NotInSegment] make clauses.
type Clause struct{ clause model.Clause }

// Attribute is an attribute of users that conditions test. [Attr] makes
// attributes.
type Attribute struct{ name string }

// Attr names an attribute of users: "key", "name", "email", "country" or any
// custom attribute. It panics if name is empty.
func Attr(name string) Attribute {
	if name == "" {
		panic("ffctest: Attr needs the name of an attribute")
	}
	return Attribute{name: name}
}

func (a Attribute) is(relation model.Relation, operand string) Clause {
	return Clause{model.Clause{Property: a.name, Operator: model.OperatorOf(relation, false).Name, Value: operand}}
}

func (a Attribute) isNot(relation model.Relation, operand string) Clause {
	return Clause{model.Clause{Property: a.name, Operator: model.OperatorOf(relation, true).Name, Value: operand}}
}

// Equal matches users whose attribute is exactly value.
func (a Attribute) Equal(value string) Clause { return a.is(model.Equals, value) }

// NotEqual matches users that Equal does not match, including users without the
// attribute.
func (a Attribute) NotEqual(value string) Clause { return a.isNot(model.Equals, value) }

// Contains matches users whose attribute contains value.
func (a Attribute) Contains(value string) Clause { return a.is(model.Contains, value) }

// NotContains matches users that Contains does not match, including users
// without the attribute.
func (a Attribute) NotContains(value string) Clause { return a.isNot(model.Contains, value) }

// StartsWith matches users whose attribute begins with value.
func (a Attribute) StartsWith(value string) Clause { return a.is(model.StartsWith, value) }

// EndsWith matches users whose attribute ends with value.
func (a Attribute) EndsWith(value string) Clause { return a.is(model.EndsWith, value) }

// IsOneOf matches users whose attribute is exactly one of values.
func (a Attribute) IsOneOf(values ...string) Clause {
	return a.is(model.IsOneOf, flagjson.ListOperand(values))
}

// NotOneOf matches users that IsOneOf does not match, including users without
// the attribute.
func (a Attribute) NotOneOf(values ...string) Clause {
	return a.isNot(model.IsOneOf, flagjson.ListOperand(values))
}

// IsTrue matches users whose attribute is "true", in upper or lower case.
func (a Attribute) IsTrue() Clause { return a.is(model.IsTrue, "") }

// IsFalse matches users whose attribute is "false", in upper or lower case.
func (a Attribute) IsFalse() Clause { return a.is(model.IsFalse, "") }

// MatchRegex matches users whose attribute contains a match of pattern. It does
// not check pattern, so that tests can use an invalid one.
func (a Attribute) MatchRegex(pattern string) Clause { return a.is(model.MatchesPattern, pattern) }

// NotMatchRegex matches users that MatchRegex does not match, including users
// without the attribute.
func (a Attribute) NotMatchRegex(pattern string) Clause {
	return a.isNot(model.MatchesPattern, pattern)
}

// LessThan matches users whose attribute is a number < number. Like AtMost,
// GreaterThan and AtLeast it does not check number, so that tests can use other
// text.
func (a Attribute) LessThan(number string) Clause { return a.is(model.IsLess, number) }

// AtMost matches users whose attribute is a number <= number.
func (a Attribute) AtMost(number string) Clause { return a.is(model.IsAtMost, number) }

// GreaterThan matches users whose attribute is a number > number.
func (a Attribute) GreaterThan(number string) Clause { return a.is(model.IsGreater, number) }

// AtLeast matches users whose attribute is a number >= number.
func (a Attribute) AtLeast(number string) Clause { return a.is(model.IsAtLeast, number) }

// InSegment matches users that are in at least one of the segments. It panics
// without an id and if an id is empty.
func InSegment(ids ...string) Clause { return segmentClause(false, ids) }

// NotInSegment matches users that are in none of the segments. It panics without
// an id and if an id is empty.
func NotInSegment(ids ...string) Clause { return segmentClause(true, ids) }

// segmentClause has the operator as property, as the platforms write it.
func segmentClause(negated bool, ids []string) Clause {
	if len(ids) == 0 {
		panic("ffctest: a condition on segments needs at least one segment id")
	}
	if slices.Contains(ids, "") {
		panic("ffctest: a segment id is empty")
	}
	return Clause{model.Clause{Property: model.OperatorOf(model.IsInSegment, negated).Name, Value: flagjson.ListOperand(ids)}}
}

// checkClauses panics unless clauses can be a rule of owner, and returns them.
func checkClauses(owner string, clauses []Clause) []model.Clause {
	if len(clauses) == 0 {
		panic("ffctest: " + owner + " has a rule without conditions, which matches no user")
	}
	out := make([]model.Clause, len(clauses))
	for i, c := range clauses {
		if c == (Clause{}) {
			panic("ffctest: " + owner + " has an empty Clause in a rule")
		}
		out[i] = c.clause
	}
	return out
}
