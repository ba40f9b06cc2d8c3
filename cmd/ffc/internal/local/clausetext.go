package local

import (
	"encoding/json"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// inWords returns the conditions of a rule in words: "country is one of FR, BE and
// plan is pro".
func inWords(clauses []model.Clause) string {
	if len(clauses) == 0 {
		return "no conditions"
	}
	parts := make([]string, len(clauses))
	for i, c := range clauses {
		parts[i] = clauseInWords(c)
	}
	return strings.Join(parts, " and ")
}

func clauseInWords(c model.Clause) string {
	if c.Malformed != "" {
		return "a condition that cannot be read"
	}
	if o := model.OperatorNamed(c.Property); o.Operand == model.SegmentsOperand {
		return o.Words + " " + listInWords(c.Value, " or ")
	}
	attribute := c.Property
	if strings.EqualFold(attribute, "keyId") {
		attribute = "key"
	}
	o := model.OperatorNamed(c.Operator)
	words := operand(attribute) + " " + o.Words
	switch {
	case o.Relation == model.NoRelation:
		return operand(attribute) + " has the unknown operator " + flagfile.Quote(c.Operator) + " with " + operand(c.Value)
	case o.Operand == model.NoOperand:
		return words
	case o.Operand == model.ListOperand:
		return words + " " + listInWords(c.Value, ", ")
	}
	return words + " " + operand(c.Value)
}

// operand quotes a text that would be invisible or ambiguous.
func operand(s string) string {
	if s == "" || strings.TrimSpace(s) != s || strings.ContainsAny(s, ",\"\n") || strings.Contains(s, " and ") {
		return string(flagfile.MarshalText(s))
	}
	return s
}

// listInWords reads a list, which the platform writes as JSON text.
func listInWords(value, separator string) string {
	var items []string
	if json.Unmarshal([]byte(value), &items) != nil {
		return operand(value)
	}
	if len(items) == 0 {
		return "nothing"
	}
	for i, item := range items {
		items[i] = operand(item)
	}
	return strings.Join(items, separator)
}
