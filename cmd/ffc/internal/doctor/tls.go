package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"
)

// expirySoon is the remaining time below which a certificate should be renewed.
const expirySoon = 14 * 24 * time.Hour

// checkTLS verifies the certificate as the SDK does, through a proxy if there is
// one.
func (e *examination) checkTLS(ctx context.Context, o *origin) finding {
	if !o.tls {
		return skipped("connections to %s use no TLS", net.JoinHostPort(o.host, o.port))
	}
	// The check needs only the handshake of the request.
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var state tls.ConnectionState
	var began time.Time
	var took time.Duration
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		TLSHandshakeStart: func() { began = time.Now() },
		TLSHandshakeDone: func(s tls.ConnectionState, err error) {
			took = time.Since(began)
			if err == nil && s.HandshakeComplete {
				state = s
				cancel()
			}
		},
	})
	// A transport of its own makes a new connection, and ends it.
	transport := e.transport.Clone()
	transport.DisableKeepAlives = true
	defer transport.CloseIdleConnections()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "https://"+net.JoinHostPort(o.host, o.port)+"/", nil)
	if err != nil {
		return fail("", "%v", err)
	}
	resp, err := transport.RoundTrip(req)
	if err == nil {
		_ = resp.Body.Close()
	}
	if len(state.PeerCertificates) > 0 {
		return certificate(state, o.host, took)
	}
	o.down = "there is no TLS connection to " + net.JoinHostPort(o.host, o.port)
	return handshakeFailure(err, o)
}

// certificate judges a valid certificate.
func certificate(state tls.ConnectionState, host string, took time.Duration) finding {
	leaf := state.PeerCertificates[0]
	left := time.Until(leaf.NotAfter)
	f := ok("%s, certificate of %s by %s until %s", tls.VersionName(state.Version), host, issuer(leaf), date(leaf.NotAfter))
	if left < expirySoon {
		f = warn("renew it", "the certificate of %s ends in %d days, on %s", host, int(left.Hours()/24), date(leaf.NotAfter))
	}
	f.took = took
	return f
}

// handshakeFailure describes a failed TLS connection.
func handshakeFailure(err error, o *origin) finding {
	const authorities = "add the authority's certificate to those of this machine (on Linux, also with SSL_CERT_FILE); a proxy that inspects traffic has an authority of its own"
	address := net.JoinHostPort(o.host, o.port)
	var verification *tls.CertificateVerificationError
	if !errors.As(err, &verification) || len(verification.UnverifiedCertificates) == 0 {
		var record tls.RecordHeaderError
		switch {
		case errors.Is(err, http.ErrSchemeMismatch) || errors.As(err, &record):
			return fail("use http:// and ws:// in the URLs, or the port for TLS", "%s does not speak TLS", address)
		case errors.Is(err, context.DeadlineExceeded):
			return fail("check that the port is that of the platform, and the proxies and firewalls in between", "%s accepts connections but does not respond", address)
		}
		return fail("check that the port is one for TLS, and the proxies and firewalls in between", "no TLS connection to %s: %v", address, cause(err))
	}
	leaf := verification.UnverifiedCertificates[0]
	var unknown x509.UnknownAuthorityError
	var name x509.HostnameError
	var invalid x509.CertificateInvalidError
	switch {
	case errors.As(err, &unknown):
		return fail(authorities, "the certificate is issued by %s, an authority that this machine does not trust", issuer(leaf))
	case errors.As(err, &name):
		return fail("use a name that the certificate has, or a certificate that has the name", "the certificate is of %s and not of %s", names(leaf), o.host)
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired && time.Now().After(leaf.NotAfter):
		return fail("renew the certificate; if it should still be valid, set this machine's clock", "the certificate ended on %s", date(leaf.NotAfter))
	case errors.As(err, &invalid) && invalid.Reason == x509.Expired:
		return fail("set this machine's clock", "the certificate is not valid before %s", date(leaf.NotBefore))
	}
	return fail(authorities, "the certificate is not trusted: %v", verification.Err)
}

func issuer(c *x509.Certificate) string {
	switch {
	case c.Issuer.CommonName != "":
		return fmt.Sprintf("%q", c.Issuer.CommonName)
	case len(c.Issuer.Organization) > 0:
		return fmt.Sprintf("%q", c.Issuer.Organization[0])
	}
	return "an authority without a name"
}

// names returns the names that a certificate is for.
func names(c *x509.Certificate) string {
	const shown = 3
	all := append([]string(nil), c.DNSNames...)
	for _, ip := range c.IPAddresses {
		all = append(all, ip.String())
	}
	switch {
	case len(all) == 0:
		return fmt.Sprintf("%q", c.Subject.CommonName)
	case len(all) > shown:
		return fmt.Sprintf("%q and %d more", all[:shown], len(all)-shown)
	}
	return fmt.Sprintf("%q", all)
}

func date(t time.Time) string { return t.UTC().Format("2006-01-02") }
