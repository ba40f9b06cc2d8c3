package ffc

import (
	"context"
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestCompilingHoldsUpNothing: while a flag that was pushed is compiled,
// evaluations answer from the data before it, other messages are applied, and
// Close returns. What was being applied at Close is not.
func TestCompilingHoldsUpNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, err := New(t.Context(), Config{Offline: true, Bootstrap: []byte(`{"featureFlags":[` + pushedFlag("slow", 1, "old") + `]}`)})
		if err != nil {
			t.Fatal(err)
		}
		compiling, goOn := make(chan struct{}), make(chan struct{})
		source := eval.Source{
			Semantics: eval.Classic(),
			DecodeFlag: func(raw []byte) (*model.Flag, error) {
				f, err := c.cfg.codec.DecodeFlag(raw)
				if err == nil && f.Variations[1].Value == "new" {
					close(compiling)
					<-goOn
				}
				return f, err
			},
			Report: func(p eval.Problem) { t.Error(p) },
		}
		update, _, err := c.cfg.codec.Update([]byte(`{"featureFlags":[` + pushedFlag("slow", 1, "old") + `]}`))
		if err != nil {
			t.Fatal(err)
		}
		c.view.Store(&view{snapshot: eval.NewSnapshot(&source).Bootstrap(update), serving: true})
		push := func(flag string) error {
			_, err := c.store.Apply([]byte(`{"eventType":"patch","featureFlags":[`+flag+`]}`), c.store.Mark())
			return err
		}

		applied := make(chan error)
		go func() { applied <- push(pushedFlag("slow", 2, "new")) }()
		<-compiling
		user := NewUser("u")
		if got := c.Variation(t.Context(), "slow", user, "-"); got != "old" {
			t.Errorf("while the new version is compiled, the flag is %q, expected the old one", got)
		}
		if err := push(pushedFlag("other", 2, "on")); err != nil {
			t.Error(err)
		}
		if got := c.Variation(t.Context(), "other", user, "-"); got != "on" {
			t.Errorf("another flag that was pushed meanwhile is %q", got)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := c.Close(ctx); err != nil {
			t.Error(err)
		}
		close(goOn)
		if err := <-applied; err != ErrClosed {
			t.Errorf("a message that was being applied at Close: %v, expected ErrClosed", err)
		}
		if got := c.Variation(t.Context(), "slow", user, "-"); got != "-" {
			t.Errorf("after Close the flag is %q", got)
		}
	})
}

// pushedFlag is a flag that serves a value to everybody.
func pushedFlag(key string, version int, value string) string {
	return fmt.Sprintf(`{"id":"FF__1__2__3__%s","timestamp":%d,"ff":{"variationOptionWhenDisabled":{"localId":2,"variationValue":"off"},
		"defaultRulePercentageRollouts":[{"valueOption":{"localId":1,"variationValue":%q}}]}}`, key, version, value)
}

// TestUsersOfManyAttributesAreLinear: so is an evaluation of one.
func TestUsersOfManyAttributesAreLinear(t *testing.T) {
	names := make([]string, 20_000)
	attributes := make([]Attr, len(names))
	entries := make(map[int]map[string]any)
	for i := range names {
		names[i] = fmt.Sprint("attribute-", i)
		attributes[i] = Int(names[i], int64(i))
	}
	t.Run("NewUser", func(t *testing.T) {
		testkit.Linear(t, len(attributes)/8, func(n int) { NewUser("u", attributes[:n]...) })
	})
	t.Run("UserFromMap", func(t *testing.T) {
		testkit.Linear(t, len(attributes)/8, func(n int) {
			if entries[n] == nil {
				entries[n] = map[string]any{"key": "u"}
				for _, name := range names[:n] {
					entries[n][name] = 1
				}
			}
			if _, err := UserFromMap(entries[n]); err != nil {
				t.Fatal(err)
			}
		})
	})
	t.Run("evaluation", func(t *testing.T) {
		// As many clauses as the user has attributes.
		testkit.Linear(t, len(attributes)/8, func(n int) {
			f := &model.Flag{Enabled: true, Variations: []model.Variation{{ID: "1"}}, Rules: make([]model.Rule, n)}
			for i := range f.Rules {
				f.Rules[i].Clauses = []model.Clause{{Property: names[i], Operator: "Equal", Value: "x"}}
			}
			f.Fallthrough.Shares = []model.Share{{To: 1}}
			source := &eval.Source{Semantics: eval.Classic(), DecodeFlag: func([]byte) (*model.Flag, error) { return f, nil }, Report: func(eval.Problem) {}}
			s := eval.NewSnapshot(source).Bootstrap(&store.Update{Full: true, Flags: []store.Item{{Key: "f"}}})
			r, _ := eval.Evaluate(s, s.Flag("f"), NewUser("u", attributes[:n]...).u, nil)
			if r.Reason != eval.ReasonFallthrough {
				t.Fatal(r.Reason)
			}
		})
	})
}

// TestLimitOfAnEvaluation: the error of an evaluation that looks at too much
// says so, and is ErrEvaluation.
func TestLimitOfAnEvaluation(t *testing.T) {
	t.Parallel()
	for reason, err := range map[eval.Reason]error{eval.ReasonError: ErrEvaluation, eval.ReasonLimit: errLimit} {
		d := newDetail("f", &eval.Result{Reason: reason}, kindString, "-")
		if d.Reason != ReasonError || d.Err != err {
			t.Errorf("got %v, %v", d.Reason, d.Err)
		}
	}
	client, err := New(t.Context(), Config{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())
	client.events.RecordFallback(eval.ReasonLimit)
	if s := client.Stats(); s.Evaluations != 1 || s.Fallbacks != 1 || s.FallbackReasons != (FallbackReasons{Error: 1}) {
		t.Errorf("counted %+v", s)
	}
}
