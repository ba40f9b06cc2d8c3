package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cucumber/godog"
	of "github.com/open-feature/go-sdk/openfeature"
	"github.com/open-feature/go-sdk/openfeature/isolated"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// differ has the scenarios that the provider does not pass, by file, name and first
// step, and the reason.
var differ = map[string]string{
	`evaluation_v2: Type mismatch error: a String-flag with key "boolean-flag" and a fallback value "bye"`:                    "values are text: each can be read as a string",
	`evaluation_v2: CACHED reason: a Boolean-flag with key "boolean-flag" and a fallback value "false"`:                       "the provider evaluates each call",
	`evaluation_v2: CACHED reason: a String-flag with key "string-flag" and a fallback value "bye"`:                           "the provider evaluates each call",
	`evaluation_v2: Flag metadata in evaluation details: a Boolean-flag with key "metadata-flag" and a fallback value "true"`: "the platform has no metadata of flags",
	`metadata: Returns metadata: a Boolean-flag with key "metadata-flag" and a fallback value "true"`:                         "the platform has no metadata of flags",
	`metadata: Returns no metadata: a Boolean-flag with key "boolean-flag" and a fallback value "true"`:                       "the provider returns the name of the flag and the version of the data",
	`metadata: Returns no metadata: a Integer-flag with key "integer-flag" and a fallback value "23"`:                         "the provider returns the name of the flag and the version of the data",
	`metadata: Returns no metadata: a Float-flag with key "float-flag" and a fallback value "2.3"`:                            "the provider returns the name of the flag and the version of the data",
	`metadata: Returns no metadata: a String-flag with key "string-flag" and a fallback value "value"`:                        "the provider returns the name of the flag and the version of the data",
}

// scenarioFiles returns the folder with the specification's scenarios,
// specification/assets/gherkin: that of OPENFEATURE_GHERKIN, or one beside the
// repository. Without it the test is skipped.
func scenarioFiles(t *testing.T) string {
	t.Helper()
	folder := os.Getenv("OPENFEATURE_GHERKIN")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared", "testdata", "openfeature")
		if _, err := os.Stat(folder); err != nil {
			t.Skip("set OPENFEATURE_GHERKIN to the absolute path of specification/assets/gherkin of a clone of github.com/open-feature/spec")
		}
	}
	return folder
}

// TestSpecification runs the scenarios of OpenFeature's specification. Scenarios that
// the provider passes must not be in differ, and all others must.
func TestSpecification(t *testing.T) {
	folder := scenarioFiles(t)
	files, err := filepath.Glob(filepath.Join(folder, "*.feature"))
	if err != nil || len(files) == 0 {
		t.Fatalf("%s has no feature files: %v", folder, err)
	}
	var mu sync.Mutex
	failures := make(map[string]error)
	ran := 0
	suite := godog.TestSuite{
		Name: "openfeature",
		ScenarioInitializer: func(sc *godog.ScenarioContext) {
			w := &world{t: t}
			sc.After(func(ctx context.Context, scenario *godog.Scenario, err error) (context.Context, error) {
				w.close()
				mu.Lock()
				defer mu.Unlock()
				ran++
				if err != nil {
					failures[nameOf(scenario)] = err
				}
				return ctx, nil
			})
			w.steps(sc)
		},
		Options: &godog.Options{Format: "progress", Output: io.Discard, Paths: files, Strict: true, NoColors: true, TestingT: nil},
	}
	suite.Run()
	for _, name := range slices.Sorted(maps.Keys(failures)) {
		if why, expected := differ[name]; expected {
			t.Logf("%s: %s", name, why)
			continue
		}
		t.Errorf("%s: %v", name, failures[name])
	}
	for name := range differ {
		if failures[name] == nil {
			t.Errorf("%s: passes or is gone; expected a failure", name)
		}
	}
	t.Logf("%d of %d scenarios pass", ran-len(failures), ran)
	if ran < 100 {
		t.Errorf("only %d scenarios ran", ran)
	}
}

