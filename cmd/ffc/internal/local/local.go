// Package local runs a platform for development on one machine. It serves the flags
// of a file, which it watches and changes, and a page that shows and changes them.
// Package flagfile describes the file.
//
// # Changes
//
// A change on the page changes the file and leaves all other text as it is. The file
// is replaced by renaming; a symbolic link stays a link, and permissions stay. If the
// file has changed on disk since it was read, the change is rejected, so that no
// change of an editor is lost.
//
// A change by an editor is served about half a second later. Clients are pushed the
// flags that differ; flags that are gone are archived. While the file is invalid, the
// flags from before are served, and the page and the log report the error with its
// line and column.
package local

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
)

// Config says what a platform serves, and to whom.
type Config struct {
	// File is the path of the flag file.
	File string
	// Create writes a file with a few example flags if there is none.
	Create bool
	// Platform is classic or featbit. The default is that of a snapshot, and
	// classic for a flag file.
	Platform string
	// AllowHosts are host names, besides those of loopback, that requests to
	// the page and the platform may name in their Host header. See CheckHost.
	AllowHosts []string
	// KeepSmall makes the platform set debug.SetGCPercent and debug.SetMemoryLimit
	// for the whole process, by the size of the file.
	KeepSmall bool
	// Log, if not nil, is called with lines for people. It may be called
	// concurrently.
	Log func(line string)
}

// Platform is the local platform. Its methods are safe for concurrent use.
type Platform struct {
	cfg      Config
	platform ffctest.Platform
	server   *ffctest.Server
	peers    chan struct{} // see ffctest.HandlerConfig
	guard    *guard
	pages    *http.ServeMux
	live     *live
	url      string // set before anything is served
	running  sync.WaitGroup

	// shown is the state for readers. It is replaced with mu held.
	shown atomic.Pointer[shown]

	mu   sync.Mutex // held while the file is read, changed and written
	file *file
	// memory is the limit of memory for the file, and held is what is in use when it is
	// loaded, both in bytes.
	memory, held int64

	refusedMu sync.Mutex
	refused   map[string]bool // reasons that have been logged
}

// shown is the state of the flags at one time.
type shown struct {
	view    *view
	problem string
}

// New reads the flag file and returns a platform that serves it. It does not
// listen: see Run. The error names the problem and its place in the file.
func New(cfg Config) (*Platform, error) {
	if cfg.Log == nil {
		cfg.Log = func(string) {}
	}
	p := &Platform{
		cfg:     cfg,
		peers:   make(chan struct{}, 1),
		guard:   newGuard(cfg.AllowHosts),
		refused: make(map[string]bool),
	}
	p.live = newLive(p)
	p.pages = p.routes()

	err := flagfile.CheckPlatform(cfg.Platform)
	if err != nil {
		return nil, err
	}
	var text []byte
	if p.file, text, err = openFile(cfg.File, cfg.Create); err != nil {
		return nil, err
	}
	doc, platform, err := flagfile.Parse(text, cfg.Platform)
	if err != nil {
		return nil, errors.New(flagfile.Explain(cfg.File, text, err))
	}
	if p.platform, err = ffctest.ParsePlatform(platform); err != nil {
		return nil, err
	}
	p.file.doc = doc
	p.limitLoading(doc)
	if err := p.begin(doc); err != nil {
		return nil, errors.New(flagfile.Explain(cfg.File, text, err))
	}
	p.limitLoaded()
	return p, nil
}

// begin makes the server and shows what it serves. The file is served part by part:
// while the server reads a part, the one before is described.
func (p *Platform) begin(doc *flagfile.Document) error {
	var d *description
	var describing sync.WaitGroup
	parts := make(chan *flagfile.Part)
	finish := sync.OnceFunc(func() {
		close(parts)
		describing.Wait()
	})
	defer finish()
	for part := range doc.Parts() {
		var err error
		if p.server == nil {
			p.server, err = ffctest.NewHandler(ffctest.HandlerConfig{
				Platform:     p.platform,
				Data:         part.Data,
				Keep:         -1,
				OnEvents:     p.live.record,
				PeersChanged: p.peers,
			})
			if err == nil {
				d, err = newDescription(doc, p.platform, p.server.EnvSecret, nil)
			}
			if err == nil {
				describing.Go(func() {
					for part := range parts {
						d.add(part)
					}
				})
			}
		} else {
			err = p.server.Merge(part.Data)
		}
		if err != nil {
			return err
		}
		parts <- part
	}
	finish()
	doc.Served()
	p.showView(d.done())
	return nil
}

