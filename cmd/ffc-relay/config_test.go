package main

import (
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func TestConfigShowsSourcesWithoutSecrets(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	password := w.write(filepath.Join(dir, "password"), "s3cret\n")
	file := w.write(filepath.Join(dir, "relay.json"), `{
		"beat": "2s",
		"engines": {"eu-west": {"url": "redis://a:6379,b:6379/1", "user": "publisher", "cluster": false, "passwordFile": "`+password+`"}, "web": {"url": "https://flags.example.com/x?signature=s3cret"},
			"bad": {"url": "redis://user:s3cret@a:6379"}},
		"environments": {"prod": {"engine": "eu-west", "mirrors": ["main"]}}
	}`)
	w.app.environ = append(w.app.environ, "FFC_RELAY_BEAT=3s", "FFC_RELAY_ENGINES_EU_WEST_PREFIX=flags")
	shown := w.run("config", "-config", file)
	if shown.code != 1 || !strings.Contains(shown.stderr, "engines.bad.url: it has a user") {
		t.Errorf("exit code %d, want 1 for the engine bad; stderr:\n%s", shown.code, shown.stderr)
	}
	out := shown.stdout
	for _, want := range []string{
		"beat 3s FFC_RELAY_BEAT", "keep 24h default", "engines.eu-west.url redis://a:6379,b:6379/1 " + file, "engines.eu-west.prefix flags FFC_RELAY_ENGINES_EU_WEST_PREFIX",
		"engines.eu-west.password (secret) file " + password + ", named by " + file, "environments.prod.secret (secret) FFC_RELAY_ENVIRONMENTS_PROD_SECRET",
		"environments.prod.mirrors main " + file, "engines.web.url https://flags.example.com/x " + file,
		"engines.bad.url redis://(secret)@a:6379 " + file,
	} {
		found := false
		for line := range strings.Lines(out) {
			found = found || strings.Join(strings.Fields(line), " ") == want
		}
		if !found {
			t.Errorf("no line %q in\n%s", want, out)
		}
	}
	for _, other := range []string{"engines.web.prefix", "engines.eu-west.region"} {
		if strings.Contains(out, other) {
			t.Errorf("the setting %s, which has no effect, is listed:\n%s", other, out)
		}
	}
	// A variable replaces a setting of the file in each of its two forms.
	both := append(slices.Clone(w.app.environ), "FFC_RELAY_ENGINES_EU_WEST_PASSWORD=s3cret-2")
	if c, err := load(file, both); err != nil || c.engines["eu-west"].password != "s3cret-2" || len(c.broken) != 0 {
		t.Errorf("configuration %+v, error %v", c, err)
	}
	c, err := load(file, w.app.environ)
	if err != nil || c.engines["eu-west"].password != "s3cret" || c.engines["eu-west"].cluster != "false" || len(c.broken) != 0 {
		t.Errorf("configuration %+v, error %v", c, err)
	}
}

func TestConfigReportsAllProblems(t *testing.T) {
	w := newWorld(t)
	for text, want := range map[string]string{
		`[]`:                                 "expected a JSON object",
		`{} {}`:                              "unexpected text after the object",
		`{"beet": "5s"}`:                     `unknown setting beet: did you mean "beat"`,
		`{"engines": {"main": {"ulr": ""}}}`: `unknown setting engines.main.ulr: did you mean "url"`,
		`{"environments": {"a b": {}}}`:      "expected a name of letters",
		`{"beat": 5}`:                        "beat: expected a text, got a number",
		`{"environments": {"a": {"mirrors": [1]}}}`: "mirrors: expected a list of texts, got a list",
		`{"engines": {"x": {"cluster": 1}}}`:        "engines.x.cluster: expected true or false, got a number",
		`{"lease": "3"}`:                            `lease (from FILE): invalid duration "3"`,
		`{"beat": "5s", "lease": "6s"}`:             "lease: 6s is too short",
		`{"log": "xml"}`:                            `log (from FILE): unknown format "xml"`,
		`{"engines": {"x": {"url": "split:a,b"}}}`:  "engines.x.url: expected split:HEADS,BODIES",
		`{"engines": {"x": {}}}`:                    "engines.x.url: missing URL: expected dir:PATH, redis://HOST:PORT",
		`{"engines": {"x": {"prefix": "a"}}}`:       "engines.x.url: missing URL",
	} {
		path := w.write("relay.json", text)
		w.fails(usage, strings.ReplaceAll(want, "FILE", path), "config", "-config", path)
	}
	w.fails(usage, "no such file", "config", "-config", "/no/such/file")
	for text, want := range map[string]string{
		`{"environments": {"a": {}}}`:                                        "environments.a: missing secret",
		`{"environments": {"a": {"secret": "s3cret"}}}`:                      "environments.a.secret: ",
		`{"environments": {"a": {"secretFile": "/no/such/file"}}}`:           "environments.a.secretFile",
		`{"environments": {"a": {"secretFile": "/dev/null"}}}`:               "is empty",
		`{"environments": {"a": {"secret": "x", "secretFile": "/y"}}}`:       "exclude each other",
		`{"environments": {"a": {"environment": "x", "engine": "mian"}}}`:    `unknown engine "mian": did you mean "main"`,
		`{"environments": {"a": {"environment": "x", "mirrors": ["main"]}}}`: `environments.a.mirrors: the engine "main" is named twice`,
		`{"environments": {"a": {"environment": "x", "platform": "y"}}}`:     `unknown platform "y"`,
		`{"engines": {"eu": {"url": "foo"}}}`:                                "engines.eu.url: unknown kind of engine",
	} {
		w.fails(1, want, "config", "-config", w.write("relay.json", text))
	}
	for name, want := range map[string]string{
		"FFC_RELAY_BEET":                     `did you mean "FFC_RELAY_BEAT"?`,
		"FFC_RELAY_ENVIRONMENTS_PROD_SECRTE": `did you mean "FFC_RELAY_ENVIRONMENTS_PROD_SECRET"?`,
		"FFC_RELAY_ENGINES_MAIN_URLS":        `did you mean "FFC_RELAY_ENGINES_MAIN_URL"?`,
		"FFC_RELAY_ENGINES_URL":              `run "ffc-relay help config" for all settings`,
		"FFC_RELAY_NOTHING_LIKE_IT":          `run "ffc-relay help config" for all settings`,
		"FFC_RELAY_ENGINES_A.B_URL":          `run "ffc-relay help config" for all settings`,
	} {
		w := newWorld(t)
		w.app.environ = append(w.app.environ, name+"=1")
		w.fails(usage, "unknown variable "+name+": "+want, "config")
	}
	w.fails(usage, `unexpected argument "x"`, "config", "x")
}

func TestEnginesRejectBadURLs(t *testing.T) {
	for url, want := range map[string]string{
		"dir:":                       "missing path",
		"ftp://x":                    "unknown kind of engine",
		"http://":                    "invalid URL",
		"redis://user:s3cret@a:6379": "it has a user",
		"redis://a":                  "host:port",
		"redis://a:6379/x":           "unusable database",
		"nats://user:s3cret@a:4222":  "it has a user",
		"nats://":                    "unusable server",
		"nats://a:4222/b.c":          "unusable Bucket",
	} {
		_, closeIt, err := openEngine(engineConfig{name: "main", url: url}, nil)
		closeIt()
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "engines.main.url: ") || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: error %v", url, err)
		}
	}
	for want, e := range map[string]engineConfig{
		"engines.main.cluster: invalid value":            {url: "redis://a:6379", cluster: "yes"},
		"engines.main.url: fleetredis: missing Sentinel": {url: "redis://a:6379", sentinelPassword: "s3cret"},
		"engines.main.prefix: the setting has no effect": {url: "dir:x", prefix: "a"},
		"engines.main.password: the setting has no":      {url: "s3://flags", password: "s3cret"},
		"engines.main.caFile: the setting has no effect": {url: "redis://a:6379", caFile: "ca.pem"},
		"engines.main.caFile: the setting has no":        {url: "nats://a:4222", caFile: "ca.pem"},
		"engines.main.prefix: the setting has no":        {url: "tls://a:4222", prefix: "a"},
		"engines.main.inboxPrefix: the setting has no":   {url: "redis://a:6379", inboxPrefix: "a"},
		"engines.main.credentials: there are also":       {url: "nats://a:4222", user: "a", credentials: "s3cret"},
		"engines.main.bucketOwner: the setting has no":   {url: "dynamodb://flags", bucketOwner: "1"},
		"engines.main.region: the setting has no effect": {url: "split:a,b", heads: new(engineConfig), bodies: new(engineConfig), region: "x"},
	} {
		e.name = "main"
		_, release, err := (&engines{open: openEngine, metrics: new(metrics)}).take(e)
		release()
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("error %v, want %s", err, want)
		}
	}
	for _, url := range []string{"rediss://a:6379", "tls://a:4222"} {
		_, closeIt, err := openEngine(engineConfig{name: "main", url: url, ca: "x", caFile: "ca.pem"}, nil)
		closeIt()
		if err == nil || !strings.Contains(err.Error(), "engines.main.caFile: ca.pem has no certificate") {
			t.Errorf("%s: error %v", url, err)
		}
	}
}

