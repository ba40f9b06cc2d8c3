package ffc_test

import (
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestFeatBitPushesNameAffectedFlags: FeatBit pushes a segment alone when it
// changes, and not the flags that use it.
func TestFeatBitPushesNameAffectedFlags(t *testing.T) {
	t.Parallel()
	testers := ffctest.Segment("testers").Include("u1")
	server, client := connectedTo(t, ffctest.FeatBit, nil, testers,
		ffctest.Flag("by-segment").Rule("true", ffctest.InSegment("testers")).Serve("false"),
		ffctest.Flag("alone"))
	changes := make(chan []string, 1)
	defer client.OnChange(func(keys []string) { changes <- keys })()
	steps := []struct {
		name   string
		change func()
		want   string
	}{
		{"a flag", func() { server.Put(ffctest.Flag("alone").Off()) }, "alone"},
		{"a segment", func() { server.Put(testers.Include("u2")) }, "by-segment"},
		{"a new flag", func() { server.Put(ffctest.Flag("new")) }, "new"},
		{"an archived flag", func() { server.Archive("alone") }, "alone"},
		{"an archived segment", func() { server.ArchiveSegment("testers") }, "by-segment"},
	}
	user := ffc.NewUser("u2")
	for _, step := range steps {
		step.change()
		if got := receive(t, step.name, changes); !slices.Equal(got, []string{step.want}) {
			t.Errorf("%s: got %v, want %s", step.name, got, step.want)
		}
		if step.name == "a segment" && !client.BoolVariation(t.Context(), "by-segment", user, false) {
			t.Error("the segment has not changed for the flag that uses it")
		}
	}
	if d := client.BoolVariationDetail(t.Context(), "by-segment", user, true); !d.Value || d.Err == nil {
		t.Errorf("without its segment: got %+v, want the fallback and an error", d)
	}
}

// TestFeatBitEvents: what is reported, as the platform takes it.
func TestFeatBitEvents(t *testing.T) {
	t.Parallel()
	server, client := connectedTo(t, ffctest.FeatBit, func(c *ffc.Config) { c.Events = flush.Config{PrivateAttributes: []string{"plan"}} },
		ffctest.Flag("checkout").Variations("red", "blue").Target("blue", "u"))
	user := ffc.NewUser("u", ffc.Name("Ann"), ffc.Email("ann@example.com"), ffc.Country("FR"), ffc.String("tenant", "acme"), ffc.String("plan", "pro"))
	before := time.Now().Truncate(time.Millisecond)
	client.Variation(t.Context(), "checkout", user, "red")
	if err := client.TrackMetric(t.Context(), user, "purchase", 19.9); err != nil {
		t.Fatal(err)
	}
	if err := client.Flush(testkit.Within(t)); err != nil {
		t.Fatal(err)
	}
	events := server.Events()
	for i := range events {
		if at := events[i].Time; at.Before(before) || at.After(time.Now()) {
			t.Errorf("event %d is of %v", i, at)
		}
		events[i].Time = time.Time{}
	}
	about := ffctest.Event{UserKey: "u", UserName: "Ann", Email: "ann@example.com", Country: "FR", Attributes: map[string]string{"tenant": "acme"}}
	evaluation, metric := about, about
	evaluation.FlagKey, evaluation.VariationID, evaluation.Value, evaluation.SendToExperiment = "checkout", "2", "blue", true
	metric.Metric, metric.MetricValue, metric.AppType, metric.Route, metric.Type = "purchase", 19.9, "go-server-side", "index/metric", "CustomEvent"
	if want := []ffctest.Event{evaluation, metric}; !reflect.DeepEqual(events, want) {
		t.Errorf("got  %+v\nwant %+v", events, want)
	}
	if n := server.Dropped(); n != 0 {
		t.Errorf("the platform threw %d events away", n)
	}
}
