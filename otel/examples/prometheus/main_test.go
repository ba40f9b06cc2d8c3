package main

import (
	"flag"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"regexp"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

var update = flag.Bool("update", false, "rewrite the golden file")

// seconds are values that differ from run to run.
var seconds = regexp.MustCompile(`(?m)^(ffc_data_age_seconds|ffc_fetch_time_seconds_total)(.*) \S+$`)

// TestScrape compares what Prometheus gets with testdata/metrics.txt. go test -update
// rewrites the file; read the difference.
func TestScrape(t *testing.T) {
	t.Parallel()
	server := platforms.NewServer(t, ffctest.Classic, ffctest.Flag("new-checkout"), ffctest.Flag("off").Off())
	client, err := ffc.New(testkit.Within(t), ffc.Config{EnvSecret: server.EnvSecret, BaseURL: server.URL, Transport: &poll.Transport{MaxAge: time.Hour}, Logger: testkit.Quiet()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(testkit.Within(t))
	for _, key := range []string{"new-checkout", "new-checkout", "off", "missing"} {
		client.BoolVariation(t.Context(), key, ffc.NewUser("ann"), false)
	}
	metrics, err := handler(client)
	if err != nil {
		t.Fatal(err)
	}
	web := httptest.NewServer(metrics)
	defer web.Close()
	req, err := http.NewRequestWithContext(testkit.Within(t), http.MethodGet, web.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	got := seconds.ReplaceAllString(string(body), "$1$2 some seconds")
	const golden = "testdata/metrics.txt"
	if *update {
		if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
