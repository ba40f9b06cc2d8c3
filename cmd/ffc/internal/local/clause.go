package local

import (
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// Operators of the simple form, by what they are followed by.
func textOperators() map[string]func(ffctest.Attribute, string) ffctest.Clause {
	return map[string]func(ffctest.Attribute, string) ffctest.Clause{
		"equal":         ffctest.Attribute.Equal,
		"notEqual":      ffctest.Attribute.NotEqual,
		"contains":      ffctest.Attribute.Contains,
		"notContains":   ffctest.Attribute.NotContains,
		"startsWith":    ffctest.Attribute.StartsWith,
		"endsWith":      ffctest.Attribute.EndsWith,
		"matchRegex":    ffctest.Attribute.MatchRegex,
		"notMatchRegex": ffctest.Attribute.NotMatchRegex,
	}
}

func listOperators() map[string]func(ffctest.Attribute, ...string) ffctest.Clause {
	return map[string]func(ffctest.Attribute, ...string) ffctest.Clause{
		"isOneOf":  ffctest.Attribute.IsOneOf,
		"notOneOf": ffctest.Attribute.NotOneOf,
	}
}

func numberOperators() map[string]func(ffctest.Attribute, string) ffctest.Clause {
	return map[string]func(ffctest.Attribute, string) ffctest.Clause{
		"lessThan":    ffctest.Attribute.LessThan,
		"atMost":      ffctest.Attribute.AtMost,
		"greaterThan": ffctest.Attribute.GreaterThan,
		"atLeast":     ffctest.Attribute.AtLeast,
	}
}

func bareOperators() map[string]func(ffctest.Attribute) ffctest.Clause {
	return map[string]func(ffctest.Attribute) ffctest.Clause{
		"isTrue":  ffctest.Attribute.IsTrue,
		"isFalse": ffctest.Attribute.IsFalse,
	}
}

const someOperator = "an operator, such as equal, isOneOf, atLeast or isTrue"

// clauses reads what a rule has after "if".
func (r *reader) clauses(rule *node) []ffctest.Clause {
	conditions := rule.get("if")
	if conditions == nil {
		panic(&mismatch{rule.start, `a rule with "if" and a list of conditions`, "one without"})
	}
	var out []ffctest.Clause
	for _, n := range listOf(conditions) {
		out = append(out, r.clause(n))
	}
	if len(out) == 0 {
		panic(&mismatch{conditions.start, "a list of conditions", "an empty one, which matches nobody"})
	}
	return out
}

func (r *reader) clause(n *node) ffctest.Clause {
	members := objectOf(n)
	if len(members) == 1 {
		switch m := members[0]; m.name {
		case "inSegment":
			return ffctest.InSegment(r.segmentRefs(m.value)...)
		case "notInSegment":
			return ffctest.NotInSegment(r.segmentRefs(m.value)...)
		}
	}
	name := n.get("attribute")
	if name == nil {
		panic(&mismatch{n.start, `a condition with "attribute", or with nothing but "inSegment" or "notInSegment"`, "another one"})
	}
	if s := textOf(name); s == "" || s == "User is in segment" || s == "User is not in segment" {
		fail(name, "the name of an attribute")
	}
	attribute := ffctest.Attr(name.text)
	members = slices.DeleteFunc(slices.Clone(members), func(m member) bool { return m.name == "attribute" })
	switch len(members) {
	case 0:
		panic(&mismatch{n.end - 1, someOperator, "the end of the condition"})
	case 1:
	default:
		panic(&mismatch{members[1].at, "one operator", "a second, " + quote(members[1].name)})
	}
	m := members[0]
	if op, ok := textOperators()[m.name]; ok {
		return op(attribute, textOf(m.value))
	}
	if op, ok := listOperators()[m.name]; ok {
		return op(attribute, texts(m.value)...)
	}
	if op, ok := numberOperators()[m.name]; ok {
		if m.value.kind != number {
			fail(m.value, "a number, without quotes")
		}
		return op(attribute, m.value.text)
	}
	if op, ok := bareOperators()[m.name]; ok {
		if !booleanOf(m.value) {
			fail(m.value, "true")
		}
		return op(attribute)
	}
	panic(&mismatch{m.at, someOperator, quote(m.name)})
}

// segmentRefs reads one id, or a list of them.
func (r *reader) segmentRefs(n *node) []string {
	items := []*node{n}
	if n.kind == list {
		items = n.items
	}
	var ids []string
	for _, item := range items {
		if id := textOf(item); !r.segments[id] {
			fail(item, "the id of a segment in this file")
		}
		ids = append(ids, item.text)
	}
	if len(ids) == 0 {
		panic(&mismatch{n.start, "the id of a segment", "an empty list"})
	}
	return ids
}

func texts(n *node) []string {
	var out []string
	for _, item := range listOf(n) {
		out = append(out, textOf(item))
	}
	return out
}
