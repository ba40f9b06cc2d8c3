package safelog

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"testing"
	"testing/slogtest"
)

// withDefault sets slog.Default for a test.
func withDefault(t *testing.T, l *slog.Logger) {
	t.Helper()
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	slog.SetDefault(l)
}

// A logger that was made before slog.SetDefault follows it, with the default's
// level and attributes and its own.
func TestDefaultFollowsSetDefault(t *testing.T) {
	var early, late bytes.Buffer
	withDefault(t, slog.New(slog.NewTextHandler(&early, nil)))
	blocking, _ := New(Default())
	blocking = blocking.With("own", 1).WithGroup("g").With("inside", 2)
	blocking.Info("first")
	slog.SetDefault(slog.New(withoutTime(&late, slog.LevelWarn)).With("service", "shop"))
	blocking.Info("too quiet")
	blocking.Warn("second", "n", 3)
	if !bytes.Contains(early.Bytes(), []byte("msg=first own=1 g.inside=2")) || bytes.Contains(early.Bytes(), []byte("second")) {
		t.Errorf("the first default got:\n%s", early.String())
	}
	if want := "level=WARN msg=second service=shop own=1 g.inside=2 g.n=3\n"; late.String() != want {
		t.Errorf("the second default got:\n%swant:\n%s", late.String(), want)
	}
}

func withoutTime(to *bytes.Buffer, level slog.Level) slog.Handler {
	return slog.NewTextHandler(to, &slog.HandlerOptions{Level: level, ReplaceAttr: func(groups []string, a slog.Attr) slog.Attr {
		if len(groups) == 0 && a.Key == slog.TimeKey {
			return slog.Attr{}
		}
		return a
	}})
}

// The handler keeps the rules of package slog.
func TestDefaultIsAHandler(t *testing.T) {
	var out bytes.Buffer
	withDefault(t, slog.New(slog.NewJSONHandler(&out, nil)))
	err := slogtest.TestHandler(Default().Handler(), func() (lines []map[string]any) {
		for _, line := range bytes.Split(bytes.TrimSpace(out.Bytes()), []byte("\n")) {
			var m map[string]any
			if err := json.Unmarshal(line, &m); err != nil {
				t.Fatal(err)
			}
			lines = append(lines, m)
		}
		return lines
	})
	if err != nil {
		t.Error(err)
	}
}

// Loggers that share a beginning do not share what is added.
func TestDefaultKeepsBranchesApart(t *testing.T) {
	var out bytes.Buffer
	withDefault(t, slog.New(withoutTime(&out, slog.LevelInfo)))
	root := Default().With("a", 1).With("b", 2)
	x, y := root.With("x", 3), root.With("y", 4)
	x.Info("x")
	y.Info("y")
	if want := "level=INFO msg=x a=1 b=2 x=3\nlevel=INFO msg=y a=1 b=2 y=4\n"; out.String() != want {
		t.Errorf("got:\n%swant:\n%s", out.String(), want)
	}
}