// EnvSecret returns the environment secret that clients need.
func (p *Platform) EnvSecret() string { return p.server.EnvSecret }

// Platform returns the platform that p imitates.
func (p *Platform) Platform() ffctest.Platform { return p.platform }

// URL returns the URL of a platform that listens on addr, for programs on the same
// machine.
func URL(addr net.Addr) string {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return "http://" + addr.String()
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// shutdownWait is how long Run waits for requests under way at the end.
const shutdownWait = 300 * time.Millisecond

// Run serves the platform, the page and its API, and watches the file, until ctx
// ends. Then it closes listener, waits for all goroutines and returns nil. A
// Platform runs once.
func (p *Platform) Run(ctx context.Context, listener net.Listener) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	p.url = URL(listener.Addr())
	srv := &http.Server{
		Handler:           p,
		BaseContext:       func(net.Listener) context.Context { return ctx },
		ConnState:         p.connState,
		ReadHeaderTimeout: 10 * time.Second,
		// Clients that disconnect are not logged.
		ErrorLog: slog.NewLogLogger(slog.DiscardHandler, slog.LevelError),
	}
	var stopped sync.WaitGroup
	stopped.Go(func() {
		<-ctx.Done()
		bounded, done := context.WithTimeout(context.WithoutCancel(ctx), shutdownWait)
		defer done()
		_ = srv.Shutdown(bounded) // the remaining connections are closed
		_ = srv.Close()
		p.server.Close()
	})
	stopped.Go(func() { p.watch(ctx) })
	stopped.Go(func() { p.followPeers(ctx) })

	err := srv.Serve(listener)
	ended := ctx.Err() != nil
	cancel()
	stopped.Wait()
	p.running.Wait()
	if ended {
		return nil
	}
	return err
}

// connState counts connections, because http.Server.Close does not wait for them.
// The accept loop, which Run waits for, reports the first state.
func (p *Platform) connState(_ net.Conn, state http.ConnState) {
	switch state {
	case http.StateNew:
		p.running.Add(1)
	case http.StateHijacked, http.StateClosed:
		p.running.Done()
	}
}

// ServeHTTP routes a request to the page, its API or the platform.
func (p *Platform) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if path != "/" && !strings.HasPrefix(path, "/page/") && !strings.HasPrefix(path, "/local/") {
		if reason := p.guard.platform(r); reason != "" {
			p.refuse(w, reason)
			return
		}
		p.server.ServeHTTP(w, r)
		return
	}
	secure(w.Header())
	if reason := p.guard.page(r); reason != "" {
		p.refuse(w, reason)
		return
	}
	p.pages.ServeHTTP(w, r)
}

// maxRefused is how many reasons are logged.
const maxRefused = 20

// refuse responds with 403. It logs each reason once: someone who uses a name that
// is not allowed sees only a client without flags.
func (p *Platform) refuse(w http.ResponseWriter, reason string) {
	p.refusedMu.Lock()
	news := !p.refused[reason] && len(p.refused) < maxRefused
	if news {
		p.refused[reason] = true
	}
	p.refusedMu.Unlock()
	if news {
		p.cfg.Log("rejected a request: " + reason)
	}
	writeError(w, http.StatusForbidden, reason)
}

// showView makes the server's data visible to readers, without a problem.
func (p *Platform) showView(v *view) {
	var before *view
	if now := p.shown.Load(); now != nil {
		before = now.view
	}
	p.shown.Store(&shown{view: v})
	p.logWarnings(before, v)
	p.live.flagsChanged(v)
}

// followPeers notifies the pages of clients that connect and disconnect.
func (p *Platform) followPeers(ctx context.Context) {
	expiry := time.NewTicker(15 * time.Second)
	defer expiry.Stop()
	known := 0
	for {
		select {
		case <-p.peers:
			known = len(p.server.Peers())
			p.live.stateChanged()
		case <-expiry.C: // polling clients do not disconnect
			if n := len(p.server.Peers()); n != known {
				known = n
				p.live.stateChanged()
			}
		case <-ctx.Done():
			return
		}
	}
}
