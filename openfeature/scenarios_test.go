package ffcopenfeature_test

import (
	"context"
	"encoding/json"
	"reflect"
	"slices"
	"testing"
	"time"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
)

// The scenarios of OpenFeature's specification that are about providers:
// specification/assets/provider-tck/gherkin and, where these say nothing,
// specification/assets/gherkin. They are restated here, under their names.
//
// Variants are the platform's ids of the variations, which count from 1, in
// place of the names in the scenarios. The platform needs a targeting key, so
// each scenario has one unless it is about its absence.

// canonicalFlags are the flags that the scenarios assume.
func canonicalFlags() []ffctest.Item {
	const ballmer = "ballmer@macrosoft.com"
	flag := ffctest.Flag
	targeted := func(key, zero, other string) ffctest.Item {
		return flag(key).Variations(zero, other).Rule(zero, ffctest.Attr("email").Equal(ballmer)).Serve(zero)
	}
	return []ffctest.Item{
		flag("boolean-flag").Variations("true", "false"),
		flag("string-flag").Variations("hi", "bye"),
		flag("integer-flag").Variations("1", "10").Serve("10"),
		flag("float-flag").Variations("0.1", "0.5").Serve("0.5"),
		flag("large-integer-flag").Variations("1", "2147483647").Serve("2147483647"),
		flag("huge-integer-flag").Variations("1", "9007199254740991").Serve("9007199254740991"),
		flag("integral-float-flag").Variations("0.1", "10.0").Serve("10.0"),
		flag("boolean-zero-flag").Variations("false", "true"),
		flag("integer-zero-flag").Variations("0", "1"),
		flag("float-zero-flag").Variations("0.0", "1.0"),
		flag("string-zero-flag").Variations("", "str"),
		flag("object-flag").Variations("{}", pictures).Serve(pictures),
		flag("wrong-flag").Variations("uno", "dos"),
		flag("disabled-boolean-flag").Variations("true", "false").OffVariation("true").Off(),
		flag("disabled-string-flag").Variations("hi", "bye").OffVariation("hi").Off(),
		flag("targeting-key-flag").Variations("miss", "hit").Target("hit", hitKey).Serve("miss"),
		flag("changing-flag").Variations("foo", "bar"),
		targeted("boolean-targeted-zero-flag", "false", "true"),
		targeted("string-targeted-zero-flag", "", "str"),
		targeted("integer-targeted-zero-flag", "0", "1"),
		targeted("float-targeted-zero-flag", "0.0", "1.0"),
		targeted("object-targeted-zero-flag", "{}", `{"a": 1}`),
		flag("context-aware").Variations("INTERNAL", "EXTERNAL").Serve("EXTERNAL").
			Rule("INTERNAL", ffctest.Attr("fn").Equal("Sulisław"), ffctest.Attr("ln").Equal("Świętopełk"),
				ffctest.Attr("age").Equal("29"), ffctest.Attr("customer").IsFalse()).
			Rule("INTERNAL", ffctest.Attr("email").Equal(ballmer), ffctest.Attr("role").Equal("admin"),
				ffctest.Attr("age").AtLeast("65"), ffctest.Attr("customer").IsFalse()),
	}
}

const (
	pictures = `{"showImages": true, "title": "Check out these pics!", "imagesPerPage": 100}`
	hitKey   = "5c3d8535-f81a-4478-a6d3-afaa4d51199e"
	missKey  = "f20bd32d-703b-48b6-bc8e-79d53c85134a"
)

// object is a JSON text as an object flag's value.
func object(text string) (value any) {
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		panic(err)
	}
	return value
}

// evaluate asks for a flag as the type of the default.
func evaluate(ctx context.Context, flags *of.Client, key string, fallback any, evalCtx of.EvaluationContext) (any, of.EvaluationDetails) {
	switch v := fallback.(type) {
	case bool:
		d, _ := flags.BooleanValueDetails(ctx, key, v, evalCtx)
		return d.Value, d.EvaluationDetails
	case string:
		d, _ := flags.StringValueDetails(ctx, key, v, evalCtx)
		return d.Value, d.EvaluationDetails
	case int64:
		d, _ := flags.IntValueDetails(ctx, key, v, evalCtx)
		return d.Value, d.EvaluationDetails
	case float64:
		d, _ := flags.FloatValueDetails(ctx, key, v, evalCtx)
		return d.Value, d.EvaluationDetails
	}
	d, _ := flags.ObjectValueDetails(ctx, key, fallback, evalCtx)
	return d.Value, d.EvaluationDetails
}

