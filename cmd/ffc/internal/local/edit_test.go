package local

import (
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

func TestChangeReachesClients(t *testing.T) {
	t.Parallel()
	platforms.EachParallel(t, func(t *testing.T, g ffctest.Platform) {
		a := ffctest.Flag("a").Variations("red", "blue").Serve("red").OffVariation("blue")
		files := map[string]string{"simple": twoFlags, "snapshot": snapshotOf(t, g, a, ffctest.Flag("b"))}
		for form, text := range files {
			for name, how := range transports() {
				t.Run(form+"/"+name, func(t *testing.T) {
					t.Parallel()
					w := start(t, text, Config{Platform: g.String()})
					client, user := w.client(how), ffc.NewUser("u1")
					w.serves(client, "a", user, "red")
					before := w.flag("b").Version
					if flag := w.change("a", `{"on":false}`); flag.On {
						t.Error("the answer says that the flag is on")
					}
					w.serves(client, "a", user, "blue")
					w.change("a", `{"on":true}`)
					w.serves(client, "a", user, "red")
					flag := w.change("a", `{"shares":[{"variation":"1","percent":0},{"variation":"2","percent":100}]}`)
					if len(flag.Shares) != 1 || flag.Shares[0] != (flagfile.Share{Variation: "2", Percent: 100}) {
						t.Errorf("got shares %v", flag.Shares)
					}
					w.serves(client, "a", user, "blue")
					if after := w.flag("b").Version; after != before {
						t.Errorf("a flag that was not changed has version %d, had %d", after, before)
					}

					// Another platform on the same file goes on from there.
					again, err := New(Config{File: w.path})
					if err != nil {
						t.Fatal(err)
					}
					if got := again.newRenderer().flag("a").Shares; len(got) != 1 || got[0].Variation != "2" {
						t.Errorf("the file has shares %v", got)
					}
				})
			}
		}
	})
}

// TestWriteBackKeepsTheRest compares whole files: only what was changed differs.
func TestWriteBackKeepsTheRest(t *testing.T) {
	t.Parallel()
	const odd = "\ufeff{\r\n\t\"flags\" : {\"\\u0061\":{ \"variations\":[\"x\" , \"y\\n\"],\r\n\t\t\"rollout\":{\"x\":100}},\r\n\t\"b\":{}}\r\n}"
	tests := []struct {
		name, text, key, change string
		old, new                string // one replacement makes the new file
	}{
		{"on to off", twoFlags, "a", `{"on":false}`, `"on": true`, `"on": false`},
		{"off, where nothing is said", twoFlags, "b", `{"on":false}`, `"The second"}`, `"The second", "on": false}`},
		{"on, where nothing is said", twoFlags, "b", `{"on":true}`, ``, ``},
		{"another variation", twoFlags, "a", `{"shares":[{"variation":"2","percent":100}]}`, `"serve": "red"`, `"serve": "blue"`},
		{"a rollout for a variation", twoFlags, "a", `{"shares":[{"variation":"1","percent":33.3},{"variation":"2","percent":66.7}]}`,
			`"serve": "red"`, `"rollout": {"red": 33.3, "blue": 66.7}`},
		{"both", twoFlags, "a", `{"on":false,"shares":[{"variation":"2","percent":100}]}`,
			`true, "variations": ["red", "blue"], "serve": "red"`, `false, "variations": ["red", "blue"], "serve": "blue"`},
		{"odd spaces and escapes", odd, "a", `{"on":false}`, `"rollout":{"x":100}}`, "\"rollout\":{\"x\":100},\r\n\t\t\"on\": false}"},
		{"a variation for a rollout", odd, "a", `{"shares":[{"variation":"2","percent":100}]}`, `"rollout":{"x":100}`, `"serve": "y\n"`},
		{"an empty flag", odd, "b", `{"on":false}`, `"b":{}`, `"b":{"on": false}`},
		{"many lines", string(exampleFile), "dark-mode", `{"on":false}`, "\"rollout\": {\"true\": 20, \"false\": 80}\n", "\"rollout\": {\"true\": 20, \"false\": 80},\n      \"on\": false\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := start(t, tt.text, Config{})
			w.change(tt.key, tt.change)
			want := strings.Replace(tt.text, tt.old, tt.new, 1)
			if got := w.read(); got != want {
				t.Errorf("got\n%s\nwant\n%s", got, want)
			}
			entries, _ := os.ReadDir(filepath.Dir(w.path))
			if len(entries) != 1 {
				t.Errorf("beside the file there is something: %v", entries)
			}
		})
	}
}

