package main

import "testing"

func TestBetween(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- x:begin -->", "<!-- x:end -->"
	got, err := between("a\n"+begin+"\nold\n"+end+"\nb\n", "x", "new\n")
	if want := "a\n" + begin + "\nnew\n" + end + "\nb\n"; err != nil || got != want {
		t.Errorf("got %q, %v", got, err)
	}
	for _, document := range []string{"", begin, end + begin, "<!-- y:begin --><!-- y:end -->"} {
		if got, err := between(document, "x", "new"); err == nil {
			t.Errorf("%q became %q, expected an error", document, got)
		}
	}
}
