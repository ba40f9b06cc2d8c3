package relay

import (
	"log/slog"
	"testing"
	"testing/synctest"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

// TestWebsocketsOfAnEndedRoom: a websocket that opens at the moment in which its
// environment ends is sent away. It must not stay without ever getting a change.
func TestWebsocketsOfAnEndedRoom(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		h := &Handler{
			Reader: func(string) (*ffc.Client, bool) { return nil, false },
			Keys:   func(string) (string, bool) { return "FF__1__2__3", true },
			Logger: slog.New(slog.DiscardHandler),
		}
		h.start()
		defer h.Close()
		// Members share a socket: what takes time between two that enter makes it less
		// likely that one enters while the room is swept.
		socket := platformserver.NewSocket(wires()[0], &member{}, limits)
		for range 400 {
			r := h.open("FF__1__2__3")
			var members []*member
			began, done := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(done)
				for range 2000 {
					m := &member{room: r, socket: socket}
					if h.enter(m) != entered {
						return
					}
					if members = append(members, m); len(members) == 1 {
						close(began)
					}
				}
			}()
			<-began
			r.sweep()
			<-done
			for i, m := range members {
				m.mu.Lock()
				if m.bye == nil {
					t.Fatalf("websocket %d of %d stays open", i, len(members))
				}
				m.mu.Unlock()
				h.leave(m)
			}
		}
	})
}
