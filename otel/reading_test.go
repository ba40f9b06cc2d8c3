package ffcotel

import (
	"reflect"
	"testing"
	"time"

	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/metric/noop"
)

// observer sums up what is observed.
type observer struct {
	noop.Observer
	integers int64
	seconds  float64
}

func (o *observer) ObserveInt64(_ metric.Int64Observable, v int64, _ ...metric.ObserveOption) {
	o.integers += v
}

func (o *observer) ObserveFloat64(_ metric.Float64Observable, v float64, _ ...metric.ObserveOption) {
	o.seconds += v
}

// TestEveryCountIsReported: each number of ffc.Stats is in exactly one measurement, but
// those that are sums of others. Each has a bit of its own.
func TestEveryCountIsReported(t *testing.T) {
	t.Parallel()
	sums := map[string]bool{"Stats.Evaluations": true, "Stats.Fallbacks": true, "Stats.Events.Recorded": true}
	var want int64
	bit := 0
	var fill func(name string, v reflect.Value)
	fill = func(name string, v reflect.Value) {
		switch {
		case v.Type() == reflect.TypeFor[time.Duration]():
			v.SetInt(int64(time.Second))
		case v.Kind() == reflect.Uint64 && !sums[name]:
			v.SetUint(1 << bit)
			want |= 1 << bit
			bit++
		case v.Kind() == reflect.Int:
			v.SetInt(1 << bit)
			want |= 1 << bit
			bit++
		case v.Kind() == reflect.Struct && v.Type() != reflect.TypeFor[time.Time]():
			for i := range v.NumField() {
				fill(name+"."+v.Type().Field(i).Name, v.Field(i))
			}
		}
	}
	var r reading
	fill("Stats", reflect.ValueOf(&r.Stats).Elem())
	if bit < 20 {
		t.Fatalf("only %d counts", bit)
	}
	var o observer
	i := instruments{meter: noop.Meter{}}
	i.define()
	for _, report := range i.reports {
		report(&o, &r)
	}
	if o.integers != want || o.seconds != 1 {
		t.Errorf("reported %b and %v s\nwant     %b and 1 s", o.integers, o.seconds, want)
	}
}
