package main

import "testing"

func TestBetween(t *testing.T) {
	t.Parallel()
	got, err := between("a\n"+beginMarker+"\nold\n"+endMarker+"\nb\n", "new\n")
	if want := "a\n" + beginMarker + "\nnew\n" + endMarker + "\nb\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	for _, document := range []string{"", beginMarker, endMarker + beginMarker} {
		if got, err := between(document, "new"); err == nil {
			t.Errorf("%q became %q, expected an error", document, got)
		}
	}
}
