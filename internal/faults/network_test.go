package faults_test

import (
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/faults"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// broken is an outage of the network: what is open breaks, and what follows
// suffers from the fault. Meanwhile the flags change.
func broken(f faults.Fault, kinds ...transport.Kind) func(*world) string {
	return func(w *world) string {
		w.proxy.Set(f)
		w.proxy.Break()
		w.suffers(kinds...)
		w.put("v1")
		w.attempts()
		w.proxy.Set(faults.Fault{})
		return "v1"
	}
}

// impaired is a network that is bad, but works.
func impaired(f faults.Fault) func(*world) string {
	return func(w *world) string {
		w.proxy.Set(f)
		w.proxy.Break()
		w.put("v1")
		w.heals("v1")
		w.put("v2")
		w.heals("v2")
		w.thrives()
		return "v2"
	}
}

// network is what goes wrong below HTTP.
var network = []scenario{
	{name: "refused", modes: all, play: func(w *world) string {
		w.proxy.Down()
		w.proxy.Break()
		w.suffers(transport.KindNetwork)
		w.put("v1")
		w.attempts()
		w.up()
		return "v1"
	}},
	{name: "refused at the start", modes: all,
		before: func(w *world) {
			w.config.StartWait = -1
			w.network()
			w.proxy.Down()
		},
		play: func(w *world) string {
			w.until("attempts fail", func() bool { return w.client.Stats().Transport.Failures > 1 && w.kind() == transport.KindNetwork })
			w.evaluates()
			if w.client.Initialized() {
				w.Error("initialized without data")
			}
			w.up()
			return "v0"
		}},
	{name: "reset on connecting", modes: all, play: broken(faults.Fault{Drop: true}, transport.KindNetwork)},
	{name: "reset before the request", modes: all, play: broken(faults.Fault{Cut: &faults.Cut{}}, transport.KindNetwork)},
	{name: "reset within the request", modes: all, play: broken(faults.Fault{Cut: &faults.Cut{After: 40}}, transport.KindNetwork)},
	{name: "reset before the answer", modes: all, play: broken(faults.Fault{Cut: &faults.Cut{Answer: true}}, transport.KindNetwork)},
	{name: "reset within the answer's head", modes: all, play: broken(faults.Fault{Cut: &faults.Cut{Answer: true, After: 20}}, transport.KindNetwork)},
	{name: "end within the answer's head", modes: all, play: broken(faults.Fault{Cut: &faults.Cut{Answer: true, After: 20, Orderly: true}}, transport.KindNetwork)},
	{name: "reset after the answer's head", modes: all, play: broken(faults.Fault{Cut: &faults.Cut{Answer: true, Body: true}}, transport.KindNetwork)},
	{name: "end after the answer's head", modes: all, play: broken(faults.Fault{Cut: &faults.Cut{Answer: true, Body: true, Orderly: true}}, transport.KindNetwork)},
	{name: "reset within a frame's head", modes: all, play: broken(faults.Fault{Cut: &faults.Cut{Answer: true, Body: true, After: 1}}, transport.KindNetwork)},
	{name: "reset within the data", modes: all, play: broken(faults.Fault{Cut: &faults.Cut{Answer: true, Body: true, After: 100}}, transport.KindNetwork)},
	{name: "end within the data", modes: all, play: broken(faults.Fault{Cut: &faults.Cut{Answer: true, Body: true, After: 100, Orderly: true}}, transport.KindNetwork)},
	{name: "reset after the handshake, by bytes of the client", modes: sockets,
		play: broken(faults.Fault{Cut: &faults.Cut{Body: true, After: 3}}, transport.KindNetwork)},
	{name: "half-open", modes: all, play: func(w *world) string {
		w.proxy.Set(faults.Fault{Swallow: true})
		w.put("v1")
		w.suffers(transport.KindNetwork)
		w.proxy.Set(faults.Fault{})
		return "v1"
	}},
	{name: "connections go dead, new ones work", modes: all, play: func(w *world) string {
		w.proxy.Deaden()
		w.put("v1")
		w.heals("v1")
		w.thrives()
		return "v1"
	}},
	{name: "one byte at a time", modes: all, play: impaired(faults.Fault{Chunk: 1})},
	{name: "split", modes: all, play: impaired(faults.Fault{Chunk: 31, Pause: 100 * time.Microsecond})},
	{name: "coalesced", modes: all, play: impaired(faults.Fault{Gather: 20 * time.Millisecond})},
	{name: "slow-loris", modes: all, play: broken(faults.Fault{Chunk: 1, Pause: 20 * time.Millisecond}, transport.KindNetwork)},
	{name: "connections break again and again", modes: all, play: func(w *world) string {
		for range 50 {
			accepted := w.proxy.Accepted()
			w.proxy.Break()
			w.until("another connection", func() bool { return w.proxy.Accepted() > accepted })
		}
		w.put("v1")
		return "v1"
	}},
}

func (w *world) up() {
	w.Helper()
	if err := w.proxy.Up(); err != nil {
		w.Fatal(err)
	}
}

// TestRestarts restarts the platform 200 times in a row.
func TestRestarts(t *testing.T) {
	const restarts = 200
	play(t, []scenario{{name: "restarts", modes: []*mode{&streaming, &asking}, play: func(w *world) string {
		values := []string{"v0", "v1", "v2", "v3"}
		value := ""
		for i := range restarts {
			value = values[i%len(values)]
			w.put(value)
			old := w.server
			w.run(w.on.server(old.Snapshot()))
			old.Close()
			w.proxy.Break()
			if i%4 == 0 { // the others come while the client has not noticed yet
				w.heals(value)
			}
		}
		return value
	}}})
}
