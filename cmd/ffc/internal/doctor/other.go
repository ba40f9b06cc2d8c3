package doctor

import (
	"context"
	"io"
	"net/http"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/httpclient"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/registry"
)

// otherPlatform returns the name of the platform that the server at -url speaks,
// if the secret belongs to another platform: the server has the polling route of
// that platform only. Otherwise it returns "". No secret is sent.
func (e *examination) otherPlatform(ctx context.Context) string {
	if e.hasRoute(ctx, e.codec.PollPaths) != routeMissing {
		return ""
	}
	for _, other := range registry.All() {
		if other.Name != e.codec.Name && e.hasRoute(ctx, other.PollPaths) == routeThere {
			return other.Title
		}
	}
	return ""
}

const (
	routeUnknown = iota // no response, or not that of a platform
	routeMissing
	routeThere
)

// hasRoute reports whether the server has one of these paths.
func (e *examination) hasRoute(ctx context.Context, paths []string) int {
	answer := routeMissing
	for _, path := range paths {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, e.base.url+path, nil)
		if err != nil {
			return routeUnknown
		}
		req.Header.Set("User-Agent", httpclient.UserAgent())
		resp, err := e.http.Do(req)
		if err != nil {
			return routeUnknown
		}
		_, _ = io.CopyN(io.Discard, resp.Body, 64<<10)
		_ = resp.Body.Close()
		switch status := resp.StatusCode; {
		case status < 300, status == http.StatusUnauthorized, status == http.StatusForbidden, status == http.StatusBadRequest:
			return routeThere
		case status != http.StatusNotFound:
			answer = routeUnknown
		}
	}
	return answer
}

// mismatch describes a secret and a URL of different platforms.
func (e *examination) mismatch(other string) finding {
	own := e.codec.Title
	return fail("pass the secret of an environment of "+other+", or with -url the address of "+own,
		"the secret is of %s, but the server at -url is of %s", own, other)
}
