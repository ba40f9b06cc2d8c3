package event

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
)

// TestFeatBitBody compares a whole request to FeatBit. The clock begins at
// 2000-01-01T00:00:00Z.
func TestFeatBitBody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var sink testPlatform
		to := destination("http://platform.test", &http.Client{Transport: &sink})
		to.Protocol = featbit.Protocol()
		p := New(flush.Config{PrivateAttributes: []string{"plan"}}, to)
		ann := &eval.User{Key: "u1", Name: "Ann", Email: "ann@example.com", Country: "FR"}
		ann.Set("plan", "pro")
		ann.Set("age", "18")
		result := served("checkout", "aaaaaaaa-0000-0000-0000-000000000001", "true")
		result.Experiment = true
		p.RecordEvaluation(ann, nil, &result)
		time.Sleep(1500 * time.Microsecond)
		p.RecordMetric(ann, "click", 2.5)
		time.Sleep(time.Hour)
		p.RecordEvaluation(user("u2"), nil, &result)
		if err := p.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		requests := sink.seen()
		if len(requests) != 1 {
			t.Fatalf("%d requests", len(requests))
		}
		compareGolden(t, "featbit", requests[0].body)
		for name, want := range map[string]string{
			"Authorization": testSecret,
			"envSecret":     "",
			"User-Agent":    httpclient.UserAgent(),
			"Content-Type":  "application/json; charset=utf-8",
		} {
			if got := requests[0].header.Get(name); got != want {
				t.Errorf("header %s is %q, expected %q", name, got, want)
			}
		}
	})
}