// nameOf returns the file, the name and the first step after the background of a
// scenario.
func nameOf(s *godog.Scenario) string {
	first := ""
	for _, step := range s.Steps {
		if first == "" || strings.Contains(step.Text, "-flag with key") {
			first = step.Text
		}
	}
	return strings.TrimSuffix(filepath.Base(s.Uri), ".feature") + ": " + s.Name + ": " + first
}

// world is the state of one scenario.
type world struct {
	t      *testing.T
	api    *of.EvaluationAPI
	client *of.Client
	ends   []func()

	key, kind  string
	fallback   any
	attributes map[string]any
	details    of.InterfaceEvaluationDetails
	options    []of.Option
	hooks      []*recordingHook
	order      []string
	seen       of.FlattenedContext // by the provider with a retrievable context
	levels     []string
	before     map[string]any // what a hook adds to the context
	txContext  context.Context
}

func (w *world) close() {
	for _, end := range slices.Backward(w.ends) {
		end()
	}
}

// newClient returns a client of the SDK under test.
func (w *world) newClient(cfg ffc.Config) (*ffc.Client, error) {
	cfg.Logger = testkit.Quiet()
	cfg.QuietFallbacks = true
	client, err := ffc.New(context.Background(), cfg)
	if err == nil {
		w.ends = append(w.ends, func() { _ = client.Close(context.Background()) })
	}
	return client, err
}

// online returns a client that is or will be connected to a server that has the flags.
func (w *world) online(prepare func(*ffctest.Server)) (*ffctest.Server, *ffc.Client, error) {
	server := ffctest.FeatBit.NewServer([]byte(flags()))
	w.ends = append(w.ends, server.Close)
	if prepare != nil {
		prepare(server)
	}
	client, err := w.newClient(ffc.Config{
		EnvSecret: server.EnvSecret, BaseURL: server.URL, StartWait: -1,
		Transport: &stream.Transport{FirstRetry: 5 * time.Millisecond, MaxRetry: 20 * time.Millisecond},
	})
	return server, client, err
}

// register gives a provider to an API of its own. All users have a targeting key,
// because the platform requires one.
func (w *world) register(provider of.FeatureProvider, wait bool) error {
	w.api = isolated.NewAPI()
	w.api.SetEvaluationContext(of.NewEvaluationContext("user-1", nil))
	w.ends = append(w.ends, func() { _ = w.api.Shutdown(context.Background()) })
	var err error
	if wait {
		err = w.api.SetProviderAndWait(context.Background(), provider)
	} else {
		ctx, cancel := context.WithCancel(context.Background())
		w.ends = append(w.ends, cancel)
		err = w.api.SetProvider(ctx, provider)
	}
	w.client = w.api.NewClient()
	return err
}

// provider makes a provider with a status. "error" and "fatal" are those of an
// initialization that fails.
func (w *world) provider(status string) error {
	wait := ffcopenfeature.Config{InitWait: 10 * time.Second}
	switch status {
	case "stable":
		client, err := w.newClient(ffc.Config{Offline: true, Platform: ffc.PlatformFeatBit, Bootstrap: []byte(flags())})
		if err != nil {
			return err
		}
		return w.register(ffcopenfeature.NewProvider(client, wait), true)
	case "not ready":
		_, client, err := w.online(func(s *ffctest.Server) { s.RejectUpgrade(503) })
		if err != nil {
			return err
		}
		return w.register(ffcopenfeature.NewProvider(client, ffcopenfeature.Config{InitWait: time.Hour}), false)
	case "error":
		_, client, err := w.online(func(s *ffctest.Server) { s.RejectUpgrade(503) })
		if err != nil {
			return err
		}
		if w.register(ffcopenfeature.NewProvider(client, ffcopenfeature.Config{InitWait: 50 * time.Millisecond}), true) == nil {
			return errors.New("the provider initialized although the platform is down")
		}
		return nil
	case "fatal":
		_, client, err := w.online(func(s *ffctest.Server) { s.RejectUpgrade(4003) })
		if err != nil {
			return err
		}
		if w.register(ffcopenfeature.NewProvider(client, wait), true) == nil {
			return errors.New("the provider initialized although the secret was rejected")
		}
		return nil
	case "stale":
		server, client, err := w.online(nil)
		if err != nil {
			return err
		}
		if err := w.register(ffcopenfeature.NewProvider(client, wait), true); err != nil {
			return err
		}
		stale := make(chan struct{}, 10)
		callback := func(of.EventDetails) { stale <- struct{}{} }
		w.api.AddHandler(of.ProviderStale, &callback)
		server.RejectUpgrade(503)
		server.DropConnections()
		select {
		case <-stale:
		case <-time.After(30 * time.Second):
			return errors.New("no PROVIDER_STALE within 30 s")
		}
		return nil
	}
	return fmt.Errorf("unknown status %q", status)
}