// scenario is one evaluation. An empty reason or variant is not looked at.
type scenario struct {
	name     string
	flag     string
	fallback any
	context  map[string]any // "targetingKey" is the targeting key
	value    any
	reason   of.Reason
	variant  string
	code     of.ErrorCode
}

func (s scenario) run(t *testing.T, flags *of.Client) {
	t.Helper()
	attributes := map[string]any{of.TargetingKey: "user-1"}
	for name, value := range s.context {
		attributes[name] = value
	}
	key, _ := attributes[of.TargetingKey].(string)
	delete(attributes, of.TargetingKey)
	value, d := evaluate(t.Context(), flags, s.flag, s.fallback, of.NewEvaluationContext(key, attributes))
	if !reflect.DeepEqual(value, s.value) {
		t.Errorf("%s as %T: got %v, want %v", s.flag, s.fallback, value, s.value)
	}
	if d.ErrorCode != s.code || (d.ErrorMessage == "") != (s.code == "") || d.FlagKey != s.flag {
		t.Errorf("%s as %T: got %+v, want code %q", s.flag, s.fallback, d, s.code)
	}
	if s.code != "" && d.Reason != of.ErrorReason || s.reason != "" && d.Reason != s.reason || s.variant != "" && d.Variant != s.variant {
		t.Errorf("%s as %T: got %+v, want reason %q, variant %q", s.flag, s.fallback, d, s.reason, s.variant)
	}
}

const mismatch = of.TypeMismatchCode

