package httpclient

import (
	"cmp"
	"runtime/debug"
	"strings"
	"sync"
)

const modulePath = "github.com/feature-flags-co/ffc-server-go-sdk"

// Product begins the User-Agent of this SDK.
const Product = "ffc-server-go-sdk/"

// UserAgent returns the User-Agent of every request, the SDK and its version:
// ffc-server-go-sdk/0.2.0.
var UserAgent = sync.OnceValue(func() string {
	info, _ := debug.ReadBuildInfo()
	return userAgentOf(info)
})

// userAgentOf returns the User-Agent of a program with this build information;
// info is nil if there is none.
func userAgentOf(info *debug.BuildInfo) string {
	version := ""
	if info != nil {
		for _, m := range append([]*debug.Module{&info.Main}, info.Deps...) {
			if m.Path == modulePath {
				version = strings.Trim(strings.TrimPrefix(m.Version, "v"), "()")
			}
		}
	}
	return Product + cmp.Or(version, "unknown")
}
