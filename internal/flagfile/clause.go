package flagfile

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

const anOperator = "an operator, such as equal, isOneOf, atLeast or isTrue"

// clauses reads the conditions of a rule.
func (r *reader) clauses(rule *node) []model.Clause {
	conditions := rule.get("if")
	if conditions == nil {
		panic(&Mismatch{rule.start, `a rule with "if" and a list of conditions`, "one without"})
	}
	var out []model.Clause
	for n := range listOf(conditions) {
		out = append(out, r.clause(n))
	}
	if len(out) == 0 {
		panic(&Mismatch{conditions.start, "a list of conditions", "an empty list, which matches no user"})
	}
	return out
}

func (r *reader) clause(n *node) model.Clause {
	members := objectOf(n)
	if len(members) == 1 {
		if o := model.OperatorInFile(members[0].name); o.Operand == model.SegmentsOperand {
			return model.Clause{Property: o.Name, Value: flagjson.ListOperand(r.segmentRefs(&members[0].value))}
		}
	}
	attribute := n.get("attribute")
	if attribute == nil {
		panic(&Mismatch{n.start, `a condition with "attribute", or with nothing but "inSegment" or "notInSegment"`, "another one"})
	}
	if s := textOf(attribute); s == "" || model.OperatorNamed(s).Operand == model.SegmentsOperand {
		fail(attribute, "the name of an attribute")
	}
	var with *member // the operator with its operand
	for i := range members {
		switch m := &members[i]; {
		case m.name == "attribute":
		case with == nil:
			with = m
		default:
			panic(&Mismatch{m.at, "one operator", "a second, " + Quote(m.name)})
		}
	}
	if with == nil {
		panic(&Mismatch{n.end - 1, anOperator, "the end of the condition"})
	}
	o := model.OperatorInFile(with.name)
	return model.Clause{Property: attribute.text(), Operator: o.Name, Value: operand(o, with)}
}

// operand reads what an operator compares with, and writes it as the platforms do.
func operand(o model.Operator, m *member) string {
	switch o.Operand {
	case model.TextOperand, model.PatternOperand:
		return textOf(&m.value)
	case model.ListOperand:
		return flagjson.ListOperand(texts(&m.value))
	case model.NumberOperand:
		if m.value.kind != number {
			fail(&m.value, "a number, without quotes")
		}
		return m.value.text()
	case model.NoOperand:
		if o.Relation == model.NoRelation {
			break
		}
		if !booleanOf(&m.value) {
			fail(&m.value, "true")
		}
		return ""
	}
	panic(&Mismatch{m.at, anOperator, Quote(m.name)})
}

// segmentRefs reads one id, or a list of ids.
func (r *reader) segmentRefs(n *node) []string {
	var ids []string
	read := func(item *node) {
		id := textOf(item)
		if !r.segments[id] {
			fail(item, "the id of a segment in this file")
		}
		ids = append(ids, id)
	}
	if n.kind != list {
		read(n)
	}
	for item := range n.items() {
		read(item)
	}
	if len(ids) == 0 {
		panic(&Mismatch{n.start, "the id of a segment", "an empty list"})
	}
	return ids
}

func texts(n *node) []string {
	var out []string
	for item := range listOf(n) {
		out = append(out, textOf(item))
	}
	return out
}