func TestScenarios(t *testing.T) {
	t.Parallel()
	ballmer := map[string]any{"email": "ballmer@macrosoft.com"}
	none := map[string]any{"email": "ballmer@none.com"}
	null := map[string]any{"email": nil}
	fallbackObject := object(`{"a": 1}`)
	targeting := func(key string) map[string]any { return map[string]any{of.TargetingKey: key} }
	files := map[string][]scenario{
		"provider-tck/evaluation": {
			{name: "Resolve values with reason", flag: "boolean-flag", fallback: false, value: true},
			{name: "Resolve values with reason", flag: "string-flag", fallback: "bye", value: "hi"},
			{name: "Resolve values with reason", flag: "integer-flag", fallback: int64(1), value: int64(10)},
			{name: "Resolve values with reason", flag: "float-flag", fallback: 0.1, value: 0.5},
			{name: "A falsy value is a value, not an absence", flag: "boolean-zero-flag", fallback: true, value: false},
			{name: "A falsy value is a value, not an absence", flag: "integer-zero-flag", fallback: int64(1), value: int64(0)},
			{name: "A falsy value is a value, not an absence", flag: "string-zero-flag", fallback: "fallback", value: ""},
			{name: "The resolved details name the variant", flag: "boolean-flag", fallback: false, value: true, variant: "1"},
			{name: "The resolved details name the variant", flag: "string-flag", fallback: "bye", value: "hi", variant: "1"},
			{name: "The resolved details name the variant", flag: "integer-flag", fallback: int64(1), value: int64(10), variant: "2"},
			{name: "The resolved details name the variant", flag: "float-flag", fallback: 0.1, value: 0.5, variant: "2"},
			{name: "The resolved details name the variant", flag: "boolean-zero-flag", fallback: true, value: false, variant: "1"},
			{name: "The resolved details name the variant", flag: "integer-zero-flag", fallback: int64(1), value: int64(0), variant: "1"},
			{name: "The resolved details name the variant", flag: "string-zero-flag", fallback: "fallback", value: "", variant: "1"},
			{name: "The resolved details name the variant", flag: "large-integer-flag", fallback: int64(1), value: int64(2147483647), variant: "2"},
			{name: "A large integer resolves without loss of precision", flag: "large-integer-flag", fallback: int64(1), value: int64(2147483647)},
			{name: "An integer beyond 32 bits resolves without loss of precision", flag: "huge-integer-flag", fallback: int64(1), value: int64(9007199254740991)},
			{name: "An integer flag resolves as an integer", flag: "integer-flag", fallback: int64(1), value: int64(10)},
			{name: "A float flag resolves as a float", flag: "float-flag", fallback: 0.1, value: 0.5},
			{name: "Resolve a structured value", flag: "object-flag", fallback: object("{}"), value: object(pictures)},
			{name: "Supplying an evaluation context does not disturb an untargeted resolution", flag: "string-flag", fallback: "bye", context: targeting(missKey), value: "hi"},
			{name: "A matching evaluation context resolves the targeted variant", flag: "targeting-key-flag", fallback: "fallback", context: targeting(hitKey), value: "hit"},
			{name: "A non-matching evaluation context resolves the default variant", flag: "targeting-key-flag", fallback: "fallback", context: targeting(missKey), value: "miss"},
		},
		"provider-tck/errors": {
			{name: "Requesting the wrong type returns the code default", flag: "string-flag", fallback: false, value: false, code: mismatch},
			{name: "Requesting the wrong type returns the code default", flag: "string-flag", fallback: int64(1), value: int64(1), code: mismatch},
			{name: "Requesting the wrong type returns the code default", flag: "string-flag", fallback: 0.1, value: 0.1, code: mismatch},
			{name: "Requesting the wrong type returns the code default", flag: "wrong-flag", fallback: false, value: false, code: mismatch},
			{name: "Requesting the wrong type returns the code default", flag: "boolean-flag", fallback: int64(1), value: int64(1), code: mismatch},
			{name: "Requesting the wrong type returns the code default", flag: "boolean-flag", fallback: 0.1, value: 0.1, code: mismatch},
			{name: "Requesting the wrong type returns the code default", flag: "integer-flag", fallback: false, value: false, code: mismatch},
			{name: "Requesting the wrong type returns the code default", flag: "float-flag", fallback: false, value: false, code: mismatch},
			{name: "Requesting a structured flag as a scalar returns the code default", flag: "object-flag", fallback: false, value: false, code: mismatch},
			{name: "Requesting a structured flag as a scalar returns the code default", flag: "object-flag", fallback: int64(1), value: int64(1), code: mismatch},
			{name: "Requesting a structured flag as a scalar returns the code default", flag: "object-flag", fallback: 0.1, value: 0.1, code: mismatch},
			{name: "A float flag is not silently narrowed to an integer", flag: "float-flag", fallback: int64(1), value: int64(1), code: mismatch},
			{name: "An integral float is an integer (named in the comment of the one before)", flag: "integral-float-flag", fallback: int64(1), value: int64(10)},
			{name: "An unknown flag key returns the code default", flag: "missing-flag", fallback: "fallback", value: "fallback", code: of.FlagNotFoundCode},
		},
		"provider-tck/reason": {
			{name: "An unknown flag reports an error", flag: "missing-flag", fallback: "fallback", value: "fallback", reason: of.ErrorReason, code: of.FlagNotFoundCode},
			{name: "A matching targeting rule reports a targeting match", flag: "targeting-key-flag", fallback: "fallback", context: targeting(hitKey), value: "hit", reason: of.TargetingMatchReason},
			{name: "A targeting rule that does not match reports the default", flag: "targeting-key-flag", fallback: "fallback", context: targeting(missKey), value: "miss", reason: of.DefaultReason},
			{name: "A flag with no targeting rules resolves statically", flag: "boolean-flag", fallback: false, value: true, reason: of.StaticReason},
			{name: "A disabled flag reports that it is disabled", flag: "disabled-boolean-flag", fallback: false, value: true, reason: of.DisabledReason},
		},
		"evaluation_v2": {
			{name: "Resolves zero value", flag: "boolean-zero-flag", fallback: true, value: false, reason: of.StaticReason},
			{name: "Resolves zero value", flag: "string-zero-flag", fallback: "hi", value: "", reason: of.StaticReason},
			{name: "Resolves zero value", flag: "integer-zero-flag", fallback: int64(1), value: int64(0), reason: of.StaticReason},
			{name: "Resolves zero value", flag: "float-zero-flag", fallback: 0.1, value: 0.0, reason: of.StaticReason},
			{name: "Resolves zero value with targeting", flag: "boolean-targeted-zero-flag", fallback: true, context: ballmer, value: false, reason: of.TargetingMatchReason},
			{name: "Resolves zero value with targeting", flag: "string-targeted-zero-flag", fallback: "hi", context: ballmer, value: "", reason: of.TargetingMatchReason},
			{name: "Resolves zero value with targeting", flag: "integer-targeted-zero-flag", fallback: int64(1), context: ballmer, value: int64(0), reason: of.TargetingMatchReason},
			{name: "Resolves zero value with targeting", flag: "float-targeted-zero-flag", fallback: 0.1, context: ballmer, value: 0.0, reason: of.TargetingMatchReason},
			{name: "Resolves zero value with targeting", flag: "object-targeted-zero-flag", fallback: fallbackObject, context: ballmer, value: object("{}"), reason: of.TargetingMatchReason},
			{name: "Resolves zero value with targeting using default", flag: "boolean-targeted-zero-flag", fallback: true, context: none, value: false, reason: of.DefaultReason},
			{name: "Resolves zero value with targeting using default", flag: "string-targeted-zero-flag", fallback: "hi", context: none, value: "", reason: of.DefaultReason},
			{name: "Resolves zero value with targeting using default", flag: "integer-targeted-zero-flag", fallback: int64(1), context: none, value: int64(0), reason: of.DefaultReason},
			{name: "Resolves zero value with targeting using default", flag: "float-targeted-zero-flag", fallback: 0.1, context: none, value: 0.0, reason: of.DefaultReason},
			{name: "Resolves zero value with targeting using default", flag: "object-targeted-zero-flag", fallback: fallbackObject, context: none, value: object("{}"), reason: of.DefaultReason},
			{name: "Flag not found error", flag: "non-existent-flag", fallback: false, value: false, code: of.FlagNotFoundCode},
			{name: "Flag not found error", flag: "non-existent-flag", fallback: "bye", value: "bye", code: of.FlagNotFoundCode},
			{name: "Flag not found error", flag: "non-existent-flag", fallback: int64(1), value: int64(1), code: of.FlagNotFoundCode},
			{name: "Flag not found error", flag: "non-existent-flag", fallback: 0.1, value: 0.1, code: of.FlagNotFoundCode},
			{name: "Flag not found error", flag: "non-existent-flag", fallback: fallbackObject, value: fallbackObject, code: of.FlagNotFoundCode},
			{name: "Type mismatch error", flag: "string-flag", fallback: object("{}"), value: object("{}"), code: mismatch},
			{name: "Complete evaluation details structure", flag: "object-flag", fallback: object("{}"), value: object(pictures), variant: "2"},
			{name: "Empty evaluation context", flag: "boolean-targeted-zero-flag", fallback: true, value: false, reason: of.DefaultReason},
			{name: "Empty evaluation context", flag: "string-targeted-zero-flag", fallback: "str", value: "", reason: of.DefaultReason},
			{name: "Empty evaluation context", flag: "integer-targeted-zero-flag", fallback: int64(1), value: int64(0), reason: of.DefaultReason},
			{name: "Empty evaluation context", flag: "float-targeted-zero-flag", fallback: 1.0, value: 0.0, reason: of.DefaultReason},
			{name: "Empty evaluation context", flag: "object-targeted-zero-flag", fallback: fallbackObject, value: object("{}"), reason: of.DefaultReason},
			{name: "Null context values", flag: "boolean-targeted-zero-flag", fallback: true, context: null, value: false, reason: of.DefaultReason},
			{name: "Null context values", flag: "string-targeted-zero-flag", fallback: "str", context: null, value: "", reason: of.DefaultReason},
			{name: "Null context values", flag: "integer-targeted-zero-flag", fallback: int64(1), context: null, value: int64(0), reason: of.DefaultReason},
			{name: "Null context values", flag: "float-targeted-zero-flag", fallback: 1.0, context: null, value: 0.0, reason: of.DefaultReason},
			{name: "Null context values", flag: "object-targeted-zero-flag", fallback: fallbackObject, context: null, value: object("{}"), reason: of.DefaultReason},
			{name: "Multiple context attributes targeting", flag: "context-aware", fallback: "false", value: "INTERNAL", reason: of.TargetingMatchReason,
				context: map[string]any{"email": "ballmer@macrosoft.com", "role": "admin", "age": int64(65), "customer": false}},
		},
		"evaluation": { // what the two above do not have
			{name: "Resolves based on context", flag: "context-aware", fallback: "EXTERNAL", value: "INTERNAL",
				context: map[string]any{"fn": "Sulisław", "ln": "Świętopełk", "age": 29, "customer": "false"}},
			{name: "Resolves based on context, empty", flag: "context-aware", fallback: "EXTERNAL", value: "EXTERNAL"},
			{name: "Type error", flag: "wrong-flag", fallback: int64(13), value: int64(13), code: mismatch},
		},
	}
	_, flags := ready(t, online(t, platform(t, canonicalFlags()...), nil))
	for file, scenarios := range files {
		for _, s := range scenarios {
			t.Run(file+"/"+s.name, func(t *testing.T) { s.run(t, flags) })
		}
	}
}

