package local

import (
	"encoding/json"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// inWords says what a rule asks for: "country is one of FR, BE and plan is pro".
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
	switch c.Property {
	case "User is in segment":
		return "is in segment " + listInWords(c.Value, " or ")
	case "User is not in segment":
		return "is not in segment " + listInWords(c.Value, " or ")
	}
	attribute := c.Property
	if strings.EqualFold(attribute, "keyId") {
		attribute = "key"
	}
	attribute = operand(attribute)
	switch c.Operator {
	case "IsTrue":
		return attribute + " is true"
	case "IsFalse":
		return attribute + " is false"
	case "IsOneOf":
		return attribute + " is one of " + listInWords(c.Value, ", ")
	case "NotOneOf":
		return attribute + " is none of " + listInWords(c.Value, ", ")
	}
	return attribute + " " + verb(c.Operator) + " " + operand(c.Value)
}

func verb(operator string) string {
	switch operator {
	case "Equal":
		return "is"
	case "NotEqual":
		return "is not"
	case "Contains":
		return "contains"
	case "NotContain":
		return "does not contain"
	case "StartsWith":
		return "starts with"
	case "EndsWith":
		return "ends with"
	case "MatchRegex":
		return "matches"
	case "NotMatchRegex":
		return "does not match"
	case "LessThan":
		return "is less than"
	case "LessEqualThan":
		return "is at most"
	case "BiggerThan":
		return "is more than"
	case "BiggerEqualThan":
		return "is at least"
	}
	return "has the unknown operator " + flagfile.Quote(operator) + " with"
}

// operand quotes a text that would not be seen, or would be misread.
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
