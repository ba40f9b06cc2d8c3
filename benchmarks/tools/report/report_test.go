package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRead(t *testing.T) {
	t.Parallel()
	folder := t.TempDir()
	name := "BenchmarkEvaluate/events=off/scenario=s1/user=shared/cores=1"
	text := "cpu: Some CPU\n" +
		name + "-2   100   30.5 ns/op   8 B/op   1 allocs/op\n" +
		name + "-2   100   20.5 ns/op   9 B/op   1 allocs/op\n" +
		name + "-2   100   40.5 ns/op   7 B/op   1 allocs/op\nPASS\n"
	if err := os.WriteFile(filepath.Join(folder, "ffc.txt"), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	r, err := read(folder)
	if err != nil {
		t.Fatal(err)
	}
	if r.machine != "Some CPU" {
		t.Errorf("the machine is %q", r.machine)
	}
	if ns, ok := r.time("ffc", name); !ok || ns != 20.5 {
		t.Errorf("the time is %v, %v, expected the best, 20.5", ns, ok)
	}
	if bytes, ok := r.median("ffc", name, "B/op"); !ok || bytes != 8 {
		t.Errorf("the bytes are %v, %v, expected the median, 8", bytes, ok)
	}
	if _, ok := r.time("statsig", name); ok {
		t.Error("there is a time of a peer that was not measured")
	}
}

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
