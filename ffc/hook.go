package ffc

import (
	"context"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// Evaluation is what Config.OnEvaluation is told.
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
		if recover() != nil {
			c.notePanic("Config.OnEvaluation")
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

// notePanic logs that a function of the application panicked; once, as such a
// function does so every time. The panic's value is left out: it may hold
// anything.
func (c *Client) notePanic(function string) {
	if c.panicked.CompareAndSwap(false, true) {
		c.log.Error("ffc: a function of the application panicked", "function", function)
	}
}
