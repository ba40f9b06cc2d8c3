package repocheck

import (
	"path"
	"slices"
	"strings"
	"testing"
)

// graph returns all packages that each package of this module links.
func graph(t *testing.T) map[string][]string {
	t.Helper()
	linked := make(map[string][]string)
	// As functions are built: without the tag aws-lambda-go links net/rpc.
	for line := range strings.Lines(goList(t, "-tags", "lambda.norpc", "-f", `{{.ImportPath}} {{join .Deps " "}}`, "./...")) {
		fields := strings.Fields(line)
		linked[strings.TrimPrefix(fields[0], module)] = fields[1:]
	}
	return linked
}

// TestDependencies holds the import graph: importing a part must not cost what
// other parts need.
func TestDependencies(t *testing.T) {
	t.Parallel()
	const (
		websocket = "github.com/coder/websocket"
		retrying  = "github.com/hashicorp/go-retryablehttp"
		cleanhttp = "github.com/hashicorp/go-cleanhttp"
		fastjson  = "github.com/valyala/fastjson"
		fastfloat = "github.com/valyala/fastjson/fastfloat"
		regexp2   = "github.com/dlclark/regexp2"
		regexps   = "github.com/dlclark/regexp2/syntax"
		aws       = "github.com/aws/aws-lambda-go/"
	)
	contract := []string{"internal/clock", "internal/eval", "internal/jsontext", "internal/model", "internal/platform", "internal/store"}
	platforms := append([]string{"internal/platform/classic", "internal/platform/featbit", "internal/platform/registry", "internal/platform/scan"}, contract...)
	internals := append([]string{"internal/httpclient", "internal/retry", "internal/safelog", "internal/setting"}, platforms...)
	tests := []struct {
		pkg    string
		ours   []string // of this module
		others []string // of others, in whole
	}{
		{"transport", nil, nil},
		{"internal/model", nil, nil},
		{"internal/jsontext", nil, nil},
		{"internal/clock", nil, nil},
		{"internal/eval", []string{"internal/clock", "internal/jsontext", "internal/model", "internal/store"}, []string{fastjson, fastfloat, regexp2, regexps}},
		{"internal/resync", []string{"transport", "internal/clock", "internal/retry", "internal/safelog"}, []string{retrying, cleanhttp}},
		{"internal/store", []string{"internal/clock"}, nil},
		{"internal/platform", contract, []string{fastjson, fastfloat, regexp2, regexps}},
		{"internal/platform/scan", contract, []string{fastjson, fastfloat, regexp2, regexps}},
		{"internal/platform/classic", append([]string{"internal/platform/scan"}, contract...), []string{fastjson, fastfloat, regexp2, regexps}},
		{"internal/platform/featbit", append([]string{"internal/platform/scan"}, contract...), []string{fastjson, fastfloat, regexp2, regexps}},
		{"internal/platform/registry", platforms, []string{fastjson, fastfloat, regexp2, regexps}},
		{"internal/platform/admin", platforms, []string{fastjson, fastfloat, regexp2, regexps}},
		{"internal/setting", nil, nil},
		{"flush", []string{"internal/setting"}, nil},
		{"internal/pace", nil, nil},
		{"internal/event", append([]string{"flush", "transport", "internal/httpclient", "internal/pace", "internal/retry", "internal/safelog", "internal/setting"}, contract...), []string{fastjson, fastfloat, regexp2, regexps, retrying, cleanhttp}},
		{"internal/afterwork", []string{"flush", "internal/clock", "internal/retry", "internal/safelog", "internal/setting"}, []string{retrying, cleanhttp}},
		{"ffc", append([]string{"flush", "transport", "internal/afterwork", "internal/event", "internal/pace"}, internals...), []string{fastjson, fastfloat, regexp2, regexps, retrying, cleanhttp}},
		{"internal/retry", []string{"internal/clock", "internal/safelog"}, []string{retrying, cleanhttp}},
		{"internal/ondemand", []string{"internal/clock", "internal/retry", "internal/safelog"}, []string{retrying, cleanhttp}},
		{"transport/poll", append([]string{"transport", "internal/ondemand", "internal/resync"}, internals...), []string{fastjson, fastfloat, regexp2, regexps, retrying, cleanhttp}},
		{"transport/stream", append([]string{"transport", "internal/ondemand", "internal/resync"}, internals...), []string{fastjson, fastfloat, regexp2, regexps, retrying, cleanhttp, websocket}},
		{"relay", append([]string{"ffc", "flush", "transport", "transport/fleet", "transport/stream", "internal/afterwork", "internal/event", "internal/pace", "internal/flagjson", "internal/fleetdata", "internal/nearest", "internal/ondemand", "internal/platform/admin", "internal/platformserver", "internal/resync", "internal/store"}, internals...),
			[]string{fastjson, fastfloat, regexp2, regexps, retrying, cleanhttp, websocket}},
		{"internal/fleetdata", []string{"internal/jsontext"}, nil},
		{"transport/fleet", append([]string{"transport", "internal/fleetdata", "internal/ondemand"}, internals...), []string{fastjson, fastfloat, regexp2, regexps, retrying, cleanhttp}},
		{"internal/flagjson", []string{"internal/jsontext", "internal/model"}, nil},
		{"internal/platformserver", []string{"internal/flagjson", "internal/jsontext", "internal/model"}, []string{websocket}},
		{"ffc/ffctest", []string{"internal/flagjson", "internal/jsontext", "internal/model", "internal/platformserver"}, []string{websocket}},
		{"lambda", append([]string{"ffc", "flush", "transport", "internal/afterwork", "internal/event", "internal/pace"}, internals...), []string{
			fastjson, fastfloat, regexp2, regexps, retrying, cleanhttp, aws + "lambda", aws + "lambda/handlertrace", aws + "lambda/messages", aws + "lambdacontext"}},
		{"lambda/lambdatest", nil, nil},
		{"internal/flagfile", append([]string{"internal/flagjson"}, internals...), []string{fastjson, fastfloat, regexp2, regexps, retrying, cleanhttp}},
		{"ffc/ffctest/flagfile", append([]string{"ffc/ffctest", "internal/flagfile", "internal/flagjson", "internal/platformserver"}, internals...), []string{fastjson, fastfloat, regexp2, regexps, retrying, cleanhttp, websocket}},
		{"cmd/ffc", append([]string{"internal/flagfile", "internal/flagjson", "internal/nearest", "internal/platform/admin", "internal/platformserver", "ffc", "ffc/ffctest", "flush", "transport", "transport/poll", "transport/stream", "internal/afterwork", "internal/event", "internal/pace", "internal/ondemand", "internal/resync",
			"cmd/ffc/internal/errtext", "cmd/ffc/internal/doctor", "cmd/ffc/internal/local", "cmd/ffc/internal/manifest", "cmd/internal/cli"}, internals...), []string{fastjson, fastfloat, regexp2, regexps, retrying, cleanhttp, websocket}},
		{"cmd/ffc/internal/local", append([]string{"internal/flagfile", "internal/flagjson", "internal/platformserver", "ffc", "ffc/ffctest", "flush", "transport", "internal/afterwork", "internal/event", "internal/pace"}, internals...), []string{
			fastjson, fastfloat, regexp2, regexps, retrying, cleanhttp, websocket}},
	}
	// Packages no program should be made to link: testing helpers, a second way
	// of logging to standard error, and what defeats the linker.
	banned := []string{"testing", "net/http/httptest", "text/template", "html/template"}
	linked := graph(t)
	for _, test := range tests {
		t.Run(test.pkg, func(t *testing.T) {
			deps, ok := linked[test.pkg]
			if !ok {
				t.Fatalf("go list found no package %s", test.pkg)
			}
			for _, dep := range deps {
				if slices.Contains(banned, dep) {
					t.Errorf("%s links %s", test.pkg, dep)
				}
				if name, ours := strings.CutPrefix(dep, module); ours {
					if !slices.Contains(test.ours, name) {
						t.Errorf("%s depends on %s", test.pkg, name)
					}
					continue
				}
				first, _, _ := strings.Cut(dep, "/")
				if strings.Contains(first, ".") && !slices.Contains(test.others, dep) && !allowedInternal(dep, test.others) {
					t.Errorf("%s depends on %s", test.pkg, dep)
				}
			}
		})
	}
}

