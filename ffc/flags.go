package ffc

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"reflect"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
)

// Flags evaluates flags for one user from one version of the data, so that all
// values within a request are consistent. It is cheap to create and to copy. Keep
// it for one request, not longer. Its methods may be called concurrently. The zero
// Flags returns fallbacks.
type Flags struct {
	c    *Client
	view *view
	user User
}

// For returns the flags of a user from the current data. It does not block or
// allocate.
func (c *Client) For(user User) Flags {
	if c != nil {
		if v := c.view.Load(); v != nil {
			return Flags{c: c, view: v, user: user}
		}
	}
	return Flags{user: user} // not created by New
}

// Format implements fmt.Formatter. It does not print the user.
func (f Flags) Format(s fmt.State, _ rune) { _, _ = io.WriteString(s, "ffc.Flags") }

// variation evaluates a flag and returns the variation to read. nil means the
// fallback of the call.
func (f Flags) variation(ctx context.Context, key string, kind valueKind) *eval.Variation {
	t := valueType{kind: kind}
	r := f.evaluate(ctx, key, t)
	return f.value(key, &r, t)
}

// detail is variation with the reason for the value.
func detail[T any](ctx context.Context, f Flags, key string, kind valueKind, fallback T, read func(*eval.Variation) T) Detail[T] {
	t := valueType{kind: kind}
	r := f.evaluate(ctx, key, t)
	d := newDetail(key, &r, kind, fallback)
	if v := f.value(key, &r, t); v != nil {
		d.Value = read(v)
	}
	return d
}

// String is Client.Variation.
func (f Flags) String(ctx context.Context, key, fallback string) string {
	if v := f.variation(ctx, key, kindString); v != nil {
		return v.Value
	}
	return fallback
}

// StringDetail is Client.VariationDetail.
func (f Flags) StringDetail(ctx context.Context, key, fallback string) Detail[string] {
	return detail(ctx, f, key, kindString, fallback, func(v *eval.Variation) string { return v.Value })
}

// Bool is Client.BoolVariation.
func (f Flags) Bool(ctx context.Context, key string, fallback bool) bool {
	if v := f.variation(ctx, key, kindBool); v != nil {
		return v.Bool
	}
	return fallback
}

// BoolDetail is Client.BoolVariationDetail.
func (f Flags) BoolDetail(ctx context.Context, key string, fallback bool) Detail[bool] {
	return detail(ctx, f, key, kindBool, fallback, func(v *eval.Variation) bool { return v.Bool })
}

// Int is Client.IntVariation.
func (f Flags) Int(ctx context.Context, key string, fallback int) int {
	if v := f.variation(ctx, key, kindInt); v != nil {
		return v.Int
	}
	return fallback
}

// IntDetail is Client.IntVariationDetail.
func (f Flags) IntDetail(ctx context.Context, key string, fallback int) Detail[int] {
	return detail(ctx, f, key, kindInt, fallback, func(v *eval.Variation) int { return v.Int })
}

// Float is Client.FloatVariation.
func (f Flags) Float(ctx context.Context, key string, fallback float64) float64 {
	if v := f.variation(ctx, key, kindFloat); v != nil {
		return v.Float
	}
	return fallback
}

// FloatDetail is Client.FloatVariationDetail.
func (f Flags) FloatDetail(ctx context.Context, key string, fallback float64) Detail[float64] {
	return detail(ctx, f, key, kindFloat, fallback, func(v *eval.Variation) float64 { return v.Float })
}

// JSON is Client.JSONVariation.
func (f Flags) JSON(ctx context.Context, key string, into any) error {
	target := reflect.ValueOf(into)
	if target.Kind() != reflect.Pointer || target.IsNil() {
		return fmt.Errorf("ffc: JSON value of flag %q: into is a %T, expected a pointer that is not nil", key, into)
	}
	// json.Unmarshal stops half-way at a value that does not fit, but into must
	// then stay unchanged. So the value is decoded into a trial first.
	var misfit error
	t := valueType{kind: kindJSON, decode: func(value string) error {
		trial := reflect.New(target.Type().Elem())
		if trial.Elem().Kind() == reflect.Interface {
			trial.Elem().Set(sameKind(target.Elem()))
		}
		misfit = json.Unmarshal([]byte(value), trial.Interface())
		return misfit
	}}
	r := f.evaluate(ctx, key, t)
	err := resultError(&r, kindJSON)
	if err != nil && misfit != nil {
		err = fmt.Errorf("%w: %w", err, misfit) // not errors.Join: a log has it on one line
	}
	if v := f.value(key, &r, t); v != nil {
		err = json.Unmarshal([]byte(v.Value), into)
	}
	if err != nil {
		return fmt.Errorf("ffc: JSON value of flag %q: %w", key, err)
	}
	return nil
}

// sameKind returns a new pointer of the same type if the interface holds a pointer,
// because json.Unmarshal then decodes into its target. Otherwise it returns the
// zero interface, because json.Unmarshal replaces the value.
func sameKind(held reflect.Value) reflect.Value {
	if p := held.Elem(); p.Kind() == reflect.Pointer && !p.IsNil() {
		return reflect.New(p.Type().Elem())
	}
	return reflect.Zero(held.Type())
}

// ParseDetail evaluates a flag whose values parse can read, for types that have no
// getter, such as time.Duration. If parse returns an error, the Detail has the
// fallback and an Err that is ErrWrongType and that error; no event is recorded, as
// for every value of a wrong type. parse may be called more than once, also with the
// flag's value in Config.Fallbacks; it must not call the client.
func ParseDetail[T any](ctx context.Context, f Flags, key string, fallback T, parse func(value string) (T, error)) Detail[T] {
	var parsed T
	var misfit error
	t := valueType{kind: kindParsed, decode: func(value string) error {
		parsed, misfit = parse(value)
		return misfit
	}}
	r := f.evaluate(ctx, key, t)
	if r.Variation == nil && f.c != nil && f.c.fallbackLog.due(key, &r) {
		f.c.logFallback(&f, key, &r, typeName[T]())
	}
	d := newDetail(key, &r, kindParsed, fallback)
	if misfit != nil {
		d.Err = fmt.Errorf("%w: %w", d.Err, misfit) // not errors.Join: a log has it on one line
	}
	if f.value(key, &r, t) != nil {
		d.Value = parsed
	}
	return d
}

// typeName returns the name of a type, for the log.
func typeName[T any]() string {
	if t := reflect.TypeFor[T](); t != reflect.TypeFor[any]() {
		return t.String()
	}
	return "any" // reflect names it interface {}
}

// IsEnabled is Client.IsEnabled.
func (f Flags) IsEnabled(ctx context.Context, key string) bool {
	v := f.variation(ctx, key, kindString)
	return v != nil && v.IsBool && v.Bool
}
