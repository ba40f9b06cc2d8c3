package conformance

import (
	"encoding/json"
	"strings"
)

const pictures = `{"showImages": true, "title": "Check out these pics!", "imagesPerPage": 100}`

// flags returns a snapshot of FeatBit with the flags that the scenarios assume. The ids
// of the variations are the variants of the scenarios.
func flags() string {
	const ballmer = `{"property":"email","op":"Equal","value":"ballmer@macrosoft.com"}`
	targeted := func(key, zero, other string) string {
		return flag{key: key, variations: []string{"zero", zero, "other", other}, rule: []string{ballmer}}.json()
	}
	disabled := func(key, fallback, other string) string {
		return flag{key: key, variations: []string{"off", fallback, "on", other}, disabled: true}.json()
	}
	all := []string{
		flag{key: "boolean-flag", variations: []string{"on", "true", "off", "false"}}.json(),
		flag{key: "string-flag", variations: []string{"greeting", "hi", "parting", "bye"}}.json(),
		flag{key: "integer-flag", variations: []string{"ten", "10", "one", "1"}}.json(),
		flag{key: "float-flag", variations: []string{"half", "0.5", "tenth", "0.1"}}.json(),
		flag{key: "object-flag", variations: []string{"template", pictures, "empty", "{}"}}.json(),
		flag{key: "boolean-zero-flag", variations: []string{"zero", "false"}}.json(),
		flag{key: "string-zero-flag", variations: []string{"zero", ""}}.json(),
		flag{key: "integer-zero-flag", variations: []string{"zero", "0"}}.json(),
		flag{key: "float-zero-flag", variations: []string{"zero", "0.0"}}.json(),
		flag{key: "object-zero-flag", variations: []string{"zero", "{}"}}.json(),
		targeted("boolean-targeted-zero-flag", "false", "true"),
		targeted("string-targeted-zero-flag", "", "str"),
		targeted("integer-targeted-zero-flag", "0", "1"),
		targeted("float-targeted-zero-flag", "0.0", "1.0"),
		targeted("object-targeted-zero-flag", "{}", `{"a": 1}`),
		// A flag that is off serves its off variation, here the default of the call.
		disabled("boolean-disabled-flag", "false", "true"),
		disabled("string-disabled-flag", "bye", "hi"),
		disabled("integer-disabled-flag", "1", "10"),
		disabled("float-disabled-flag", "0.1", "0.5"),
		disabled("object-disabled-flag", `{"a": 1}`, "{}"),
		flag{key: "metadata-flag", variations: []string{"on", "true"}}.json(),
		flag{key: "wrong-flag", variations: []string{"one", "uno", "two", "dos"}}.json(),
		flag{key: "context-aware", variations: []string{"external", "EXTERNAL", "internal", "INTERNAL"}, serveRule: "internal", rule: []string{
			`{"property":"fn","op":"Equal","value":"Sulisław"}`, `{"property":"ln","op":"Equal","value":"Świętopełk"}`,
			`{"property":"age","op":"Equal","value":"29"}`, `{"property":"customer","op":"IsFalse","value":""}`}}.json(),
		flag{key: "complex-targeted", variations: []string{"external", "EXTERNAL", "internal", "INTERNAL"}, serveRule: "internal", rule: []string{
			ballmer, `{"property":"role","op":"Equal","value":"admin"}`,
			`{"property":"age","op":"BiggerEqualThan","value":"65"}`, `{"property":"customer","op":"IsFalse","value":""}`}}.json(),
	}
	return `{"messageType":"data-sync","data":{"eventType":"full","segments":[],"featureFlags":[` + strings.Join(all, ",") + `]}}`
}

// flag is a flag that serves its first variation, also to users who match the rule
// unless serveRule names another one.
type flag struct {
	key        string
	variations []string // ids and values in turn
	rule       []string // conditions
	serveRule  string
	disabled   bool
}

func (f flag) json() string {
	serve := func(id string) any {
		return []any{map[string]any{"id": id, "rollout": []int{0, 1}, "exptRollout": 1}}
	}
	variations := []any{}
	for i := 0; i < len(f.variations); i += 2 {
		variations = append(variations, map[string]any{"id": f.variations[i], "value": f.variations[i+1]})
	}
	rules := []any{}
	if f.rule != nil {
		conditions := make([]json.RawMessage, len(f.rule))
		for i, c := range f.rule {
			conditions[i] = json.RawMessage(c)
		}
		to := f.serveRule
		if to == "" {
			to = f.variations[0]
		}
		rules = append(rules, map[string]any{"id": "r", "name": "r", "conditions": conditions, "variations": serve(to)})
	}
	text, err := json.Marshal(map[string]any{
		"id": f.key, "key": f.key, "name": f.key, "updatedAt": "2026-01-01T00:00:00Z", "isEnabled": !f.disabled, "variationType": "string",
		"disabledVariationId": f.variations[0], "variations": variations, "targetUsers": []any{}, "rules": rules,
		"fallthrough": map[string]any{"variations": serve(f.variations[0])},
	})
	if err != nil {
		panic(err)
	}
	return string(text)
}
