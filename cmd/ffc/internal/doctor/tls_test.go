package doctor_test

import (
	"crypto/x509"
	"net"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/cmd/ffc/internal/doctor"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// TestTLS: what is wrong with a certificate is said, and a good one is no
// obstacle to anything.
func TestTLS(t *testing.T) {
	const noTLS = "skip not checked: there is no TLS connection to 127.0.0.1:"
	broken := map[string]string{"clock": noTLS, "websocket": noTLS, "token": noTLS, "data": noTLS, "polling": noTLS, "events": noTLS}
	tests := []struct {
		name    string
		change  func(*x509.Certificate)
		unknown bool // the authority
		want    string
	}{
		{name: "good", want: `ok TLS 1.3, certificate of 127.0.0.1 by "Test Authority" until `},
		{name: "ends soon", want: "warn the certificate of 127.0.0.1 ends in 2 days, on ",
			change: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(60 * time.Hour) }},
		{name: "ended", want: "fail the certificate ended on ",
			change: func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }},
		{name: "not yet", want: "fail the certificate is not valid before ",
			change: func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }},
		{name: "of another", want: `fail the certificate is of ["flags.example.com" "127.0.0.2"] and not of 127.0.0.1`,
			change: func(c *x509.Certificate) {
				c.DNSNames, c.IPAddresses = []string{"flags.example.com"}, []net.IP{net.IPv4(127, 0, 0, 2)}
			}},
		{name: "of many others", want: `fail the certificate is of ["a" "b" "c"] and 1 more and not of 127.0.0.1`,
			change: func(c *x509.Certificate) { c.DNSNames, c.IPAddresses = []string{"a", "b", "c", "d"}, nil }},
		{name: "for something else", want: "fail the certificate is not trusted: x509: certificate specifies an incompatible key usage",
			change: func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth} }},
		{name: "by an unknown authority", unknown: true, want: `fail the certificate is issued by "Test Authority", an authority that this machine does not trust`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			s := ffctest.NewServer(ffctest.Snapshot(ffctest.Flag("a")))
			defer s.Close()
			authority := testkit.NewAuthority(t)
			certificate := authority.Certificate(t, test.change)
			if test.unknown {
				authority = testkit.NewAuthority(t)
			}
			got := examine(t, doctor.Config{EnvSecret: s.EnvSecret, BaseURL: overTLS(t, s, certificate), RootCAs: authority.Pool()})
			got.is(t, map[string]string{"url": "ok https://127.0.0.1:", "tls": test.want})
			if got["tls"].Outcome == doctor.Fail {
				got.is(t, broken)
				return
			}
			got.is(t, map[string]string{"clock": "ok", "websocket": "ok", "token": "ok accepted", "data": "ok 1 flag, 0 segments", "polling": "ok 1 flag", "events": "ok"})
		})
	}
}