func TestWriteBackOfSnapshots(t *testing.T) {
	t.Parallel()
	platforms.EachParallel(t, func(t *testing.T, g ffctest.Platform) {
		text := snapshotOf(t, g, ffctest.Flag("a").Variations("x", "y", "z").Rollout(50, 50, 0).Experiment(10, 20, 0), ffctest.Flag("b"))
		text = strings.Replace(text, `"featureFlags": [`, `"unknown": {"kept":  1}, "featureFlags": [`, 1)
		w := start(t, text, Config{})
		flag := w.change("a", `{"on":false,"shares":[{"variation":"1","percent":20},{"variation":"3","percent":80}]}`)
		if len(flag.Shares) != 2 || flag.Shares[0] != (flagfile.Share{Variation: "1", Percent: 20}) || flag.Shares[1] != (flagfile.Share{Variation: "3", Percent: 80}) || flag.On {
			t.Errorf("got %v", flag)
		}
		got := w.read()
		for _, part := range []string{`"unknown": {"kept":  1}`, `[0, 0.2]`, `[0.2, 1]`, `"exptRollout": 0.1`} {
			if !strings.Contains(got, part) {
				t.Errorf("no %s in\n%s", part, got)
			}
		}
		if !strings.Contains(got, flagText(t, g, text, "b")) {
			t.Errorf("the other flag has changed too:\n%s", got)
		}
		// What stands around the flag stays as well.
		own := flagText(t, g, text, "a")
		before, after, _ := strings.Cut(text, own)
		if !strings.HasPrefix(got, before) || !strings.HasSuffix(got, after) {
			t.Errorf("what is around the flag has changed too:\n%s", got)
		}
		if options := member(own, "variationOptions"); member(flagText(t, g, got, "a"), "variationOptions") != options {
			t.Errorf("the variations have changed:\n%s", got)
		}
	})
}

// flagText returns the text of a flag in a snapshot.
func flagText(t *testing.T, g ffctest.Platform, text, key string) string {
	t.Helper()
	identity, want := "key", `"`+key+`"`
	if g == ffctest.Classic {
		identity, want = "id", `"FF__11__22__33__`+key+`"`
	}
	for flag := range jsontext.Elements([]byte(member(member(text, "data"), "featureFlags"))) {
		if member(string(flag), identity) == want {
			return string(flag)
		}
	}
	t.Fatalf("no flag %s in\n%s", key, text)
	return ""
}

// member returns the text of a member of an object; "" if there is none.
func member(object, name string) string {
	for n, value := range jsontext.Members([]byte(object)) {
		if string(n) == name {
			return string(value)
		}
	}
	return ""
}