// parse reads a value of a scenario as a type.
func parse(kind, text string) (any, error) {
	text = strings.ReplaceAll(text, `\"`, `"`)
	switch strings.ToLower(kind) {
	case "boolean":
		return strconv.ParseBool(text)
	case "string":
		return text, nil
	case "integer":
		return strconv.ParseInt(text, 10, 64)
	case "float":
		return strconv.ParseFloat(text, 64)
	case "object":
		var v any
		err := json.Unmarshal([]byte(text), &v)
		return v, err
	}
	return nil, fmt.Errorf("unknown type %q", kind)
}

func (w *world) flag(kind, key, fallback string) (err error) {
	w.kind, w.key = kind, key
	w.fallback, err = parse(kind, fallback)
	return err
}

func (w *world) attribute(key, kind, text string) error {
	value, err := parse(kind, text)
	if w.attributes == nil {
		w.attributes = make(map[string]any)
	}
	w.attributes[key] = value
	return err
}

// evaluate evaluates the flag of the scenario.
func (w *world) evaluate() {
	ctx := context.Background()
	if w.txContext != nil {
		ctx = w.txContext
	}
	w.details = details(ctx, w.client, w.kind, w.key, w.fallback, of.NewTargetlessEvaluationContext(w.attributes), w.options)
}

func details(ctx context.Context, client *of.Client, kind, key string, fallback any, evalCtx of.EvaluationContext, options []of.Option) of.InterfaceEvaluationDetails {
	switch v := fallback.(type) {
	case bool:
		d, _ := client.BooleanValueDetails(ctx, key, v, evalCtx, options...)
		return of.InterfaceEvaluationDetails{Value: d.Value, EvaluationDetails: d.EvaluationDetails}
	case string:
		d, _ := client.StringValueDetails(ctx, key, v, evalCtx, options...)
		return of.InterfaceEvaluationDetails{Value: d.Value, EvaluationDetails: d.EvaluationDetails}
	case int64:
		d, _ := client.IntValueDetails(ctx, key, v, evalCtx, options...)
		return of.InterfaceEvaluationDetails{Value: d.Value, EvaluationDetails: d.EvaluationDetails}
	case float64:
		d, _ := client.FloatValueDetails(ctx, key, v, evalCtx, options...)
		return of.InterfaceEvaluationDetails{Value: d.Value, EvaluationDetails: d.EvaluationDetails}
	}
	d, _ := client.ObjectValueDetails(ctx, key, fallback, evalCtx, options...)
	return d
}

// expect compares what a step is about.
func expect(what string, got, want any) error {
	if !reflect.DeepEqual(got, want) {
		return fmt.Errorf("%s is %v (%T), expected %v (%T)", what, got, got, want, want)
	}
	return nil
}

func (w *world) expectValue(text string) error {
	want, err := parse(w.kind, text)
	if err != nil {
		return err
	}
	return expect("the value", w.details.Value, want)
}

func (w *world) expectDetails(text, variant, reason string) error {
	return errors.Join(w.expectValue(text), expect("the variant", w.details.Variant, variant), expect("the reason", string(w.details.Reason), reason))
}

func (w *world) expectFields(a, b, c, first, second string, third int) error {
	showImages, err := strconv.ParseBool(first)
	if err != nil {
		return err
	}
	return expect("the value", w.details.Value, map[string]any{a: showImages, b: second, c: float64(third)})
}

