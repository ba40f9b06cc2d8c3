package ffc_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
)

// spellings are names of attributes that are, or look like, built-in ones.
var spellings = []string{
	"name", "Name", "NAME", "email", "Email", "EMAIL", "country", "Country", "COUNTRY", "key", "Key", "KEY", "keyid", "KeyID", "KEYID",
}

// sentUser is the user of an event, of either platform.
type sentUser struct {
	UserName, Name, Email, Country string
	CustomizedProperties           []struct{ Name, Value string }
}

// attribute returns what the event says of an attribute.
func (u *sentUser) attribute(name string) string {
	for _, p := range u.CustomizedProperties {
		if p.Name == name {
			return p.Value
		}
	}
	switch name {
	case "name", "Name":
		return u.UserName + u.Name
	case "email", "Email":
		return u.Email
	case "country", "Country":
		return u.Country
	}
	return ""
}

// sent returns the user of the first event of the last request, and its text.
func sent(t *testing.T, server *ffctest.Server) (sentUser, string) {
	t.Helper()
	requests := server.Requests(ffctest.Events)
	if len(requests) == 0 {
		t.Fatal("no events were sent")
	}
	body := requests[len(requests)-1].Body
	var items []struct{ User sentUser }
	if err := json.Unmarshal(body, &items); err != nil || len(items) == 0 {
		t.Fatalf("%v in %s", err, body)
	}
	return items[0].User, string(body)
}

// usersWith are users with one attribute, made in both ways.
func usersWith(t *testing.T, name, value string) map[string]ffc.User {
	t.Helper()
	users := map[string]ffc.User{"NewUser": ffc.NewUser("u", ffc.String(name, value))}
	if name == "key" {
		return users // a map's key is the user's
	}
	fromMap, err := ffc.UserFromMap(map[string]any{"key": "u", name: value})
	if err != nil {
		t.Fatal(err)
	}
	users["UserFromMap"] = fromMap
	return users
}

// TestAttributeNamesAreExactOnFeatBit: each spelling is an attribute of its own
// there, in rules and in events. On classic the lower-case and the capitalised
// spelling are the built-in attribute, and the others are reserved.
func TestAttributeNamesAreExactOnFeatBit(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		items := make([]ffctest.Item, len(spellings))
		for i, name := range spellings {
			items[i] = ffctest.Flag(fmt.Sprint("flag-", name)).Rule("true", ffctest.Attr(name).Equal("FR")).Serve("false")
		}
		server, client := connectedTo(t, p, nil, items...)
		for _, name := range spellings {
			for constructor, user := range usersWith(t, name, "FR") {
				for _, property := range spellings {
					if property == "key" {
						continue // what ffctest calls the user's key on both platforms
					}
					want := property == name
					if p == ffctest.Classic {
						want = strings.EqualFold(property, name) && readable(constructor, name) && readable("NewUser", property)
					}
					if got := client.BoolVariation(t.Context(), "flag-"+property, user, false); got != want {
						t.Errorf("%s, attribute %s, rule on %s: got %v, want %v", constructor, name, property, got, want)
					}
				}
				if err := errors.Join(client.Track(t.Context(), user, "m"), client.Flush(testkit.Within(t))); err != nil {
					t.Fatal(err)
				}
				about, body := sent(t, server)
				want := "FR"
				if p == ffctest.Classic && !readable(constructor, name) {
					want = ""
				}
				if got := about.attribute(name); got != want || strings.Contains(body, `"FR"`) != (want != "") {
					t.Errorf("%s, attribute %s: the event has %q, want %q: %s", constructor, name, got, want, body)
				}
			}
		}
	})
}

// readable reports whether classic takes a name for a built-in attribute.
func readable(constructor, name string) bool {
	switch name {
	case "name", "email", "country":
		return true
	case "Name", "Email", "Country":
		return constructor == "NewUser"
	}
	return false
}

