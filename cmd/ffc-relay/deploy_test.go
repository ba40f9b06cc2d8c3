package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"go.yaml.in/yaml/v3"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/nearest"
)

const deploy = "../../deploy/"

// documents returns the documents of a YAML file.
func documents(t *testing.T, path string) (all []map[string]any) {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var doc map[string]any
		switch err := decoder.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return all
		case err != nil:
			t.Fatalf("%s: %v", path, err)
		}
		all = append(all, doc)
	}
}

// findMembers calls visit for each object that has a member of this name.
func findMembers(v any, name string, visit func(object map[string]any, member any)) {
	switch v := v.(type) {
	case map[string]any:
		if member, ok := v[name]; ok {
			visit(v, member)
		}
		for _, inner := range v {
			findMembers(inner, name, visit)
		}
	case []any:
		for _, inner := range v {
			findMembers(inner, name, visit)
		}
	}
}

// What the manifests pass to ffc-relay exists: commands, variables, settings and
// paths of probes.
func TestManifestsFitTheCommand(t *testing.T) {
	paths, err := filepath.Glob(deploy + "kubernetes/*.yaml")
	if err != nil || len(paths) < 2 {
		t.Fatalf("%q, error %v", paths, err)
	}
	for _, path := range paths {
		containers, probes := 0, 0
		for _, doc := range documents(t, path) {
			findMembers(doc, "image", func(container map[string]any, image any) {
				if !strings.HasPrefix(image.(string), "ffc-relay:") {
					return
				}
				containers++
				if args, _ := container["args"].([]any); len(args) == 0 || args[0] != "publish" && args[0] != "serve" {
					t.Errorf("%s: args %v", path, container["args"])
				}
				environ := []string{}
				for _, v := range container["env"].([]any) {
					pair := v.(map[string]any)
					environ = append(environ, pair["name"].(string)+"="+pair["value"].(string))
				}
				r := &reader{values: make(map[string]value)}
				r.variables(environ)
				if len(r.problems) > 0 {
					t.Errorf("%s: %v", path, r.problems)
				}
				if r.values["listen"].text != ":8030" {
					t.Errorf("%s: listens on %q, want the port of the probes", path, r.values["listen"].text)
				}
				security := container["securityContext"].(map[string]any)
				if security["readOnlyRootFilesystem"] != true || security["allowPrivilegeEscalation"] != false {
					t.Errorf("%s: %v", path, security)
				}
			})
			findMembers(doc, "httpGet", func(_ map[string]any, probe any) {
				probes++
				get := probe.(map[string]any)["path"].(string)
				w := httptest.NewRecorder()
				loop := make(chan struct{}, 1)
				loop <- struct{}{}
				endpoints(&supervisor{}, loop).ServeHTTP(w, httptest.NewRequest(http.MethodGet, get, nil))
				if w.Code == http.StatusNotFound {
					t.Errorf("%s: there is no %s", path, get)
				}
			})
			findMembers(doc, "relay.json", func(_ map[string]any, text any) {
				file := filepath.Join(t.TempDir(), "relay.json")
				if err := os.WriteFile(file, []byte(text.(string)), 0o600); err != nil {
					t.Fatal(err)
				}
				c, err := load(file, nil)
				if err != nil && !strings.Contains(err.Error(), "/run/secrets/") {
					t.Errorf("%s: %v", path, err)
				}
				if c != nil && len(c.environments) == 0 {
					t.Errorf("%s: no environment", path)
				}
			})
		}
		if containers != 1 || probes < 2 {
			t.Errorf("%s: %d containers of ffc-relay and %d probes", path, containers, probes)
		}
	}
}

// Publishers and relays have what a replica needs to be replaced without harm.
func TestManifestsOfReplicas(t *testing.T) {
	for file, want := range map[string]struct {
		replicas int
		kinds    []string
	}{
		"publisher.yaml": {2, nil},
		"relay.yaml":     {3, []string{"Service"}},
	} {
		kinds := make(map[string]map[string]any)
		for _, doc := range documents(t, deploy+"kubernetes/"+file) {
			kinds[doc["kind"].(string)] = doc
		}
		for _, kind := range append(want.kinds, "ConfigMap", "ServiceAccount", "Deployment", "PodDisruptionBudget", "NetworkPolicy") {
			if kinds[kind] == nil {
				t.Errorf("%s: there is no %s", file, kind)
			}
		}
		if spec := kinds["Deployment"]["spec"].(map[string]any); spec["replicas"] != want.replicas {
			t.Errorf("%s: %v replicas", file, spec["replicas"])
		}
	}
}

// A relay has time to drain before it is killed.
func TestRelayHasTimeToDrain(t *testing.T) {
	defaults := (&reader{values: make(map[string]value)}).serving()
	needed := defaults.drainWait + defaults.drain + answerTime + closeTime
	for _, doc := range documents(t, deploy+"kubernetes/relay.yaml") {
		findMembers(doc, "terminationGracePeriodSeconds", func(_ map[string]any, seconds any) {
			if got := time.Duration(seconds.(int)) * time.Second; got < needed {
				t.Errorf("the relay is killed after %v, it may need %v", got, needed)
			}
		})
	}
}

