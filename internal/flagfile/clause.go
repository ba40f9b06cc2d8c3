package flagfile

import (
	"slices"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// Operators of the simple form, by what they are followed by; nil if the name is
// none of them. There are as many calls as conditions, so these are no maps.

func textOperator(name string) func(ffctest.Attribute, string) ffctest.Clause {
	switch name {
	case "equal":
		return ffctest.Attribute.Equal
	case "notEqual":
		return ffctest.Attribute.NotEqual
	case "contains":
		return ffctest.Attribute.Contains
	case "notContains":
		return ffctest.Attribute.NotContains
	case "startsWith":
		return ffctest.Attribute.StartsWith
	case "endsWith":
		return ffctest.Attribute.EndsWith
	case "matchRegex":
		return ffctest.Attribute.MatchRegex
	case "notMatchRegex":
		return ffctest.Attribute.NotMatchRegex
	}
	return nil
}

func listOperator(name string) func(ffctest.Attribute, ...string) ffctest.Clause {
	switch name {
	case "isOneOf":
		return ffctest.Attribute.IsOneOf
	case "notOneOf":
		return ffctest.Attribute.NotOneOf
	}
	return nil
}

func numberOperator(name string) func(ffctest.Attribute, string) ffctest.Clause {
	switch name {
	case "lessThan":
		return ffctest.Attribute.LessThan
	case "atMost":
		return ffctest.Attribute.AtMost
	case "greaterThan":
		return ffctest.Attribute.GreaterThan
	case "atLeast":
		return ffctest.Attribute.AtLeast
	}
	return nil
}

func bareOperator(name string) func(ffctest.Attribute) ffctest.Clause {
	switch name {
	case "isTrue":
		return ffctest.Attribute.IsTrue
	case "isFalse":
		return ffctest.Attribute.IsFalse
	}
	return nil
}

const someOperator = "an operator, such as equal, isOneOf, atLeast or isTrue"

// clauses reads what a rule has after "if".
func (r *reader) clauses(rule *node) []ffctest.Clause {
	conditions := rule.get("if")
	if conditions == nil {
		panic(&Mismatch{rule.start, `a rule with "if" and a list of conditions`, "one without"})
	}
	var out []ffctest.Clause
	for _, n := range listOf(conditions) {
		out = append(out, r.clause(n))
	}
	if len(out) == 0 {
		panic(&Mismatch{conditions.start, "a list of conditions", "an empty one, which matches nobody"})
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
		panic(&Mismatch{n.start, `a condition with "attribute", or with nothing but "inSegment" or "notInSegment"`, "another one"})
	}
	if s := textOf(name); s == "" || s == "User is in segment" || s == "User is not in segment" {
		fail(name, "the name of an attribute")
	}
	attribute := ffctest.Attr(name.text)
	members = slices.DeleteFunc(slices.Clone(members), func(m member) bool { return m.name == "attribute" })
	switch len(members) {
	case 0:
		panic(&Mismatch{n.end - 1, someOperator, "the end of the condition"})
	case 1:
	default:
		panic(&Mismatch{members[1].at, "one operator", "a second, " + Quote(members[1].name)})
	}
	m := members[0]
	if op := textOperator(m.name); op != nil {
		return op(attribute, textOf(m.value))
	}
	if op := listOperator(m.name); op != nil {
		return op(attribute, texts(m.value)...)
	}
	if op := numberOperator(m.name); op != nil {
		if m.value.kind != number {
			fail(m.value, "a number, without quotes")
		}
		return op(attribute, m.value.text)
	}
	if op := bareOperator(m.name); op != nil {
		if !booleanOf(m.value) {
			fail(m.value, "true")
		}
		return op(attribute)
	}
	panic(&Mismatch{m.at, someOperator, Quote(m.name)})
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
		panic(&Mismatch{n.start, "the id of a segment", "an empty list"})
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