func (w *world) steps(sc *godog.ScenarioContext) {
	evaluated := func(kind string) func(key, fallback string) error {
		return func(key, fallback string) error {
			if err := w.flag(kind, key, fallback); err != nil {
				return err
			}
			w.evaluate()
			return nil
		}
	}
	step := sc.Step
	step(`^a (stable|not ready|error|fatal|stale) provider$`, w.provider)
	step(`^an (error) provider$`, w.provider)

	// evaluation
	for _, kind := range []string{"boolean", "string", "integer", "float"} {
		step(`^an? `+kind+` flag with key "([^"]*)" is evaluated (?:with details and|with) default value "?([^"]*)"?$`, evaluated(kind))
		step(`^the resolved `+kind+` value should be "?([^"]*)"?$`, w.expectValue)
		step(`^the resolved `+kind+` details value should be "?([^",]*)"?, the variant should be "([^"]*)", and the reason should be "([^"]*)"$`, w.expectDetails)
	}
	step(`^an object flag with key "([^"]*)" is evaluated (?:with details and|with) a null default value$`, func(key string) error {
		w.kind, w.key, w.fallback = "object", key, nil
		w.evaluate()
		return nil
	})
	step(`^the resolved object (?:details )?value should be contain fields "([^"]*)", "([^"]*)", and "([^"]*)", with values "([^"]*)", "([^"]*)" and (\d+), respectively$`, w.expectFields)
	step(`^the variant should be "([^"]*)", and the reason should be "([^"]*)"$`, func(variant, reason string) error {
		return errors.Join(expect("the variant", w.details.Variant, variant), expect("the reason", string(w.details.Reason), reason))
	})
	step(`^context contains keys "([^"]*)", "([^"]*)", "([^"]*)", "([^"]*)" with values "([^"]*)", "([^"]*)", (\d+), "([^"]*)"$`,
		func(a, b, c, d, first, second string, third int, fourth string) error {
			w.attributes = map[string]any{a: first, b: second, c: third, d: fourth}
			return nil
		})
	step(`^a flag with key "([^"]*)" is evaluated with default value "([^"]*)"$`, evaluated("string"))
	step(`^the resolved string response should be "([^"]*)"$`, w.expectValue)
	step(`^the resolved flag value is "([^"]*)" when the context is empty$`, func(want string) error {
		w.attributes = nil
		w.evaluate()
		return w.expectValue(want)
	})
	step(`^a non-existent string flag with key "([^"]*)" is evaluated with details and a fallback value "([^"]*)"$`, evaluated("string"))
	step(`^a string flag with key "([^"]*)" is evaluated as an integer, with details and a fallback value (\d+)$`, evaluated("integer"))
	step(`^the default (?:string|integer) value should be returned$`, func() error { return expect("the value", w.details.Value, w.fallback) })
	step(`^the reason should indicate an error and the error code should indicate (?:a missing flag|a type mismatch) with "([^"]*)"$`, func(code string) error {
		return errors.Join(expect("the reason", w.details.Reason, of.ErrorReason), expect("the error code", string(w.details.ErrorCode), code))
	})

	// evaluation_v2, hooks and metadata
	step(`^an? (Boolean|String|Integer|Float|Object|boolean|string)-flag with key "([^"]*)" and a fallback value "((?:[^"\\]|\\.)*)"$`, w.flag)
	step(`^a context containing a key "([^"]*)", with type "([^"]*)" and with value "([^"]*)"$`, w.attribute)
	step(`^a context containing a key "([^"]*)" with null value$`, func(key string) error {
		w.attributes = map[string]any{key: nil}
		return nil
	})
	step(`^the flag was evaluated with details(?: using the evaluation options)?$`, func() error {
		w.evaluate()
		return nil
	})
	step(`^the flag was evaluated with details asynchronously$`, func() error {
		done := make(chan struct{})
		go func() {
			defer close(done)
			w.evaluate()
		}()
		<-done
		return nil
	})
	step(`^the evaluation should complete without blocking$`, func() error { return expect("the error code", string(w.details.ErrorCode), "") })
	step(`^the resolved details value should be "((?:[^"\\]|\\.)*)"$`, w.expectValue)
	step(`^the reason should be "([^"]*)"$`, func(want string) error { return expect("the reason", string(w.details.Reason), want) })
	step(`^the error-code should be "([^"]*)"$`, func(want string) error { return expect("the error code", string(w.details.ErrorCode), want) })
	step(`^the variant should be "([^"]*)"$`, func(want string) error { return expect("the variant", w.details.Variant, want) })
	step(`^the flag key should be "([^"]*)"$`, func(want string) error { return expect("the flag key", w.details.FlagKey, want) })
	step(`^the provider status should be "([^"]*)"$`, func(want string) error { return expect("the status", string(w.client.State()), want) })
	step(`^the resolved metadata should contain$`, w.expectMetadata)
	step(`^the resolved metadata is empty$`, func() error { return expect("the number of metadata", len(w.details.FlagMetadata), 0) })
	step(`^an evaluation context with modifiable data$`, func() error {
		w.attributes = map[string]any{"list": []any{"a"}, "plan": "pro"}
		return nil
	})
	step(`^the original evaluation context should remain unmodified$`, func() error {
		return expect("the context", w.attributes, map[string]any{"list": []any{"a"}, "plan": "pro"})
	})
	step(`^the evaluation details should be immutable$`, func() error {
		first := w.details
		first.FlagMetadata["version"] = "changed"
		w.evaluate()
		if w.details.FlagMetadata["version"] == "changed" {
			return errors.New("a change of the details changed the details of another evaluation")
		}
		return nil
	})
	w.hookSteps(sc)
	w.contextSteps(sc)
}

