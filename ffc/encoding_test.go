package ffc_test

import (
	"bytes"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
)

const bom = "\ufeff"

// A byte-order mark before JSON is skipped wherever data comes from.
func TestByteOrderMarkIsSkipped(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		data := append([]byte(bom), p.Snapshot(ffctest.Flag("f").Variations("on", "off"))...)
		check := func(name string, cfg ffc.Config) {
			t.Helper()
			client, err := ffc.New(t.Context(), cfg)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			defer client.Close(context.Background())
			if got := client.Variation(t.Context(), "f", ffc.NewUser("u"), "-"); got != "on" {
				t.Errorf("%s: got %q, %+v", name, got, client.Status())
			}
		}
		check("bootstrap", ffc.Config{Offline: true, Bootstrap: data})

		cache := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(data) }))
		defer cache.Close()
		check("poll URL", ffc.Config{EnvSecret: p.EnvSecret(), BaseURL: cache.URL, Transport: &poll.Transport{URL: cache.URL + "/flags.json"}})

		srv, client := connectedTo(t, p, nil)
		srv.Send(data)
		waitFor(t, client, func() bool { return client.Variation(t.Context(), "f", ffc.NewUser("u"), "-") == "on" })
	})
}

// A lone surrogate is U+FFFD as with encoding/json, so that the text of a flag
// matches no user that is written with the six ASCII characters.
func TestLoneSurrogatesAreReplaced(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		const valueMark, keyMark, textMark, listMark = "VALUE", "KEY", "TEXT", "LIST"
		data := p.Snapshot(ffctest.Flag("f").Variations(valueMark, "target", "text", "list").
			Target("target", keyMark).
			Rule("text", ffctest.Attr("a").Equal(textMark)).
			Rule("list", ffctest.Attr("a").IsOneOf(listMark, "other")))
		for _, mark := range []string{valueMark, keyMark, textMark} {
			data = bytes.ReplaceAll(data, []byte(mark), []byte(`x\udc00y`))
		}
		data = bytes.ReplaceAll(data, []byte(listMark), []byte(`x\\udc00y`)) // inside a text that is JSON again
		client, err := ffc.New(t.Context(), ffc.Config{Offline: true, Bootstrap: data})
		if err != nil {
			t.Fatal(err)
		}
		for _, test := range []struct {
			user ffc.User
			want string
		}{
			{ffc.NewUser("somebody"), "x\ufffdy"},
			{ffc.NewUser(`x\udc00y`), "x\ufffdy"},
			{ffc.NewUser("u", ffc.String("a", `x\udc00y`)), "x\ufffdy"},
			{ffc.NewUser("x\ufffdy"), "target"},
			{ffc.NewUser("u", ffc.String("a", "x\ufffdy")), "text"},
		} {
			if got := client.Variation(t.Context(), "f", test.user, "-"); got != test.want {
				t.Errorf("%v: got %q, want %q", test.user, got, test.want)
			}
		}
	})
}

// Valid JSON of another kind gets an error that says what was expected.
func TestBootstrapOfAnotherKindSaysWhatWasExpected(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"[]":            "is a JSON array",
		bom + "[]":      "is a JSON array",
		"null":          "is a JSON null",
		`"text"`:        "is a JSON string",
		"7":             "is a JSON number",
		" ":             "is empty",
		"\xff\xfe{\x00": "is UTF-16",
	} {
		_, err := ffc.New(t.Context(), ffc.Config{Offline: true, Bootstrap: []byte(text)})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "expected") {
			t.Errorf("%q: got %v, expected %q in it", text, err, want)
		}
	}
}