// TestScenariosThatDiffer by the nature of the platform. Of the capabilities
// that providers may declare, this is @disabled-flags.
func TestScenariosThatDiffer(t *testing.T) {
	t.Parallel()
	groups := map[string][]scenario{
		"values have no type: each can be read as a string": {
			{name: "Requesting the wrong type returns the code default", flag: "boolean-flag", fallback: "fallback", value: "true"},
			{name: "Requesting the wrong type returns the code default", flag: "integer-flag", fallback: "fallback", value: "10"},
			{name: "Requesting the wrong type returns the code default", flag: "float-flag", fallback: "fallback", value: "0.5"},
			{name: "Requesting a structured flag as a scalar returns the code default", flag: "object-flag", fallback: "fallback", value: pictures},
			{name: "A type mismatch reports an error", flag: "boolean-flag", fallback: "fallback", value: "true"},
			{name: "Type mismatch error", flag: "boolean-flag", fallback: "bye", value: "true"},
		},
		"a flag that is off has a value of its own": {
			{name: "A disabled flag resolves to the code default", flag: "disabled-boolean-flag", fallback: false, value: true},
			{name: "A disabled flag resolves to the code default", flag: "disabled-string-flag", fallback: "bye", value: "hi"},
		},
		"the platform needs a user": {
			{name: "No evaluation context resolves the default variant", flag: "targeting-key-flag", fallback: "fallback", value: "fallback",
				context: map[string]any{of.TargetingKey: ""}, code: of.TargetingKeyMissingCode},
		},
	}
	_, flags := ready(t, offline(t, canonicalFlags()...))
	for why, scenarios := range groups {
		for _, s := range scenarios {
			t.Run(why+"/"+s.name, func(t *testing.T) { s.run(t, flags) })
		}
	}
}

