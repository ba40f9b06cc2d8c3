package doctor_test

import (
	"crypto/x509"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/doctor"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/faults"
)

// TestDeadConnection: a connection of HTTP/2 that goes dead between two checks
// costs the next check, and not all that follow.
func TestDeadConnection(t *testing.T) {
	t.Parallel()
	platform := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
	defer platform.Close()
	front := httptest.NewUnstartedServer(platform)
	front.EnableHTTP2 = true
	front.StartTLS()
	defer front.Close()
	proxy, err := faults.NewProxy(front.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer proxy.Close()
	authorities := x509.NewCertPool()
	authorities.AddCert(front.Certificate())
	outcomes := make(map[string]doctor.Outcome)
	err = doctor.Run(t.Context(), doctor.Config{
		EnvSecret: platform.EnvSecret, BaseURL: "https://" + proxy.Address, RootCAs: authorities,
		Timeout: 2 * time.Second, Env: func(string) string { return "" },
	}, func(name string) {
		if name == "polling" {
			proxy.Deaden()
		}
	}, func(c doctor.Check) { outcomes[c.Name] = c.Outcome })
	if err != nil {
		t.Fatal(err)
	}
	if outcomes["polling"] == doctor.OK {
		t.Error("the connection was not dead: what was tested?")
	}
	if got := outcomes["events"]; got != doctor.OK {
		t.Errorf("events: %s, want ok; all: %v", got, outcomes)
	}
}
