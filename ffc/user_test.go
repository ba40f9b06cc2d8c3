package ffc_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

type goldenUsers struct {
	Probes []string
	Users  []struct {
		Input     map[string]any
		Valid     bool
		Lookups   map[string]string
		EventUser json.RawMessage
	}
}

// TestGoldenUsers builds every user of the vectors and looks at its attributes
// through the rules of flags.
// TestUsersPrintWithoutAttributes: users end up in logs.
func TestUsersPrintWithoutAttributes(t *testing.T) {
	t.Parallel()
	attr := ffc.Email("ann@example.com")
	user := ffc.NewUser("ann-key", attr, ffc.Int("age", 34567))
	for _, value := range []any{user, &user, attr, []ffc.User{user}, ffc.Evaluation{User: user}, struct{ U any }{user}} {
		for _, format := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d"} {
			if text := fmt.Sprintf(format, value); strings.Contains(text, "ann") || strings.Contains(text, "34567") {
				t.Errorf("%s of %T: %s", format, value, text)
			}
		}
	}
}

func TestGoldenUsers(t *testing.T) {
	t.Parallel()
	var golden goldenUsers
	readGolden(t, "users.json", &golden)
	flagFor := map[string]string{} // probe and value, or probe alone for presence, to flag key
	var items []ffctest.Item
	add := func(name string, clause ffctest.Clause) {
		if flagFor[name] == "" {
			flagFor[name] = fmt.Sprintf("flag-%d", len(flagFor))
			items = append(items, ffctest.Flag(flagFor[name]).Rule("true", clause).Serve("false"))
		}
	}
	for _, u := range golden.Users {
		for _, probe := range golden.Probes {
			if probe == "" {
				continue // rules without a property have another meaning
			}
			add(probe, ffctest.Attr(probe).MatchRegex("(?s)."))
			if value := u.Lookups[probe]; value != "" {
				add(probe+"="+value, ffctest.Attr(probe).Equal(value))
			}
		}
	}
	client := offline(t, items...)
	checked := 0
	for i, u := range golden.Users {
		user, err := ffc.UserFromMap(u.Input)
		if (err == nil) != u.Valid {
			t.Errorf("user %d: error %v, expected valid: %v", i, err, u.Valid)
		}
		if err != nil {
			if user != (ffc.User{}) {
				t.Errorf("user %d: an error and a user", i)
			}
			continue
		}
		for _, probe := range golden.Probes {
			if probe == "" {
				continue
			}
			want := u.Lookups[probe]
			if got := client.BoolVariation(t.Context(), flagFor[probe], user, false); got != (want != "") {
				t.Errorf("user %d: attribute %q has a value: %v, want %q", i, probe, got, want)
			}
			if want != "" && !client.BoolVariation(t.Context(), flagFor[probe+"="+want], user, false) {
				t.Errorf("user %d: attribute %q is not %q", i, probe, want)
			}
			checked++
		}
	}
	if checked < 1000 {
		t.Errorf("only %d attributes checked", checked)
	}
}