// A directory has a URL and nothing else.
func TestSettingsWithoutEffectAreRejected(t *testing.T) {
	for _, s := range engineSettings {
		if s.name == "url" {
			continue
		}
		c, err := load("", []string{"FFC_RELAY_ENGINES_MAIN_URL=dir:x", prefix + variable("engines_main_"+s.name) + "=/dev/null", "FFC_RELAY_ENVIRONMENTS_A_ENVIRONMENT=x"})
		if err != nil {
			t.Fatal(err)
		}
		_, release, err := (&engines{open: openEngine, metrics: new(metrics)}).take(c.engines["main"])
		release()
		if err == nil || !strings.Contains(err.Error(), "engines.main."+s.name+": the setting has no effect") {
			t.Errorf("%s: error %v", s.name, err)
		}
	}
}

// The case of a GUID does not matter: values in engines have it in lower case.
func TestCaseOfAnEnvironment(t *testing.T) {
	for given, want := range map[string]string{
		"1F2E3D4C-8B86-D011-B42D-00CF4FC964FF": "1f2e3d4c-8b86-d011-b42d-00cf4fc964ff",
		"FF__11__22__Prod":                     "FF__11__22__Prod",
	} {
		c, err := load("", []string{"FFC_RELAY_ENGINES_MAIN_URL=dir:x", "FFC_RELAY_ENVIRONMENTS_A_ENVIRONMENT=" + given})
		if err != nil {
			t.Fatal(err)
		}
		if got := c.environments["a"].environment; got != want {
			t.Errorf("%s is the environment %s, want %s", given, got, want)
		}
	}
}

// Every setting can be given in a variable.
func TestVariablesOfAllSettings(t *testing.T) {
	for group, settings := range map[string][]setting{"": programSettings, "engines.a-b.": engineSettings, "environments.a-b.": environmentSettings} {
		for _, name := range names(settings) {
			r := &reader{values: make(map[string]value)}
			r.variables([]string{prefix + variable(strings.TrimSuffix(group, ".")+"_"+name)})
			if group == "" {
				r = &reader{values: make(map[string]value)}
				r.variables([]string{prefix + variable(name)})
			}
			if _, ok := r.values[group+name]; !ok || len(r.problems) > 0 {
				t.Errorf("%s%s: values %v, problems %v", group, name, r.values, r.problems)
			}
		}
	}
}