// TestScenariosOfStates: provider-tck/lifecycle and events, and the states of
// evaluation_v2.
func TestScenariosOfStates(t *testing.T) {
	t.Parallel()
	unreachable := func(c *ffc.Config) { c.StartWait = -1 }

	t.Run("lifecycle/A provider that successfully initializes becomes ready", func(t *testing.T) {
		t.Parallel()
		api, flags := ready(t, online(t, platform(t, canonicalFlags()...), nil))
		next(t, "PROVIDER_READY", handled(api, of.ProviderReady))
		if got := flags.State(); got != of.ReadyState {
			t.Errorf("state %s", got)
		}
	})
	t.Run("lifecycle/A provider that cannot reach its backend reports an error and returns code defaults", func(t *testing.T) {
		t.Parallel()
		server := platform(t, canonicalFlags()...)
		server.RejectUpgrade(503)
		api, flags, err := register(t, online(t, server, unreachable), ffcopenfeature.Config{InitWait: 50 * time.Millisecond})
		if err == nil {
			t.Error("no error")
		}
		next(t, "PROVIDER_ERROR", handled(api, of.ProviderError))
		if got := flags.State(); got != of.ErrorState {
			t.Errorf("state %s", got)
		}
		scenario{flag: "boolean-flag", fallback: false, value: false, code: of.ProviderNotReadyCode}.run(t, flags)
		server.RejectUpgrade(0)
		next(t, "PROVIDER_READY", handled(api, of.ProviderReady))
	})
	t.Run("events/A configuration change is signalled and applied", func(t *testing.T) {
		t.Parallel()
		server := platform(t, canonicalFlags()...)
		api, flags := ready(t, online(t, server, nil))
		changed := handled(api, of.ProviderConfigChange)
		scenario{flag: "changing-flag", fallback: "unset", value: "foo"}.run(t, flags)
		server.Put(ffctest.Flag("changing-flag").Variations("foo", "bar").Serve("bar"))
		if e := next(t, "PROVIDER_CONFIGURATION_CHANGED", changed); !slices.Equal(e.FlagChanges, []string{"changing-flag"}) {
			t.Errorf("got %+v", e)
		}
		scenario{flag: "changing-flag", fallback: "unset", value: "bar"}.run(t, flags)
	})
	t.Run("events/Losing the backend makes the provider stale, regaining it makes it ready again", func(t *testing.T) {
		t.Parallel()
		server := platform(t, canonicalFlags()...)
		api, flags := ready(t, online(t, server, nil))
		stale := handled(api, of.ProviderStale)
		server.RejectUpgrade(503)
		server.DropConnections()
		next(t, "PROVIDER_STALE", stale)
		if got := flags.State(); got != of.StaleState {
			t.Errorf("state %s", got)
		}
		scenario{flag: "string-flag", fallback: "bye", value: "hi"}.run(t, flags)
		again := handled(api, of.ProviderReady)
		server.RejectUpgrade(0)
		next(t, "PROVIDER_READY", again)
		if got := flags.State(); got != of.ReadyState {
			t.Errorf("state %s", got)
		}
	})
	t.Run("evaluation_v2/Provider in fatal state error", func(t *testing.T) {
		t.Parallel()
		server := platform(t, canonicalFlags()...)
		server.RejectUpgrade(4003)
		_, flags, err := register(t, online(t, server, unreachable), ffcopenfeature.Config{InitWait: 10 * time.Second})
		if err == nil || flags.State() != of.FatalState {
			t.Errorf("state %s, error %v", flags.State(), err)
		}
		for _, fallback := range []any{false, "bye", int64(1), 0.1, object(`{"a": 1}`)} {
			scenario{flag: "boolean-flag", fallback: fallback, value: fallback, code: of.ProviderFatalCode}.run(t, flags)
		}
	})
	t.Run("evaluation_v2/Provider not ready error", func(t *testing.T) {
		t.Parallel()
		server := platform(t, canonicalFlags()...)
		server.RejectUpgrade(503)
		api, _, _ := register(t, offline(t), ffcopenfeature.Config{})
		provider := ffcopenfeature.NewProvider(online(t, server, unreachable), ffcopenfeature.Config{InitWait: time.Hour})
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel() // of the initialization, which goes on
		if err := api.SetProvider(ctx, provider, of.WithDomain("waiting")); err != nil {
			t.Fatal(err)
		}
		for _, fallback := range []any{false, "bye", int64(1), 0.1, object(`{"a": 1}`)} {
			scenario{flag: "boolean-flag", fallback: fallback, value: fallback, code: of.ProviderNotReadyCode}.run(t, api.NewClient(of.WithDomain("waiting")))
		}
	})
	t.Run("metadata/A provider identifies itself by name", func(t *testing.T) {
		t.Parallel()
		if ffcopenfeature.NewProvider(offline(t), ffcopenfeature.Config{}).Metadata().Name == "" {
			t.Error("no name")
		}
	})
}
