package fleet_test

import (
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// nginxConfig caches heads for a second and bodies for a year, and serves what is in
// the cache while the origin fails, as CDNs do.
const nginxConfig = `
daemon off;
master_process off;
pid DIR/pid;
error_log DIR/error.log;
events {}
http {
	access_log off;
	client_body_temp_path DIR/body;
	proxy_temp_path DIR/proxy;
	fastcgi_temp_path DIR/fastcgi;
	uwsgi_temp_path DIR/uwsgi;
	scgi_temp_path DIR/scgi;
	proxy_cache_path DIR/cache keys_zone=flags:1m;
	server {
		listen ADDRESS;
		proxy_cache flags;
		proxy_cache_use_stale error http_500;
		location ~ "^/ffc/[^/]+/head$" {
			proxy_pass ORIGIN;
			proxy_cache_valid 200 1s;
		}
		location ~ "^/ffc/[^/]+/[0-9a-f]{64}\.[0-9]+$" {
			proxy_pass ORIGIN;
			proxy_cache_valid 200 365d;
		}
		location / { return 404; }
	}
}
`

// startNginx starts a cache in front of an origin, and returns its URL. It skips
// the test if there is no nginx.
func startNginx(t *testing.T, origin string) (url string) {
	t.Helper()
	program, err := exec.LookPath("nginx")
	if err != nil {
		if program = "/usr/sbin/nginx"; exec.Command(program, "-v").Run() != nil { // not in the PATH of users
			t.Skip("NO NGINX: install it, with apt-get install nginx-light; this test is NOT run")
		}
	}
	port, err := testkit.NewPort()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(port.Close)
	dir := t.TempDir()
	file := filepath.Join(dir, "nginx.conf")
	text := strings.NewReplacer("DIR", dir, "ADDRESS", port.Address, "ORIGIN", origin).Replace(nginxConfig)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	process := exec.Command(program, "-c", file, "-p", dir, "-e", filepath.Join(dir, "error.log"))
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { testkit.Kill(process) })
	if err := testkit.AwaitAccepts(port.Address); err != nil {
		t.Fatal(err)
	}
	return "http://" + port.Address + "/ffc"
}

// A cache that serves an old head takes no reader back, and new readers start with
// what the cache has.
func TestOldHeadsOfACache(t *testing.T) {
	t.Parallel()
	m := new(fleettest.Memory)
	write(t, m, headOf("a", 1, 1, nil), data("on", 1), 0)
	origin := serve(t, m)
	cache := fleet.HTTP{URL: startNginx(t, origin.URL)}
	direct := new(fleettest.Memory) // the way around the cache
	old := func(tr *fleet.Transport) { tr.MaxAge = 1 }

	first := newReader(t, old, cache)
	defer first.close()
	first.expect("on", ffc.StateOK, 1)
	if heads := count(origin.seen(), "/head"); heads != 1 {
		t.Errorf("the origin was asked for %d heads, want 1", heads)
	}
	// From now on the cache has the first head only.
	origin.with(func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "down", http.StatusInternalServerError) })
	direct.Restore(m)
	write(t, direct, headOf("a", 2, 2, nil), data("off", 2), 0)
	newer := newReader(t, old, direct, cache)
	defer newer.close()
	newer.expect("off", ffc.StateOK, 2)
	direct.Before(down(errDown))
	for range 20 {
		if err := newer.Refresh(t.Context()); err != nil {
			t.Fatal(err)
		}
		newer.expect("off", ffc.StateOK, 2)
	}
	late := newReader(t, old, cache)
	defer late.close()
	late.expect("on", ffc.StateOK, 1)

	// The origin is back with the third head, which the cache has within its second.
	write(t, m, headOf("a", 3, 3, nil), data("on", 3), 0)
	origin.with(nil)
	for i, r := range []*reader{first, newer, late} {
		testkit.Eventually(t, fmt.Sprintf("reader %d has revision 3", i), func() bool {
			return r.Refresh(t.Context()) == nil && r.Status().Source.Revision == 3
		})
		r.expect("on", ffc.StateOK, 3)
	}
	if bodies := count(origin.seen(), ".0"); bodies != 1 {
		t.Errorf("the origin was asked for the third body %d times, want once", bodies)
	}
}

// count returns how many requests are for names with an ending.
func count(requests []*http.Request, ending string) (n int) {
	for _, r := range requests {
		if strings.HasSuffix(r.URL.Path, ending) {
			n++
		}
	}
	return n
}
