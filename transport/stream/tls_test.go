package stream_test

import (
	"crypto/tls"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// onTLS returns a platform behind a server that would rather speak HTTP/2. Its
// sockets are given to serve.
func onTLS(t *testing.T, serve func(*http.Request, *websocket.Conn)) *platform {
	t.Helper()
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 1 {
			t.Errorf("the handshake came over %s", r.Proto)
		}
		ws, err := websocket.Accept(w, r, nil)
		if err != nil {
			t.Errorf("accept: %v", err)
			return
		}
		defer ws.CloseNow()
		serve(r, ws)
	}))
	srv.EnableHTTP2 = true
	srv.Config.ErrorLog = log.New(io.Discard, "", 0) // handshakes that fail are part of the test
	srv.StartTLS()
	t.Cleanup(srv.Close)
	return &platform{t: t, url: "wss" + strings.TrimPrefix(srv.URL, "https"), http: srv.Client(), timeout: 20 * time.Second}
}

func TestTLS(t *testing.T) {
	t.Parallel()
	p := onTLS(t, func(r *http.Request, ws *websocket.Conn) {
		if _, message, err := ws.Read(r.Context()); err != nil || string(message) != syncRequest {
			t.Errorf("got %q, %v", message, err)
		}
		_ = ws.Write(r.Context(), websocket.MessageText, []byte(full))
		_, _, err := ws.Read(r.Context()) // answers the close frame
		if got := websocket.CloseStatus(err); got != websocket.StatusNormalClosure {
			t.Errorf("the socket ended with %v, want code 1000", err)
		}
	})
	s := start(t, p, quick())
	s.store.await("confirmed")
	if took := s.close(); took > grace {
		t.Errorf("Run returned after %v", took)
	}
}

func TestCloseOnTLSWithoutAnswer(t *testing.T) {
	t.Parallel()
	over := make(chan struct{})
	p := onTLS(t, func(r *http.Request, ws *websocket.Conn) {
		_ = ws.Write(r.Context(), websocket.MessageText, []byte(full))
		<-over // reads nothing
	})
	t.Cleanup(func() { close(over) })
	s := start(t, p, quick())
	s.store.await("confirmed")
	if took := s.close(); took > 4*grace {
		t.Errorf("Run returned after %v, want about %v", took, grace)
	}
}

func TestUnknownCertificate(t *testing.T) {
	t.Parallel()
	p := onTLS(t, func(*http.Request, *websocket.Conn) { t.Error("the client connected") })
	rt := &http.Transport{TLSClientConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ForceAttemptHTTP2: true}
	t.Cleanup(rt.CloseIdleConnections)
	p.http = &http.Client{Transport: rt}
	s := start(t, p, quick())
	for range 3 {
		s.store.awaitError("interrupted", transport.KindNetwork, "certificate")
	}
}
