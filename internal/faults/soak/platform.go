package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/faults"
)

// platform is a platform behind a network that breaks, with its clients.
type platform struct {
	soak    *soak
	kind    ffctest.Platform
	current atomic.Pointer[ffctest.Server]
	plain   *front
	secured *front
	clients []*client
	arrived uint64 // events that arrived at earlier servers
	held    data
	backup  data
}

// data is the data of a platform.
type data struct {
	value   string // of the flag "release"
	version int64  // of that flag
	others  int    // number of other flags
}

// front is how clients reach a platform: a network, and behind it a load
// balancer that keeps running while servers behind it restart.
type front struct {
	*httptest.Server
	proxy *faults.Proxy
}

// others is the number of flags in addition to "release".
const others = 20

var values = []string{"v0", "v1", "v2", "v3"}

func release(value string) *ffctest.FlagBuilder {
	return ffctest.Flag("release").Variations(values...).Serve(value)
}

func other(i int) string { return fmt.Sprintf("other-%d", i) }

// items returns the flags of a platform with the data.
func (d data) items() []ffctest.Item {
	items := []ffctest.Item{release(d.value).Version(d.version)}
	for i := range d.others {
		items = append(items, ffctest.Flag(other(i)).Version(1))
	}
	return items
}

func (p *platform) server() *ffctest.Server { return p.current.Load() }

func (p *platform) open() (err error) {
	p.held = data{value: "v0", version: time.Now().UnixMilli(), others: others}
	p.backup = p.held
	p.current.Store(p.kind.NewServer(p.kind.Snapshot(p.held.items()...)))
	if p.plain, err = p.front(false); err != nil {
		return err
	}
	if p.secured, err = p.front(true); err != nil {
		return err
	}
	for _, w := range ways {
		c, err := p.client(w)
		if err != nil {
			return err
		}
		p.clients = append(p.clients, c)
	}
	return nil
}

func (p *platform) front(secured bool) (*front, error) {
	f := &front{Server: httptest.NewUnstartedServer(p)}
	f.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	if secured {
		f.EnableHTTP2 = true
		f.StartTLS()
	} else {
		f.Start()
	}
	var err error
	f.proxy, err = faults.NewProxy(f.URL, nil)
	return f, err
}

// trusting returns an HTTP client that accepts the front's certificate.
func (f *front) trusting() *http.Client {
	roots := x509.NewCertPool()
	roots.AddCert(f.Certificate())
	return &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, ForceAttemptHTTP2: true}}
}

func (f *front) close() {
	f.proxy.Close()
	f.Close()
}

// poisonous is the name of a metric that the platform cannot store.
const poisonous = "poisonous"

// ServeHTTP forwards requests to the current server, except events that the
// platform cannot store.
func (p *platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			panic(http.ErrAbortHandler)
		}
		if bytes.Contains(body, []byte(poisonous)) {
			http.Error(w, "invalid byte sequence", http.StatusInternalServerError)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
	}
	p.server().ServeHTTP(w, r)
}

// change changes a flag, as users do.
func (p *platform) change() {
	p.held.value = values[p.soak.random.IntN(len(values))]
	p.server().Put(release(p.held.value))
	p.held.version = p.server().Version()
}

// becomes gives the platform other data without notifying clients.
func (p *platform) becomes(d data) {
	if err := p.server().Restore(p.kind.Snapshot(d.items()...)); err != nil {
		panic(err) // the data is of this platform
	}
	p.held = d
}

// restart restarts the platform. It drops the old server, which kept everything
// it received, so that the heap shows the clients' memory.
func (p *platform) restart() {
	old := p.current.Swap(p.kind.NewServer(p.server().Snapshot()))
	old.Close()
	p.arrived += uint64(len(old.Events()))
}

// close ends everything. It returns what is wrong.
func (p *platform) close(out io.Writer) (wrong []error) {
	ctx, cancel := context.WithTimeout(context.Background(), recovery)
	defer cancel()
	var delivered, resent uint64
	for _, c := range p.clients {
		if err := c.close(ctx, out); err != nil {
			wrong = append(wrong, fmt.Errorf("%s: %w", c.name, err))
		}
		e := c.Stats().Events
		delivered += e.Delivered
		resent += e.Resent
	}
	arrived := p.arrived + uint64(len(p.server().Events()))
	fmt.Fprintf(out, "%v: %d events arrived, %d were delivered, %d were sent again\n", p.kind, arrived, delivered, resent)
	if arrived < delivered || arrived > delivered+resent {
		wrong = append(wrong, errors.New("the events that arrived differ from those that were delivered"))
	}
	p.server().Close()
	p.plain.close()
	p.secured.close()
	return wrong
}