// TestBothSpellings: if a user has both spellings of a built-in attribute, classic
// uses the last, and a blank value counts as missing. FeatBit has both.
func TestBothSpellings(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name                           string
		attrs                          []ffc.Attr
		classic, lower, capital, other string
	}{
		{"capitalised last", []ffc.Attr{ffc.Email("a"), ffc.String("Email", "b")}, "b", "a", "b", ""},
		{"lower case last", []ffc.Attr{ffc.String("Email", "b"), ffc.Email("a")}, "a", "a", "b", ""},
		{"twice", []ffc.Attr{ffc.String("Email", "b"), ffc.String("Email", "c"), ffc.String("EMAIL", "d")}, "c", "", "c", "d"},
		{"blank last", []ffc.Attr{ffc.Email("a"), ffc.String("Email", " ")}, "", "a", " ", ""},
		{"blank", []ffc.Attr{ffc.Email("\t")}, "", "\t", "", ""},
		{"blank first", []ffc.Attr{ffc.Email(" "), ffc.String("Email", "b")}, "b", " ", "b", ""},
		{"empty last", []ffc.Attr{ffc.Email("a"), ffc.Email("")}, "", "", "", ""},
	}
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		for _, test := range tests {
			user := ffc.NewUser("u", test.attrs...)
			want := map[string]string{"email": test.lower, "Email": test.capital, "EMAIL": test.other}
			if p == ffctest.Classic {
				want = map[string]string{"email": test.classic, "Email": test.classic, "EMAIL": ""}
			}
			for property, value := range want {
				// A rule that only an attribute of this value matches, be it
				// empty.
				_, client := connectedTo(t, p, nil,
					ffctest.Flag("equal").Rule("true", ffctest.Attr(property).Equal(value)).Serve("false"),
					ffctest.Flag("some").Rule("true", ffctest.Attr(property).MatchRegex("(?s).")).Serve("false"))
				if got := client.BoolVariation(t.Context(), "some", user, false); got != (value != "") {
					t.Errorf("%s: %s is there: %v", test.name, property, got)
				}
				if value != "" && !client.BoolVariation(t.Context(), "equal", user, false) {
					t.Errorf("%s: %s is not %q", test.name, property, value)
				}
			}
		}
	})
}

// TestKeyIDIsTheKey: no attribute can set keyId, FeatBit's name of the key.
func TestKeyIDIsTheKey(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		server, client := connectedTo(t, p, nil, ffctest.Flag("f").Rule("true", ffctest.Attr("keyId").Equal("x")).Serve("false"))
		for constructor, user := range usersWith(t, "keyId", "x") {
			if client.BoolVariation(t.Context(), "f", user, false) {
				t.Errorf("%s: the attribute hides the key", constructor)
			}
			if err := client.Flush(testkit.Within(t)); err != nil {
				t.Fatal(err)
			}
			if _, body := sent(t, server); strings.Contains(body, `"x"`) {
				t.Errorf("%s: %s", constructor, body)
			}
		}
	})
}

// TestPrivateInEverySpelling: whatever the case of a private attribute's name,
// and of the user's, its value is in no body.
func TestPrivateInEverySpelling(t *testing.T) {
	t.Parallel()
	const value = "not-for-the-platform"
	names := append([]string{"plan", "Plan", "PLAN", "ÉTÉ", "été", "a\u212a"}, spellings...)
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		for _, private := range append([]string{"AK"}, names...) {
			if lower := strings.ToLower(private); p == ffctest.Classic && (lower == "key" || lower == "keyid") {
				continue // TestPrivateKeyIsRejected
			}
			cfg := flush.Config{Interval: -1, PrivateAttributes: []string{private}}
			if err := cfg.Validate(); err != nil {
				t.Errorf("%q: %v", private, err)
			}
			server, client := connectedTo(t, p, func(c *ffc.Config) { c.Events = cfg }, ffctest.Flag("f"))
			for _, name := range names {
				if !strings.EqualFold(name, private) {
					continue
				}
				for constructor, user := range usersWith(t, name, value) {
					client.BoolVariation(t.Context(), "f", user, false)
					if err := errors.Join(client.Track(t.Context(), user, "m"), client.Flush(testkit.Within(t))); err != nil {
						t.Fatal(err)
					}
					if _, body := sent(t, server); strings.Contains(body, value) || !strings.Contains(body, `"keyId":"u"`) {
						t.Errorf("private %q, %s, attribute %q: %s", private, constructor, name, body)
					}
				}
			}
		}
	})
}

// TestPrivateKeyIsRejected: events cannot go without the user's key, by whatever
// name the platform knows it.
func TestPrivateKeyIsRejected(t *testing.T) {
	t.Parallel()
	platforms.Each(t, func(t *testing.T, p ffctest.Platform) {
		for name, ofClassic := range map[string]bool{"keyId": false, "key": true, "Key": true, "keyid": true, "KeyId": true, "KEYID": true} {
			_, err := ffc.New(t.Context(), ffc.Config{
				Offline: true, Bootstrap: p.Snapshot(ffctest.Flag("f")), Events: flush.Config{PrivateAttributes: []string{name}}, Logger: testkit.Quiet(),
			})
			rejected := err != nil && strings.Contains(err.Error(), "cannot be private")
			if want := !ofClassic || p == ffctest.Classic; rejected != want {
				t.Errorf("%s: rejected %v, want %v: %v", name, rejected, want, err)
			}
		}
	})
}