func (w *world) expectMetadata(table *godog.Table) error {
	for _, row := range table.Rows[1:] {
		key, kind, text := row.Cells[0].Value, row.Cells[1].Value, row.Cells[2].Value
		want, err := parse(kind, text)
		if err != nil {
			return err
		}
		if err := expect("the metadata "+key, w.details.FlagMetadata[key], want); err != nil {
			return err
		}
	}
	return nil
}

// recordingHook records its stages and the details that it gets.
type recordingHook struct {
	name   string
	w      *world
	stages map[string]of.InterfaceEvaluationDetails
}

func (w *world) newHook(name string) *recordingHook {
	h := &recordingHook{name: name, w: w, stages: make(map[string]of.InterfaceEvaluationDetails)}
	w.hooks = append(w.hooks, h)
	return h
}

func (h *recordingHook) record(stage string, d of.InterfaceEvaluationDetails) {
	h.stages[stage] = d
	h.w.order = append(h.w.order, h.name+" "+stage)
}

// Before implements of.Hook.
func (h *recordingHook) Before(context.Context, of.HookContext, of.HookHints) (*of.EvaluationContext, error) {
	h.record("before", of.InterfaceEvaluationDetails{})
	if h.w.before == nil {
		return nil, nil
	}
	added := of.NewTargetlessEvaluationContext(h.w.before)
	return &added, nil
}

// After implements of.Hook.
func (h *recordingHook) After(_ context.Context, _ of.HookContext, d of.InterfaceEvaluationDetails, _ of.HookHints) error {
	h.record("after", d)
	return nil
}

// Error implements of.Hook.
func (h *recordingHook) Error(context.Context, of.HookContext, error, of.HookHints) {
	h.record("error", of.InterfaceEvaluationDetails{})
}

// Finally implements of.Hook.
func (h *recordingHook) Finally(_ context.Context, _ of.HookContext, d of.InterfaceEvaluationDetails, _ of.HookHints) {
	h.record("finally", d)
}

