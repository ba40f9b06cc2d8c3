package faults_test

import (
	"encoding/pem"
	"log/slog"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/faults"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

// BenchmarkUnitsOfWork measures what a refresh and a delivery on demand cost over
// TLS on a network with a round trip of 40 ms: the time of each, and how many
// connections there are for all requests.
func BenchmarkUnitsOfWork(b *testing.B) {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("f")))
	defer platform.Close()
	front := httptest.NewUnstartedServer(platform)
	front.EnableHTTP2 = true
	front.StartTLS()
	defer front.Close()
	// The client is our own, which trusts the system's authorities.
	authority := filepath.Join(b.TempDir(), "authority.pem")
	if err := os.WriteFile(authority, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: front.Certificate().Raw}), 0o600); err != nil {
		b.Fatal(err)
	}
	b.Setenv("SSL_CERT_FILE", authority)
	proxy, err := faults.NewProxy(front.URL, nil)
	if err != nil {
		b.Fatal(err)
	}
	defer proxy.Close()
	proxy.Set(faults.Fault{Delay: 20 * time.Millisecond})
	client, err := ffc.New(b.Context(), ffc.Config{
		EnvSecret: platform.EnvSecret, BaseURL: "https://" + proxy.Address,
		Transport: &poll.Transport{MaxAge: 1, Budget: 10 * time.Second},
		Events:    flush.Config{Retries: -1},
		Logger:    slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer func() { _ = client.Close(b.Context()) }()
	if !client.Initialized() {
		b.Fatal(client.Status().Err)
	}
	before := proxy.Accepted()
	var refreshing, delivering time.Duration
	for b.Loop() {
		began := time.Now()
		if err := client.Refresh(b.Context()); err != nil {
			b.Fatal(err)
		}
		refreshed := time.Now()
		client.BoolVariation(b.Context(), "f", ffc.NewUser("u"), false)
		if err := client.Flush(b.Context()); err != nil {
			b.Fatal(err)
		}
		refreshing += refreshed.Sub(began)
		delivering += time.Since(refreshed)
	}
	n := float64(b.N)
	b.ReportMetric(float64(refreshing.Milliseconds())/n, "refresh-ms")
	b.ReportMetric(float64(delivering.Milliseconds())/n, "delivery-ms")
	b.ReportMetric(float64(proxy.Accepted()-before)/(2*n), "connections/request")
}