func TestConflict(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "flags.json")
	if err := os.WriteFile(path, []byte(twoFlags), 0o600); err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{File: path}) // the file is not watched
	if err != nil {
		t.Fatal(err)
	}
	status := func() int {
		_, err := p.edit("a", flagfile.Change{On: new(false)})
		if known, ok := err.(*statusError); ok {
			return known.status
		}
		return 0
	}
	edited := twoFlags + "\n"
	moved := strings.Replace(twoFlags, `"flags"`, `"flags" `, 1)
	for _, text := range []string{"", "{}", moved, twoFlags[:len(twoFlags)-1], edited} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got := status(); got != http.StatusConflict {
			t.Errorf("a file that has changed to %q: got %d", text, got)
		}
		if got, _ := os.ReadFile(path); string(got) != text {
			t.Errorf("got\n%s", got)
		}
	}
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	if got := status(); got != http.StatusConflict {
		t.Errorf("a file that is gone: got %d", got)
	}
	p.look() // it does not mind
	if err := os.WriteFile(path, []byte(edited), 0o600); err != nil {
		t.Fatal(err)
	}
	p.look()
	if got := status(); got != 0 {
		t.Errorf("after another look: got %d", got)
	}
}

func TestChangesThatMakeNoSense(t *testing.T) {
	t.Parallel()
	w := start(t, twoFlags, Config{})
	tests := []struct {
		key, body string
		status    int
		text      string
	}{
		{"nope", `{"on":true}`, 404, `there is no flag`},
		{"a", `{}`, 400, `nothing to change`},
		{"a", `{"shares":[]}`, 400, `sum of 100`},
		{"a", `{"shares":[{"variation":"1","percent":99}]}`, 400, `sum of 100`},
		{"a", `{"shares":[{"variation":"1","percent":150},{"variation":"2","percent":-50}]}`, 400, `not a percentage`},
		{"a", `{"shares":[{"variation":"3","percent":100}]}`, 400, `not the id`},
		{"a", `{"shares":[{"variation":"1","percent":50},{"variation":"1","percent":50}]}`, 400, `twice`},
		{"a", `{"on":`, 400, `invalid request`},
		{"a", `{"on":"yes"}`, 400, `invalid request`},
	}
	for _, tt := range tests {
		status, answer := w.call("POST", "/local/flags/"+tt.key, tt.body, nil)
		if status != tt.status || !strings.Contains(answer, tt.text) {
			t.Errorf("%s %s: got %d %s", tt.key, tt.body, status, answer)
		}
	}
	if got := w.read(); got != twoFlags {
		t.Errorf("the file is now\n%s", got)
	}
}

func TestLinksAndPermissionsStay(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("links need privileges there, and permissions are other ones")
	}
	dir := t.TempDir()
	target, link := filepath.Join(dir, "real", "flags.json"), filepath.Join(dir, "flags.json")
	if err := os.Mkdir(filepath.Dir(target), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(target, []byte(twoFlags), 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(target, 0o640); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(filepath.Join("real", "flags.json"), link); err != nil {
		t.Fatal(err)
	}
	p, err := New(Config{File: link})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.edit("a", flagfile.Change{On: new(false)}); err != nil {
		t.Fatal(err)
	}
	info, err := os.Lstat(link)
	if err != nil || info.Mode()&os.ModeSymlink == 0 {
		t.Errorf("the link is %v, %v", info.Mode(), err)
	}
	info, err = os.Stat(target)
	if err != nil || info.Mode().Perm() != 0o640 {
		t.Errorf("the file is %v, %v", info.Mode(), err)
	}
	if text, _ := os.ReadFile(target); !strings.Contains(string(text), `"on": false`) {
		t.Errorf("got\n%s", text)
	}
	if os.Geteuid() == 0 {
		return // may write anything
	}
	if err := os.Chmod(target, 0o440); err != nil {
		t.Fatal(err)
	}
	if _, err := p.edit("a", flagfile.Change{On: new(true)}); err == nil {
		t.Error("a file that may not be written was replaced")
	}
	if err := errors.Join(os.Chmod(target, 0o640), os.Chmod(filepath.Dir(target), 0o500)); err != nil {
		t.Fatal(err)
	}
	if _, err := p.edit("a", flagfile.Change{On: new(true)}); err == nil || !strings.Contains(err.Error(), "its directory refuses") {
		t.Errorf("in a directory that may not be written: got %v", err)
	}
	_ = os.Chmod(filepath.Dir(target), 0o700) // for the end of the test
}
