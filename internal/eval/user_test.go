package eval

import "testing"

func TestBlank(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{
		"": true, " ": true, "\t\r\n\v\f": true, "\x1c\x1d\x1e\x1f": true, "\u0085": true, "\u00a0": true, "\u2003\u3000": true, " \u3000 ": true,
		"a": false, " a ": false, "\u3000a": false, "\x00": false, "\u200b": false, "\ufeff": false, "\xff": false, "\xe3\x80": false, "0": false,
	} {
		if got := Blank(s); got != want {
			t.Errorf("%q: got %v, want %v", s, got, want)
		}
	}
}

// TestLookup follows protocol reference, section 6.5.
func TestLookup(t *testing.T) {
	t.Parallel()
	full := &User{Key: "k", Name: "n", Email: "e", Country: "c"}
	full.Set("userName", "custom")
	full.Set("empty", "")
	full.Set("age", "17")
	full.Set("age", "18")
	bare := &User{Key: "k"}
	tests := []struct {
		property string
		full     string
		bare     string
		absent   bool // also for the full user
	}{
		{property: "KeyId", full: "k", bare: "k"}, {property: "keyid", full: "k", bare: "k"}, {property: "key", full: "k", bare: "k"},
		{property: "Name", full: "n"}, {property: "name", full: "n"},
		{property: "Email", full: "e"}, {property: "email", full: "e"},
		{property: "Country", full: "c"}, {property: "country", full: "c"},
		{property: "userName", full: "custom"},
		{property: "age", full: "18"},
		{property: "KEYID", absent: true}, {property: "keyId", absent: true}, {property: "Key", absent: true}, {property: "NAME", absent: true},
		{property: "Age", absent: true}, {property: "username", absent: true}, {property: " age", absent: true}, {property: "", absent: true},
	}
	semantics := Classic()
	for _, test := range tests {
		t.Run(test.property, func(t *testing.T) {
			t.Parallel()
			ref := semantics.attribute(test.property)
			if got, ok := full.lookup(&ref); got != test.full || ok == test.absent {
				t.Errorf("full user: got %q, %v", got, ok)
			}
			if got, ok := bare.lookup(&ref); got != test.bare || ok != (test.bare != "") {
				t.Errorf("bare user: got %q, %v", got, ok)
			}
		})
	}
	if len(full.Custom) != 3 {
		t.Errorf("custom attributes: %+v", full.Custom)
	}
	ref := semantics.attribute("empty")
	if got, ok := full.lookup(&ref); got != "" || !ok {
		t.Errorf("empty attribute: got %q, %v", got, ok)
	}
}

func TestValidUser(t *testing.T) {
	t.Parallel()
	var none *User
	if none.Valid() || (&User{}).Valid() || (&User{Name: "n"}).Valid() || !(&User{Key: "k"}).Valid() {
		t.Error("a user is valid if it has a key")
	}
}
