package ffc

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// Evaluation is the result of one call of a getter, for Config.OnEvaluation. It is
// also reported if the call returned the fallback.
type Evaluation struct {
	FlagKey  string
	FlagName string
	User     User
	// VariationID and Value are the flag's; both are "" if the call returned the
	// fallback.
	VariationID string
	Value       string
	Reason      Reason
	Static      bool // as in Detail
	Split       bool // as in Detail
	// DataVersion is Status.DataVersion of the data that was used; 0 without data.
	DataVersion int64
	Err         error // as in Detail
}

// callOnEvaluation calls Config.OnEvaluation. It recovers a panic, so that no
// evaluation panics.
func (f Flags) callOnEvaluation(ctx context.Context, key string, r *eval.Result, kind valueKind) {
	defer func() {
		if v := recover(); v != nil {
			f.c.notePanic("Config.OnEvaluation", v)
		}
	}()
	e := Evaluation{FlagKey: key, User: f.user, Reason: Reason(r.Reason.String()), Err: resultError(r, kind)}
	if f.view.serving {
		e.DataVersion = f.view.snapshot.Version()
	}
	if r.Flag != nil {
		e.FlagName = r.Flag.Name
	}
	if r.Variation != nil {
		e.VariationID, e.Value = r.Variation.ID, r.Variation.Value
		e.Static, e.Split = r.Static(), r.Split
	}
	f.c.cfg.OnEvaluation(ctx, e)
}

// noteAbandoned logs that a function of the application does not return, once for
// each function.
func (c *Client) noteAbandoned(function string) {
	if _, logged := c.abandoned.LoadOrStore(function, true); !logged {
		c.immediateLog.Error("ffc: a function of the application ignores its context and was abandoned", "function", function)
	}
}

// notePanic logs that a function of the application panicked, once for each
// function, because it usually panics with every call. It logs only the type of
// the panic's value: the value may hold a secret. Call it in the deferred function
// that recovers, so that the stack is that of the panic.
func (c *Client) notePanic(function string, value any) {
	if _, logged := c.panicked.LoadOrStore(function, true); logged {
		return
	}
	if value == (exited{}) {
		c.immediateLog.Error("ffc: a function of the application ended its goroutine, as runtime.Goexit does", "function", function)
		return
	}
	c.immediateLog.Error("ffc: a function of the application panicked",
		"function", function, "panic", fmt.Sprintf("%T", value), "stack", string(debug.Stack()))
}