// TestGoldenEventUsers sends an event for every user of the vectors.
func TestGoldenEventUsers(t *testing.T) {
	t.Parallel()
	var golden goldenUsers
	readGolden(t, "users.json", &golden)
	server, client := connected(t, nil)
	var want []json.RawMessage
	for _, u := range golden.Users {
		if user, err := ffc.UserFromMap(u.Input); err == nil {
			want = append(want, u.EventUser)
			if err := client.Track(t.Context(), user, "seen"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if err := client.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	// Requests of different users may overtake each other, so users are
	// compared as a multiset.
	got := map[string]int{}
	for _, request := range server.Requests(ffctest.Events) {
		var items []struct{ User eventUser }
		if err := json.Unmarshal(request.Body, &items); err != nil {
			t.Fatal(err)
		}
		for _, item := range items {
			got[item.User.String()]++
		}
	}
	wanted := map[string]int{}
	for _, raw := range want {
		var u eventUser
		if err := json.Unmarshal(raw, &u); err != nil {
			t.Fatal(err)
		}
		wanted[u.String()]++
	}
	if !maps.Equal(got, wanted) {
		t.Errorf("got  %v\nwant %v", got, wanted)
	}
}

type eventUser struct {
	KeyID, UserName, Email, Country string
	CustomizedProperties            []struct{ Name, Value string }
}

// String has the properties in the order of their names.
func (u eventUser) String() string {
	properties := map[string]string{}
	for _, p := range u.CustomizedProperties {
		properties[p.Name] = p.Value
	}
	return fmt.Sprintf("%q %q %q %q %q", u.KeyID, u.UserName, u.Email, u.Country, properties)
}

func TestNewUser(t *testing.T) {
	t.Parallel()
	server, client := connected(t, nil)
	many := []ffc.Attr{ffc.Name("Ann")}
	wantMany := map[string]string{}
	for i := range 40 {
		many = append(many, ffc.Int(fmt.Sprintf("attribute-%d", i), int64(i)*1000))
		wantMany[fmt.Sprintf("attribute-%d", i)] = fmt.Sprint(i * 1000)
	}
	tests := []struct {
		name string
		user ffc.User
		want eventUser
		attr map[string]string
	}{
		{"key alone", ffc.NewUser("u"), eventUser{KeyID: "u"}, nil},
		{"key is not trimmed", ffc.NewUser(" u "), eventUser{KeyID: " u "}, nil},
		{"built-in", ffc.NewUser("u", ffc.Name("Ann"), ffc.Email("a@b.c"), ffc.Country("FR")), eventUser{KeyID: "u", UserName: "Ann", Email: "a@b.c", Country: "FR"}, nil},
		{"built-in by name", ffc.NewUser("u", ffc.String("name", "Ann"), ffc.String("Email", "a@b.c"), ffc.Int("country", 33)), eventUser{KeyID: "u", UserName: "Ann", Email: "a@b.c", Country: "33"}, nil},
		{"blank built-in", ffc.NewUser("u", ffc.Name(" ")), eventUser{KeyID: "u"}, nil},
		{"reserved names", ffc.NewUser("u", ffc.String("key", "x"), ffc.String("KEYID", "x"), ffc.String("NAME", "x")), eventUser{KeyID: "u"}, nil},
		{"types", ffc.NewUser("u", ffc.String("s", "t"), ffc.Int("i", -7), ffc.Float("f", 18), ffc.Float("e", 1e16), ffc.Float("small", 1e-5), ffc.Bool("b", true), ffc.Bool("c", false)),
			eventUser{KeyID: "u"}, map[string]string{"s": "t", "i": "-7", "f": "18", "e": "10000000000000000", "small": "1e-05", "b": "true", "c": "false"}},
		{"infinities", ffc.NewUser("u", ffc.Float("a", math.Inf(1)), ffc.Float("b", math.Inf(-1)), ffc.Float("c", math.NaN()), ffc.Float("d", math.Copysign(0, -1))),
			eventUser{KeyID: "u"}, map[string]string{"a": "inf", "b": "-inf", "c": "nan", "d": "0"}},
		{"last counts", ffc.NewUser("u", ffc.String("s", "1"), ffc.String("t", "2"), ffc.String("s", "3")), eventUser{KeyID: "u"}, map[string]string{"s": "3", "t": "2"}},
		{"empty custom value", ffc.NewUser("u", ffc.String("s", "")), eventUser{KeyID: "u"}, map[string]string{"s": ""}},
		{"many", ffc.NewUser("u", many...), eventUser{KeyID: "u", UserName: "Ann"}, wantMany},
	}
	for i, test := range tests {
		if err := client.Track(t.Context(), test.user, test.name); err != nil {
			t.Fatal(err)
		}
		if err := client.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		e := server.Events()[i]
		got := eventUser{KeyID: e.UserKey, UserName: e.UserName, Email: e.Email, Country: e.Country}
		if got.String() != test.want.String() || !maps.Equal(e.Attributes, test.attr) {
			t.Errorf("%s: got %v %v, want %v %v", test.name, got, e.Attributes, test.want, test.attr)
		}
	}
	for _, key := range []string{"", " ", "\t\n", "\u00a0"} {
		if user := ffc.NewUser(key); user.Key() != "" {
			t.Errorf("NewUser(%q) has the key %q", key, user.Key())
		}
	}
}

func TestUserFromMap(t *testing.T) {
	t.Parallel()
	type custom string
	tests := []struct {
		name string
		in   map[string]any
		key  string
		err  string // what the error names; "" for none
	}{
		{"key", map[string]any{"key": "a"}, "a", ""},
		{"keyid", map[string]any{"keyid": "a"}, "a", ""},
		{"empty key", map[string]any{"key": "", "keyid": "a"}, "a", ""},
		{"zero key", map[string]any{"key": 0, "keyid": "a"}, "a", ""},
		{"both", map[string]any{"key": "a", "keyid": "b"}, "a", ""},
		{"no key", map[string]any{"name": "x"}, "", `"key"`},
		{"nil map", nil, "", `"key"`},
		{"other spelling", map[string]any{"KeyId": "a"}, "", `"key"`},
		{"number", map[string]any{"key": 5}, "", `"key"`},
		{"blank", map[string]any{"key": "  "}, "", `"key"`},
		{"name of another type", map[string]any{"key": "a", "name": custom("x")}, "", `"name"`},
		{"name true", map[string]any{"key": "a", "name": true}, "", `"name"`},
		{"name false", map[string]any{"key": "a", "name": false}, "a", ""},
		{"name zero", map[string]any{"key": "a", "name": json.Number("0.0")}, "a", ""},
		{"country blank", map[string]any{"key": "a", "country": "\t"}, "", `"country"`},
		{"all bad", map[string]any{"key": 1, "email": []string{}}, "", `"email"`},
		{"every number", map[string]any{"key": "a", "a": int8(1), "b": int16(1), "c": int32(1), "d": int64(1), "e": uint(1), "f": uint8(1), "g": uint16(1),
			"h": uint32(1), "i": uint64(1), "j": float32(1), "k": 1.5, "l": 1, "m": json.Number("1.50")}, "a", ""},
		{"what is left out", map[string]any{"key": "a", "a": true, "b": nil, "c": []int{1}, "d": map[string]any{}, "e": custom("x"), "NAME": "x"}, "a", ""},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			user, err := ffc.UserFromMap(test.in)
			if user.Key() != test.key || (err == nil) != (test.err == "") {
				t.Fatalf("got key %q, %v", user.Key(), err)
			}
			if err != nil && !strings.Contains(err.Error(), test.err) {
				t.Errorf("the error does not name %s: %v", test.err, err)
			}
		})
	}
	const private = "jane@example.com"
	if _, err := ffc.UserFromMap(map[string]any{"email": []string{private}, "name": 7}); err == nil || strings.Contains(err.Error(), private) {
		t.Errorf("the error tells an attribute: %v", err)
	}
}

// FuzzUserFromMap: any JSON object makes a user or an error, and a user that
// can be evaluated for and reported.
func FuzzUserFromMap(f *testing.F) {
	for _, seed := range []string{
		`{"key":"u","name":"Ann","age":18,"vip":true,"tags":["a"],"nil":null}`, `{"keyid":"u","score":1.50}`, `{"key":5}`, `{"key":"u","email":" "}`,
		`{"key":"\u0000\ud800","\"":"\\"}`, `[]`, `null`,
	} {
		f.Add([]byte(seed))
	}
	client, err := ffc.New(f.Context(), ffc.Config{Offline: true, Bootstrap: ffctest.Snapshot(
		ffctest.Flag("a").Rule("true", ffctest.Attr("age").AtLeast("18"), ffctest.Attr("name").Contains("n")).Rollout(50, 50))})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		d := json.NewDecoder(strings.NewReader(string(data)))
		d.UseNumber()
		var m map[string]any
		if d.Decode(&m) != nil {
			return
		}
		user, err := ffc.UserFromMap(m)
		if (err == nil) != (user.Key() != "") {
			t.Fatalf("key %q, error %v", user.Key(), err)
		}
		detail := client.BoolVariationDetail(t.Context(), "a", user, false)
		if (err == nil) != (detail.Err == nil) {
			t.Fatalf("user error %v, detail %+v", err, detail)
		}
	})
}
