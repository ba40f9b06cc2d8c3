package poll

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/setting"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// route is an address to get data from.
type route struct {
	url    string
	header http.Header
	cached bool   // responses can be older than the platform's data
	since  string // the parameter that asks for what is newer than a version; "" if the route has no such parameter
}

// routesOf returns the addresses to try, in this order.
func routesOf(custom string, env transport.Env, protocol *platform.Protocol) ([]route, error) {
	header := http.Header{"Accept": {"application/json"}, "User-Agent": {httpclient.UserAgent()}}
	withSecret := header.Clone()
	withSecret.Set(protocol.SecretHeader, env.EnvSecret.Reveal())
	if custom == "" {
		var routes []route
		for _, path := range protocol.PollPaths {
			routes = append(routes, route{url: env.BaseURL + path, header: withSecret, since: protocol.PollSince})
		}
		return routes, nil
	}
	u, err := url.Parse(custom)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil {
		// The URL is not quoted: it may be signed.
		return nil, setting.Errorf("URL", "invalid URL: expected http(s)://host/path without a user name")
	}
	r := route{url: custom, header: header, cached: true} // has all data, never changes only
	if base, _ := url.Parse(env.BaseURL); base != nil && base.Scheme == u.Scheme && strings.EqualFold(base.Host, u.Host) {
		r.header = withSecret
	}
	return []route{r}, nil
}
