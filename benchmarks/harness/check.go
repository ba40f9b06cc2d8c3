package harness

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/fixture"
	"github.com/feature-flags-co/ffc-server-go-sdk/benchmarks/sdk"
)

// Check fails unless the SDK gives the right answers and its events arrive, so
// that no figure is of a way through errors.
func Check[U any](t *testing.T, p sdk.Peer[U]) {
	t.Run("answers", func(t *testing.T) { checkAnswers(t, p) })
	t.Run("split", func(t *testing.T) { checkSplit(t, p) })
	t.Run("all", func(t *testing.T) { checkAll(t, p) })
	t.Run("events", func(t *testing.T) { checkEvents(t, p) })
}

func checkAnswers[U any](t *testing.T, p sdk.Peer[U]) {
	c := open(t, p, scenario, sdk.Config{})
	defer c.Close()
	hit, miss := c.User(fixture.Hit()), c.User(fixture.Miss())
	for _, flag := range singles(p) {
		switch flag {
		case "s1":
			if !c.Bool(flag, hit) || !c.Bool(flag, miss) {
				t.Error("s1 is not true for everybody")
			}
		case "s2": // see checkSplit
		default:
			if !c.Bool(flag, hit) {
				t.Errorf("%s is false for the user it is for", flag)
			}
			if c.Bool(flag, miss) {
				t.Errorf("%s is true for a user it is not for", flag)
			}
		}
	}
}

func checkSplit[U any](t *testing.T, p sdk.Peer[U]) {
	if p.NoRules {
		t.Skip("the SDK has no rules")
	}
	c := open(t, p, scenario, sdk.Config{})
	defer c.Close()
	const users = 2000
	on := 0
	for i := range users {
		u := fixture.Hit()
		u.Key = fmt.Sprintf("someone-%d", i)
		if c.Bool("s2", c.User(u)) {
			on++
		}
	}
	if on < users*45/100 || on > users*55/100 {
		t.Errorf("s2 is true for %d of %d users, expected about half", on, users)
	}
}

func checkAll[U any](t *testing.T, p sdk.Peer[U]) {
	c := open(t, p, bulk, sdk.Config{})
	defer c.Close()
	if n := c.All(c.User(fixture.Hit())); n != 1000 {
		t.Errorf("there are %d results, expected 1000", n)
	}
}

func checkEvents[U any](t *testing.T, p sdk.Peer[U]) {
	if !p.Events {
		t.Skip("the SDK has no events")
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	before, err := askSink(ctx, -1)
	if err != nil {
		t.Fatal(err)
	}
	c := open(t, p, scenario, sdk.Config{Events: true})
	user := c.User(fixture.Hit())
	for range 1000 {
		c.Bool("s1", user)
	}
	_, err = askSink(ctx, before.Posts) // not all send what is left when they close
	c.Close()
	if err != nil {
		t.Errorf("no event has arrived: %v", err)
	}
}
