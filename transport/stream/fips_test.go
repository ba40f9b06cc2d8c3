package stream_test

import (
	"encoding/pem"
	"io"
	"log"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"runtime"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// Where FIPS 140-3 is enforced, SHA-1 panics, which the handshake of websockets
// needs. Everything else about it has to be, and is, enforced: see childHTTP.
func TestFIPSOnly(t *testing.T) {
	t.Parallel()
	if runtime.GOARCH != "amd64" && runtime.GOARCH != "arm64" {
		t.Skip("Go has no FIPS 140-3 mode on some architectures")
	}
	for _, mode := range []string{push, onDemandMode} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			srv := newServer(t, ffctest.Flag("f").Variations("old", "new"))
			target, err := url.Parse(srv.URL)
			if err != nil {
				t.Fatal(err)
			}
			silent := log.New(io.Discard, "", 0) // connections that are cut are part of the test
			secure := httptest.NewUnstartedServer(&httputil.ReverseProxy{
				Rewrite:  func(r *httputil.ProxyRequest) { r.SetURL(target) },
				ErrorLog: silent,
			})
			secure.Config.ErrorLog = silent
			secure.StartTLS()
			t.Cleanup(secure.Close)
			cert := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
			c := startChild(t, mode, secure.URL, childCert+"="+string(cert), "GODEBUG=fips140=only")
			c.await("old")
			srv.Put(ffctest.Flag("f").Variations("old", "new").Serve("new"))
			c.await("new")
			srv.DropConnections()
			srv.Put(ffctest.Flag("f").Variations("old", "new").Serve("old"))
			c.await("old")
		})
	}
}
