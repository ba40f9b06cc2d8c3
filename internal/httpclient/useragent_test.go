package httpclient

import (
	"runtime/debug"
	"testing"
)

func TestUserAgentNamesModuleAndVersion(t *testing.T) {
	t.Parallel()
	dependency := func(version string) *debug.BuildInfo {
		return &debug.BuildInfo{
			Main: debug.Module{Path: "example.com/shop", Version: "v9.9.9"},
			Deps: []*debug.Module{{Path: "example.com/other", Version: "v8.8.8"}, {Path: modulePath, Version: version}},
		}
	}
	for name, test := range map[string]struct {
		info *debug.BuildInfo
		want string
	}{
		"dependency":     {dependency("v0.2.0"), "ffc-server-go-sdk/0.2.0"},
		"pseudo-version": {dependency("v0.0.0-20261129010203-0123456789ab"), "ffc-server-go-sdk/0.0.0-20261129010203-0123456789ab"},
		"main module":    {&debug.BuildInfo{Main: debug.Module{Path: modulePath, Version: "(devel)"}}, "ffc-server-go-sdk/devel"},
		"without":        {&debug.BuildInfo{}, "ffc-server-go-sdk/unknown"},
		"no build info":  {nil, "ffc-server-go-sdk/unknown"},
	} {
		if got := userAgentOf(test.info); got != test.want {
			t.Errorf("%s: got %q, want %q", name, got, test.want)
		}
	}
	if got := UserAgent(); len(got) <= len("ffc-server-go-sdk/") {
		t.Errorf("got %q", got)
	}
}
