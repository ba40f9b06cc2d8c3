package ffcopenfeature_test

import (
	"bytes"
	"log/slog"
	"math"
	"slices"
	"strings"
	"testing"

	of "github.com/open-feature/go-sdk/openfeature"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	ffcopenfeature "github.com/feature-flags-co/ffc-server-go-sdk/openfeature"
)

func TestTrack(t *testing.T) {
	t.Parallel()
	server := platform(t)
	client := online(t, server, nil)
	api, flags := ready(t, client)
	api.SetEvaluationContext(of.NewTargetlessEvaluationContext(map[string]any{"country": "FR"}))
	visitor := of.NewEvaluationContext("u", map[string]any{"plan": "pro", "tags": []string{"a list is left out"}})
	flags.Track(t.Context(), "purchase", visitor, of.NewTrackingEventDetails(19.5).Add("currency", "EUR"))
	flags.Track(t.Context(), "visit", visitor, of.TrackingEventDetails{})
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range server.Events() {
		if e.UserKey != "u" || e.Country != "FR" || e.Attributes["plan"] != "pro" || e.Attributes["tags"] != "" {
			t.Errorf("the user is %+v", e)
		}
		got = append(got, e.Metric)
		if want := map[string]float64{"purchase": 19.5, "visit": 1}[e.Metric]; e.MetricValue != want {
			t.Errorf("%s: value %v, want %v", e.Metric, e.MetricValue, want)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{"purchase", "visit"}) {
		t.Errorf("tracked %v", got)
	}
}

// TestTrackTellsWhatItCannot record: each kind of problem, once.
func TestTrackTellsWhatItCannot(t *testing.T) {
	t.Parallel()
	server := platform(t, ffctest.Flag("f"))
	client := online(t, server, nil)
	var log bytes.Buffer
	provider := ffcopenfeature.NewProvider(client, ffcopenfeature.Config{Logger: slog.New(slog.NewTextHandler(&log, nil))})
	tests := []struct {
		name  string
		ctx   of.EvaluationContext
		event string
		value float64
		want  string
	}{
		{"no key", of.EvaluationContext{}, "e", 1, "no targeting key"},
		{"value", user("hush"), "e", -1, "above 0"},
		{"NaN, the same kind", user("hush"), "e", math.NaN(), ""},
		{"no name, the same kind", user("hush"), "", 1, ""},
	}
	for _, test := range tests {
		log.Reset()
		provider.Track(t.Context(), test.event, test.ctx, of.NewTrackingEventDetails(test.value))
		if got := log.String(); (got == "") != (test.want == "") || !strings.Contains(got, test.want) || strings.Contains(got, "hush") {
			t.Errorf("%s: logged %q", test.name, got)
		}
	}
	if err := client.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	log.Reset()
	provider.Track(t.Context(), "e", user("u"), of.NewTrackingEventDetails(1))
	if !strings.Contains(log.String(), "closed") || len(server.Events()) != 0 {
		t.Errorf("logged %q, recorded %v", log.String(), server.Events())
	}
}
