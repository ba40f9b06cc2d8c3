package ffc_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

func TestTrack(t *testing.T) {
	t.Parallel()
	platforms.Each(t, testTrack)
}

func testTrack(t *testing.T, p ffctest.Platform) {
	t.Parallel()
	server, client := connectedTo(t, p, nil)
	appType := map[ffctest.Platform]string{ffctest.Classic: "goserverside", ffctest.FeatBit: "go-server-side"}[p]
	ctx, user := t.Context(), ffc.NewUser("u", ffc.Country("FR"))
	bad := map[string]error{
		"user": client.Track(ctx, ffc.User{}, "e"),
		"name": client.TrackMetric(ctx, user, "", 1),
		"0":    client.TrackMetric(ctx, user, "e", 0),
		"-1":   client.TrackMetric(ctx, user, "e", -1),
		"NaN":  client.TrackMetric(ctx, user, "e", math.NaN()),
		"+Inf": client.TrackMetric(ctx, user, "e", math.Inf(1)),
		"1e39": client.TrackMetric(ctx, user, "e", 1e39), // the platform keeps 32 bits
	}
	for what, err := range bad {
		if err == nil || what == "user" && !errors.Is(err, ffc.ErrUserNotSpecified) {
			t.Errorf("bad %s: %v", what, err)
		}
	}
	if n := client.Stats().Events.Recorded; n != 0 {
		t.Errorf("%d bad metrics were recorded", n)
	}
	err := client.TrackMetrics(ctx, user, map[string]float64{"b": 2.5, "a": 1, "bad": -1})
	if err == nil || !strings.Contains(err.Error(), `"bad"`) || strings.Contains(err.Error(), `"a"`) {
		t.Errorf("TrackMetrics: %v", err)
	}
	if err := errors.Join(client.Track(ctx, user, "c"), client.Flush(ctx)); err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range server.Events() {
		if e.UserKey != "u" || e.Country != "FR" || e.AppType != appType || e.Route != "index/metric" || e.Type != "CustomEvent" {
			t.Errorf("got %+v", e)
		}
		got = append(got, e.Metric)
		if want := map[string]float64{"a": 1, "b": 2.5, "c": 1}[e.Metric]; e.MetricValue != want {
			t.Errorf("%s: got %v, want %v", e.Metric, e.MetricValue, want)
		}
	}
	if strings.Join(got, "") != "abc" {
		t.Errorf("got the metrics %q", got)
	}
}