var (
	metricName = regexp.MustCompile(`\bffc_relay_[a-z_]+`)
	alertName  = regexp.MustCompile(`\bFfcRelay[A-Za-z]+`)
)

// namesOf returns the metrics of a file, without the suffixes of histograms.
func namesOf(t *testing.T, path string) []string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range metricName.FindAllString(string(data), -1) {
		for _, suffix := range []string{"_bucket", "_sum", "_count"} {
			name = strings.TrimSuffix(name, suffix)
		}
		found = append(found, name)
	}
	return found
}

func TestMetricsOfRulesAndDashboardExist(t *testing.T) {
	var known []string
	for _, f := range families() {
		known = append(known, f.name)
	}
	shown := namesOf(t, deploy+"grafana/dashboard.json")
	for _, name := range append(namesOf(t, deploy+"prometheus/rules.yaml"), shown...) {
		if !slices.Contains(known, name) {
			t.Errorf("there is no metric %s", name)
		}
	}
	for _, name := range known {
		if !slices.Contains(shown, name) {
			t.Errorf("the dashboard does not show %s", name)
		}
	}
	data, err := os.ReadFile(deploy + "grafana/dashboard.json")
	if err != nil || !json.Valid(data) {
		t.Errorf("the dashboard is not JSON, error %v", err)
	}
}

// docs/fleet.md explains each alert, and has commands that exist.
func TestAlertsAreExplained(t *testing.T) {
	data, err := os.ReadFile("../../docs/fleet.md")
	if err != nil {
		t.Fatal(err)
	}
	explained := alertName.FindAllString(string(data), -1)
	var alerts []string
	for _, doc := range documents(t, deploy+"prometheus/rules.yaml") {
		findMembers(doc, "alert", func(rule map[string]any, name any) {
			alerts = append(alerts, name.(string))
			for _, member := range []string{"expr", "for", "labels", "annotations"} {
				if rule[member] == nil {
					t.Errorf("%s has no %s", name, member)
				}
			}
			if !slices.Contains(explained, name.(string)) {
				t.Errorf("docs/fleet.md does not explain %s", name)
			}
		})
	}
	for _, name := range explained {
		if !slices.Contains(alerts, name) {
			t.Errorf("docs/fleet.md explains %s, which does not exist", name)
		}
	}
	a := new(app)
	var commands []string
	for _, cmd := range a.program().All() {
		commands = append(commands, cmd.Name)
	}
	for _, found := range regexp.MustCompile(`ffc-relay ([a-z]+)`).FindAllStringSubmatch(string(data), -1) {
		if !slices.Contains(commands, found[1]) {
			t.Errorf("docs/fleet.md has the command ffc-relay %s%s", found[1], nearest.DidYouMean(nearest.Names(found[1], commands)))
		}
	}
}

// Each setting is in docs/fleet.md.
func TestSettingsAreDocumented(t *testing.T) {
	data, err := os.ReadFile("../../docs/fleet.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, settings := range [][]setting{programSettings, engineSettings, environmentSettings} {
		for _, s := range settings {
			if !strings.Contains(string(data), "`"+s.name+"`") {
				t.Errorf("docs/fleet.md does not have the setting %s", s.name)
			}
		}
	}
}

// The Terraform parses, and readers get no right to write.
func TestTerraformParses(t *testing.T) {
	data, err := os.ReadFile(deploy + "terraform/main.tf")
	if err != nil {
		t.Fatal(err)
	}
	file, problems := hclsyntax.ParseConfig(data, "main.tf", hcl.InitialPos)
	if problems.HasErrors() {
		t.Fatal(problems)
	}
	readers := 0
	for _, block := range file.Body.(*hclsyntax.Body).Blocks {
		if block.Type != "data" || !strings.HasSuffix(block.Labels[1], "_reader") {
			continue
		}
		readers++
		text := string(data[block.OpenBraceRange.Start.Byte:block.CloseBraceRange.End.Byte])
		if !strings.Contains(text, "Get") || strings.Contains(text, "Put") || strings.Contains(text, "Delete") || strings.Contains(text, ":*") {
			t.Errorf("the policy %s gives\n%s", block.Labels[1], text)
		}
	}
	if readers != 2 {
		t.Errorf("%d policies of readers, want 2", readers)
	}
}

func TestContainerfileIsStaticAndWithoutRoot(t *testing.T) {
	data, err := os.ReadFile(deploy + "Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"CGO_ENABLED=0", "FROM scratch", "USER 65532", "/etc/ssl/certs/ca-certificates.crt", `CMD ["publish"]`, "FFC_RELAY_CONFIG="} {
		if !strings.Contains(string(data), want) {
			t.Errorf("the Containerfile lacks %s", want)
		}
	}
}
