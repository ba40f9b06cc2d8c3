package ffc_test

import (
	"context"
	"log/slog"
	"strings"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
)

// handlerFunc is a handler of the application's.
type handlerFunc func(slog.Record)

func (handlerFunc) Enabled(context.Context, slog.Level) bool { return true }
func (f handlerFunc) Handle(_ context.Context, r slog.Record) error {
	f(r)
	return nil
}
func (f handlerFunc) WithAttrs([]slog.Attr) slog.Handler { return f }
func (f handlerFunc) WithGroup(string) slog.Handler      { return f }

// TestBadLoggersLeaveTheClientWorking: whatever a logger does, the client goes on.
func TestBadLoggersLeaveTheClientWorking(t *testing.T) {
	t.Parallel()
	stuck := make(chan struct{})
	defer close(stuck)
	loggers := map[string]func(*ffc.Client, slog.Record){
		"panics":   func(*ffc.Client, slog.Record) { panic("the application's mistake") },
		"is stuck": func(*ffc.Client, slog.Record) { <-stuck },
		"evaluates": func(c *ffc.Client, _ slog.Record) {
			c.BoolVariation(context.Background(), "broken", ffc.NewUser("u"), false)
		},
	}
	for name, log := range loggers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			made := make(chan *ffc.Client, 1)
			server, client := connected(t, func(c *ffc.Config) {
				c.StartWait = -1
				c.Logger = slog.New(handlerFunc(func(r slog.Record) {
					client := <-made
					made <- client
					log(client, r)
				}))
			}, ffctest.Flag("a").Variations("1", "2"), ffctest.Flag("broken").Prerequisite(ffctest.Flag("broken-too"), "true"),
				ffctest.Flag("broken-too").Prerequisite(ffctest.Flag("broken"), "true"))
			made <- client
			if err := client.WaitReady(t.Context()); err != nil {
				t.Fatal(err)
			}
			server.DropConnections()
			server.Put(ffctest.Flag("a").Variations("1", "2").Serve("2"))
			waitFor(t, client, func() bool { return client.IntVariation(t.Context(), "a", ffc.NewUser("u"), 0) == 2 })
			if d := client.BoolVariationDetail(t.Context(), "broken", ffc.NewUser("u"), true); d.Reason != ffc.ReasonError {
				t.Errorf("got %+v", d)
			}
			if err := client.Close(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
}

// lines are written to it one by one.
type lines chan string

// Write implements io.Writer.
func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

// A nil Config.Logger follows a slog.SetDefault that comes after New, with its
// level and attributes.
func TestNilLoggerFollowsSetDefault(t *testing.T) {
	before := slog.Default()
	t.Cleanup(func() { slog.SetDefault(before) })
	_, client := connected(t, func(c *ffc.Config) { c.Logger = nil }, ffctest.Flag("a"))
	log := make(lines, 100)
	slog.SetDefault(slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelWarn})).With("service", "shop"))
	client.Variation(t.Context(), "no-such-flag", ffc.NewUser("u"), "")
	line := <-log
	for !strings.Contains(line, "no-such-flag") { // clients of tests before have the same logger
		line = <-log
	}
	if !strings.Contains(line, "service=shop") || !strings.Contains(line, "level=WARN") {
		t.Errorf("got %s", line)
	}
}