func (w *world) hookSteps(sc *godog.ScenarioContext) {
	sc.Step(`^a client with added hook$`, func() error {
		w.client.AddHooks(w.newHook("hook"))
		return nil
	})
	sc.Step(`^the "([^"]*)" hook should have been executed$`, func(stage string) error {
		if _, ran := w.hooks[0].stages[stage]; !ran {
			return fmt.Errorf("only ran %v", w.order)
		}
		return nil
	})
	sc.Step(`^the "([^"]*)" hooks should be called with evaluation details$`, func(stages string, table *godog.Table) error {
		for stage := range strings.SplitSeq(stages, ", ") {
			d, ran := w.hooks[0].stages[stage]
			if !ran {
				return fmt.Errorf("the hook %s did not run", stage)
			}
			got := map[string]any{"flag_key": d.FlagKey, "value": d.Value, "variant": d.Variant, "reason": string(d.Reason), "error_code": string(d.ErrorCode)}
			for _, row := range table.Rows[1:] {
				kind, key, text := row.Cells[0].Value, row.Cells[1].Value, row.Cells[2].Value
				if text == "null" {
					text = ""
				}
				want, err := parse(kind, text)
				if err != nil {
					return err
				}
				if err := expect(stage+": "+key, got[key], want); err != nil {
					return err
				}
			}
		}
		return nil
	})
	sc.Step(`^evaluation options containing specific hooks$`, func() error {
		w.options = append(w.options, of.WithHooks(w.newHook("first"), w.newHook("second")))
		return nil
	})
	sc.Step(`^the specified hooks should execute during evaluation$`, func() error {
		return expect("the number of stages", len(w.order), 6)
	})
	sc.Step(`^the hook order should be maintained$`, func() error {
		return expect("the order", w.order, []string{"first before", "second before", "second after", "first after", "second finally", "first finally"})
	})
}

// contextProvider is the provider under test, which also keeps the evaluation context
// that it gets.
type contextProvider struct {
	*ffcopenfeature.Provider
	w *world
}

// StringEvaluation implements of.FeatureProvider.
func (p contextProvider) StringEvaluation(ctx context.Context, flag, defaultValue string, flatCtx of.FlattenedContext) of.StringResolutionDetail {
	p.w.seen = maps.Clone(flatCtx)
	return p.Provider.StringEvaluation(ctx, flag, defaultValue, flatCtx)
}

func (w *world) contextSteps(sc *godog.ScenarioContext) {
	sc.Step(`^a stable provider with retrievable context is registered$`, func() error {
		client, err := w.newClient(ffc.Config{Offline: true, Platform: ffc.PlatformFeatBit, Bootstrap: []byte(flags())})
		if err != nil {
			return err
		}
		w.txContext = context.Background()
		return w.register(contextProvider{ffcopenfeature.NewProvider(client, ffcopenfeature.Config{}), w}, true)
	})
	sc.Step(`^A context entry with key "([^"]*)" and value "([^"]*)" is added to the "([^"]*)" level$`, w.addEntry)
	sc.Step(`^A table with levels of increasing precedence$`, func(table *godog.Table) error {
		for _, row := range table.Rows {
			w.levels = append(w.levels, row.Cells[0].Value)
		}
		return nil
	})
	sc.Step(`^Context entries for each level from API level down to the "([^"]*)" level, with key "([^"]*)" and value "([^"]*)"$`, func(last, key, value string) error {
		at := slices.Index(w.levels, last)
		if at < 0 {
			return fmt.Errorf("unknown level %q", last)
		}
		for _, level := range w.levels[:at+1] {
			entry := level // only the last level has the value that must win
			if level == last {
				entry = value
			}
			if err := w.addEntry(key, entry, level); err != nil {
				return err
			}
		}
		return nil
	})
	sc.Step(`^Some flag was evaluated$`, func() error {
		w.kind, w.key, w.fallback = "string", "string-flag", "bye"
		w.evaluate()
		return expect("the error code", string(w.details.ErrorCode), "")
	})
	sc.Step(`^The merged context contains an entry with key "([^"]*)" and value "([^"]*)"$`, func(key, value string) error {
		return expect("the entry "+key, w.seen[key], value)
	})
}

func (w *world) addEntry(key, value, level string) error {
	entry := map[string]any{key: value}
	switch level {
	case "API":
		w.api.SetEvaluationContext(of.NewEvaluationContext("user-1", entry))
	case "Transaction":
		w.txContext = of.WithTransactionContext(w.txContext, of.NewTargetlessEvaluationContext(entry))
	case "Client":
		w.client.SetEvaluationContext(of.NewTargetlessEvaluationContext(entry))
	case "Invocation":
		w.attributes = entry
	case "Before Hooks":
		w.before = entry
		w.client.AddHooks(w.newHook("before"))
	default:
		return fmt.Errorf("unknown level %q", level)
	}
	return nil
}
