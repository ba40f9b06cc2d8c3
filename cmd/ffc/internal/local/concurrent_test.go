package local

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit/platforms"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/poll"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// TestAllAtOnce: with pages, an editor, clients and their events at the same time
// nothing is lost that the editor has saved, and no event.
func TestAllAtOnce(t *testing.T) {
	t.Parallel()
	platforms.EachParallel(t, func(t *testing.T, platform ffctest.Platform) {
		w := start(t, twoFlags, Config{Platform: platform.String()})
		clients := []*ffc.Client{w.client(&stream.Transport{}), w.client(&poll.Transport{})}
		user := ffc.NewUser("u1")
		var all sync.WaitGroup
		for range 2 { // pages
			all.Go(func() {
				for i := range 20 {
					for {
						status, answer := w.call("POST", "/local/flags/a", fmt.Sprintf(`{"on":%t}`, i%2 == 0), nil)
						if status == 200 {
							break
						}
						if status != 409 { // an editor was first
							t.Errorf("got %d %s", status, answer)
							return
						}
						w.p.look()
					}
					_ = w.state()
				}
			})
		}
		all.Go(func() { // an editor that keeps what it does not change
			for i := range 20 {
				text, err := os.ReadFile(w.path)
				if err != nil {
					t.Error(err)
					return
				}
				next := strings.Replace(string(text), `"b": {`, fmt.Sprintf(`"c%d": {}, "b": {`, i), 1)
				temp := fmt.Sprint(w.path, ".", i)
				if err := os.WriteFile(temp, []byte(next), 0o600); err != nil {
					t.Error(err)
					return
				}
				w.p.mu.Lock() // not between the last look of a write and its renaming
				err = os.Rename(temp, w.path)
				w.p.mu.Unlock()
				if err != nil {
					t.Error(err)
					return
				}
				w.p.look()
			}
		})
		for _, client := range clients {
			all.Go(func() {
				for range 20 {
					client.Variation(context.Background(), "a", user, "")
					if err := client.Flush(testkit.Within(t)); err != nil {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		if got := w.state().Events.Evaluations; got != 40 {
			t.Errorf("got %d evaluations", got)
		}
		for i := range 20 {
			w.serves(clients[0], fmt.Sprintf("c%d", i), user, "true")
		}
	})
}
