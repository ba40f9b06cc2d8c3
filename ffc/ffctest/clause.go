package ffctest

import "encoding/json"

// Clause is one condition of a rule. It comes from the methods of [Attribute],
// from [InSegment] or from [NotInSegment].
type Clause struct{ property, operator, value string }

// Attribute is a property of users that conditions are written on.
type Attribute struct{ name string }

// Attr names a property of users: "key", "name", "email", "country" or any
// custom one.
func Attr(name string) Attribute {
	if name == "" {
		panic("ffctest: Attr needs the name of an attribute")
	}
	return Attribute{name: name}
}

func (a Attribute) is(operator, value string) Clause {
	return Clause{property: a.name, operator: operator, value: value}
}

// Equal matches users whose attribute is exactly value.
func (a Attribute) Equal(value string) Clause { return a.is("Equal", value) }

// NotEqual matches whoever Equal does not, users without the attribute too.
func (a Attribute) NotEqual(value string) Clause { return a.is("NotEqual", value) }

// Contains matches users whose attribute has value in it.
func (a Attribute) Contains(value string) Clause { return a.is("Contains", value) }

// NotContains matches whoever Contains does not, users without the attribute too.
func (a Attribute) NotContains(value string) Clause { return a.is("NotContain", value) }

// StartsWith matches users whose attribute begins with value.
func (a Attribute) StartsWith(value string) Clause { return a.is("StartsWith", value) }

// EndsWith matches users whose attribute ends with value.
func (a Attribute) EndsWith(value string) Clause { return a.is("EndsWith", value) }

// IsOneOf matches users whose attribute is exactly one of values.
func (a Attribute) IsOneOf(values ...string) Clause { return a.is("IsOneOf", list(values)) }

// NotOneOf matches whoever IsOneOf does not, users without the attribute too.
func (a Attribute) NotOneOf(values ...string) Clause { return a.is("NotOneOf", list(values)) }

// IsTrue matches users whose attribute is "true" in any case.
func (a Attribute) IsTrue() Clause { return a.is("IsTrue", "") }

// IsFalse matches users whose attribute is "false" in any case.
func (a Attribute) IsFalse() Clause { return a.is("IsFalse", "") }

// MatchRegex matches users in whose attribute pattern is found. The pattern is
// not checked here: one that does not compile is something to test with.
func (a Attribute) MatchRegex(pattern string) Clause { return a.is("MatchRegex", pattern) }

// NotMatchRegex matches whoever MatchRegex does not, users without the
// attribute too.
func (a Attribute) NotMatchRegex(pattern string) Clause { return a.is("NotMatchRegex", pattern) }

// LessThan matches users whose attribute is a number < number. Neither side is
// checked here: text that is no number is something to test with.
func (a Attribute) LessThan(number string) Clause { return a.is("LessThan", number) }

// AtMost matches users whose attribute is a number <= number.
func (a Attribute) AtMost(number string) Clause { return a.is("LessEqualThan", number) }

// GreaterThan matches users whose attribute is a number > number.
func (a Attribute) GreaterThan(number string) Clause { return a.is("BiggerThan", number) }

// AtLeast matches users whose attribute is a number >= number.
func (a Attribute) AtLeast(number string) Clause { return a.is("BiggerEqualThan", number) }

// InSegment matches users that are in at least one of the segments.
func InSegment(ids ...string) Clause { return segmentClause("User is in segment", ids) }

// NotInSegment matches users that are in none of the segments.
func NotInSegment(ids ...string) Clause { return segmentClause("User is not in segment", ids) }

// segmentClause has no operator: that is how the platform writes it.
func segmentClause(property string, ids []string) Clause {
	if len(ids) == 0 {
		panic("ffctest: a condition on segments needs at least one segment id")
	}
	for _, id := range ids {
		if id == "" {
			panic("ffctest: a segment id is empty")
		}
	}
	return Clause{property: property, value: list(ids)}
}

// list is how the platform writes several values into one: as JSON text.
func list(values []string) string {
	if len(values) == 0 {
		return "[]"
	}
	text, err := json.Marshal(values)
	if err != nil {
		panic("ffctest: " + err.Error()) // strings always marshal
	}
	return string(text)
}

// checkClauses panics unless clauses can be a rule of owner, and returns a copy.
func checkClauses(owner string, clauses []Clause) []Clause {
	if len(clauses) == 0 {
		panic("ffctest: " + owner + " has a rule without conditions, which matches nobody")
	}
	for _, c := range clauses {
		if c == (Clause{}) {
			panic("ffctest: " + owner + " has an empty Clause in a rule")
		}
	}
	return append([]Clause(nil), clauses...)
}
