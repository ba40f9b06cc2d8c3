package ffc

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// Evaluation is what Config.OnEvaluation is told: the answer of one call of a
// getter, also when it is the fallback.
type Evaluation struct {
	FlagKey  string
	FlagName string
	User     User
	// VariationID and Value are the flag's; both are "" when the caller got a
	// fallback.
	VariationID string
	Value       string
	Reason      Reason
	Err         error // as in Detail
}

// callOnEvaluation calls the application's hook, whose panic is not to become
// one of an evaluation.
func (c *Client) callOnEvaluation(ctx context.Context, key string, user User, r *eval.Result) {
	defer func() {
		if v := recover(); v != nil {
			c.notePanic("Config.OnEvaluation", v)
		}
	}()
	e := Evaluation{FlagKey: key, User: user, Reason: Reason(r.Reason.String()), Err: reasonError(r.Reason)}
	if r.Flag != nil {
		e.FlagName = r.Flag.Name
	}
	if r.Variation != nil {
		e.VariationID, e.Value = r.Variation.ID, r.Variation.Value
	}
	c.cfg.OnEvaluation(ctx, e)
}

// noteAbandoned logs that a function of the application does not return; once
// for each.
func (c *Client) noteAbandoned(function string) {
	if _, told := c.abandoned.LoadOrStore(function, true); !told {
		c.promptLog.Error("ffc: a function of the application ignores its context and was abandoned", "function", function)
	}
}

// notePanic logs that a function of the application panicked; once for each, as
// such a function tends to do so every time. Only the type of the panic's value
// is told: the value may hold anything. It is called while the panic's stack is
// still there.
func (c *Client) notePanic(function string, value any) {
	if _, told := c.panicked.LoadOrStore(function, true); told {
		return
	}
	if value == (exited{}) {
		c.promptLog.Error("ffc: a function of the application ended its goroutine, as runtime.Goexit does", "function", function)
		return
	}
	c.promptLog.Error("ffc: a function of the application panicked",
		"function", function, "panic", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
}