// allowedInternal reports whether dep is a package inside an allowed one.
func allowedInternal(dep string, allowed []string) bool {
	return slices.ContainsFunc(allowed, func(a string) bool { return strings.HasPrefix(dep, a+"/internal/") })
}

// TestBuildForLambda: a program for Lambda links nothing that is for tests.
func TestBuildForLambda(t *testing.T) {
	t.Parallel()
	linked := graph(t)["examples/lambda"]
	if !slices.Contains(linked, "github.com/aws/aws-lambda-go/lambda") {
		t.Fatal("the example for Lambda does not link aws-lambda-go/lambda")
	}
	for _, pkg := range linked {
		if strings.HasSuffix(pkg, "/ffctest") || strings.HasSuffix(pkg, "/lambdatest") ||
			slices.Contains([]string{"testing", "net/rpc", "net/http/httptest", "text/template", "html/template", "github.com/coder/websocket"}, pkg) {
			t.Errorf("the example for Lambda links %s", pkg)
		}
	}
}

// A module that README.md does not name is missed, and go build in the root does not
// find its packages.
func TestReadmeHasEveryReleasedModule(t *testing.T) {
	t.Parallel()
	_, packages, _ := strings.Cut(readFile(t, "README.md"), "\n## Packages\n")
	packages, _, _ = strings.Cut(packages, "\n## ")
	for _, module := range releasedModules(t) {
		if row := "\n| [`" + module + "`]("; !strings.Contains(packages, row) {
			t.Errorf("the table of packages in README.md has no row for the module %s", module)
		}
	}
}

// releasedModules returns the folders of the modules that are released beside the
// root.
func releasedModules(t *testing.T) []string {
	t.Helper()
	_, list, _ := strings.Cut(readFile(t, ".ci/api"), "released=\". ")
	list, _, _ = strings.Cut(list, "\"")
	modules := strings.Fields(list)
	if len(modules) < 3 {
		t.Fatalf("the released modules of .ci/api are %q", modules)
	}
	return modules
}

// TestReleasedModulesUsePublicPackages: a program may use a newer version of the root
// module than of a module beside it, and what is internal changes without notice.
func TestReleasedModulesUsePublicPackages(t *testing.T) {
	t.Parallel()
	modules := releasedModules(t)
	for _, file := range repositoryFiles(t) {
		if path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go") || !slices.Contains(modules, path.Dir(file)) {
			continue
		}
		if strings.Contains(readFile(t, file), "\""+module+"internal/") {
			t.Errorf("%s imports an internal package of the root module", file)
		}
	}
}
