package offline

import (
	"io"
	"log/slog"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// Most tests need flags and nothing else: an offline client has no connection,
// starts nothing and is ready at once.
func TestPrice(t *testing.T) {
	client, err := ffc.New(t.Context(), ffc.Config{
		Offline: true,
		Bootstrap: ffctest.Snapshot(
			ffctest.Flag("discount").Variations("0", "10", "25").
				Target("25", "employee-1").
				Rule("10", ffctest.Attr("plan").Equal("pro")).
				Serve("0")),
	})
	if err != nil {
		t.Fatal(err)
	}
	checkout := Checkout{Flags: client}
	tests := []struct {
		name     string
		customer ffc.User
		want     int
	}{
		{"anybody", ffc.NewUser("u1"), 2000},
		{"pro", ffc.NewUser("u2", ffc.String("plan", "pro")), 1800},
		{"employee", ffc.NewUser("employee-1", ffc.String("plan", "pro")), 1500},
	}
	for _, test := range tests {
		if got := checkout.Price(t.Context(), test.customer, 2000); got != test.want {
			t.Errorf("%s pays %d, want %d", test.name, got, test.want)
		}
	}
}

// A flag that is missing must not break the shop.
func TestPriceWithoutFlags(t *testing.T) {
	client, err := ffc.New(t.Context(), ffc.Config{Offline: true})
	if err != nil {
		t.Fatal(err)
	}
	if got := (Checkout{Flags: client}).Price(t.Context(), ffc.NewUser("u1"), 2000); got != 2000 {
		t.Errorf("without flags: %d", got)
	}
}

// A platform in the process shows what arrives there.
func TestBuyTellsExperiments(t *testing.T) {
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("discount").Variations("0", "10").Serve("10")))
	defer platform.Close()
	client, err := ffc.New(t.Context(), ffc.Config{
		EnvSecret: platform.EnvSecret,
		BaseURL:   platform.URL,
		Transport: &stream.Transport{},
		Logger:    slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close(t.Context())

	if _, err := (Checkout{Flags: client}).Buy(t.Context(), ffc.NewUser("u1"), 2000); err != nil {
		t.Fatal(err)
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	events := platform.Events()
	if len(events) != 2 || events[0].FlagKey != "discount" || events[1].Metric != "purchase" || events[1].MetricValue != 18 {
		t.Errorf("the platform received %+v", events)
	}
}
