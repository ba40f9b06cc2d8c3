package ffc

import (
	"encoding/json"
	"strconv"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// Detail is the result of an evaluation: the value and the reason for it.
type Detail[T any] struct {
	// Value is the flag's value, or the fallback if Err is not nil.
	Value T
	// VariationID is the platform's id of the variation; "" if Value is the
	// fallback.
	VariationID string
	Reason      Reason
	// FlagKey is the key that was evaluated.
	FlagKey string
	// FlagName is the flag's display name; "" if the flag was not found.
	FlagName string
	// Static says that every user gets this value: the flag is on, and has no
	// prerequisites, targets, rules or percentages.
	Static bool
	// Split says that percentages decided, by the user's bucket: in the rule that
	// matched, or in the default rule.
	Split bool
	// Err is nil if Value is the flag's. Otherwise errors.Is finds one of
	// ErrNotReady, ErrFlagNotFound, ErrUserNotSpecified, ErrWrongType and
	// ErrEvaluation, also ErrInvalidAttribute.
	Err error
}

// newDetail describes a result of a getter of this kind. The value is the fallback;
// the caller replaces it if there is another one.
func newDetail[T any](key string, r *eval.Result, kind valueKind, fallback T) Detail[T] {
	d := Detail[T]{Value: fallback, Reason: Reason(r.Reason.String()), FlagKey: key, Err: resultError(r, kind)}
	if r.Flag != nil {
		d.FlagName = r.Flag.Name
	}
	if r.Variation != nil {
		d.VariationID, d.Static, d.Split = r.Variation.ID, r.Static(), r.Split
	}
	return d
}

// MarshalJSON implements json.Marshaler in the format of the platform's other
// SDKs: {"success":true,"message":"OK",
// "data":{"id":1,"reason":"rule match","variation":"true",
// "keyName":"checkout","name":"Checkout"}}. The id of a fallback is -1.
func (d Detail[T]) MarshalJSON() ([]byte, error) {
	state := flagState{Success: d.Err == nil, Message: "OK", Data: d.json()}
	if d.Err != nil {
		state.Message = string(d.Reason)
	}
	return json.Marshal(state)
}

type flagState struct {
	Success bool   `json:"success"`
	Message string `json:"message"`
	Data    any    `json:"data"`
}

type detailJSON struct {
	ID        any    `json:"id"`
	Reason    Reason `json:"reason"`
	Variation string `json:"variation"`
	KeyName   string `json:"keyName"`
	Name      string `json:"name"`
}

func (d Detail[T]) json() detailJSON {
	j := detailJSON{ID: -1, Reason: d.Reason, Variation: text(d.Value), KeyName: d.FlagKey, Name: d.FlagName}
	if j.KeyName == "" {
		j.KeyName = "flag key unknown"
	}
	if j.Name == "" && d.VariationID == "" {
		j.Name = "flag name unknown"
	}
	if d.VariationID != "" {
		j.ID = d.VariationID
		if n, err := strconv.ParseInt(d.VariationID, 10, 64); err == nil {
			j.ID = n
		}
	}
	return j
}

// text returns the value as text, as the platform stores it.
func text(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int:
		return strconv.Itoa(v)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	}
	return ""
}
