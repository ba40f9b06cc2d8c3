package main

import (
	"strings"
	"testing"
)

func TestKey(t *testing.T) {
	w := newWorld(t)
	for _, env := range []string{"prod", w.environment(), "FF__1__2__3"} {
		out := w.ok("key", env, "-name", "shop", "-until", "2100-01-01T00:00:00Z")
		key, rest, _ := strings.Cut(strings.TrimPrefix(out, "key:  "), "\nline: ")
		fields := strings.Fields(rest)
		if len(key) < 40 || len(fields) != 4 || len(fields[0]) != 64 || fields[2] != "shop" || fields[3] != "2100-01-01T00:00:00Z" {
			t.Errorf("%s: %q", env, out)
		}
		if env != "prod" && fields[1] != env {
			t.Errorf("the line is of %s", fields[1])
		}
	}
	w.fails(usage, "missing name", "key", "prod")
	w.fails(usage, "missing environment", "key", "-name", "x")
	w.fails(usage, "is not an environment of FeatBit", "key", "x", "-name", "x")
	w.fails(usage, "-until: invalid time", "key", "prod", "-name", "x", "-until", "tomorrow")
	w.fails(usage, `unknown platform "x"`, "key", "prod", "-name", "x", "-platform", "x")
}
