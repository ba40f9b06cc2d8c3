package faults_test

import (
	"bytes"
	"encoding/binary"
	"regexp"
	"slices"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/faults"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// lie is a server that takes the platform's place and says something, and stays
// on the line or does not.
func lie(linger bool, say func(*world) []byte, kinds ...transport.Kind) func(*world) string {
	return func(w *world) string {
		liar := w.liar(linger, say)
		w.suffers(kinds...)
		w.put("v1")
		w.attempts()
		w.truth(liar)
		return "v1"
	}
}

// liar puts a Liar in the server's place.
func (w *world) liar(linger bool, say func(*world) []byte) *faults.Liar {
	w.Helper()
	liar, err := faults.NewLiar(linger, func() []byte { return say(w) })
	if err != nil {
		w.Fatal(err)
	}
	w.proxy.Target(liar.URL)
	w.proxy.Break()
	return liar
}

// truth puts the server back.
func (w *world) truth(liar *faults.Liar) {
	w.proxy.Target(w.server.URL)
	liar.Close()
	w.proxy.Break()
}

func saying(parts ...[]byte) func(*world) []byte {
	return func(*world) []byte { return slices.Concat(parts...) }
}

var timestamps = regexp.MustCompile(`"(timestamp)":\d+`)

// lies are what no websocket server should say, and no platform. A client with
// a fallback suffers from none of them, so it is asked only once.
var lies = []scenario{
	{name: "nothing at all", modes: sockets, play: lie(true, saying(), transport.KindNetwork)},
	{name: "close with 1006", modes: sockets, play: lie(true, saying(faults.Closing(1006)), transport.KindNetwork, transport.KindClosed)},
	{name: "close with 1005", modes: sockets, play: lie(true, saying(faults.Closing(1005)), transport.KindNetwork, transport.KindClosed)},
	{name: "close with half a code", modes: sockets, play: lie(true, saying(faults.Frame(faults.Final|faults.CloseFrame, []byte{3})), transport.KindNetwork, transport.KindClosed)},
	{name: "close without a code", modes: sockets, play: lie(true, saying(faults.Frame(faults.Final|faults.CloseFrame, nil)), transport.KindClosed)},
	{name: "close at once", modes: sockets, play: lie(false, saying(faults.Closing(1000)), transport.KindClosed)},
	{name: "binary frame", modes: sockets, play: lie(true, saying(faults.Frame(faults.Final|faults.Binary, []byte(`{"messageType":"pong"}`))), transport.KindNetwork)},
	{name: "binary data", modes: sockets, play: lie(true, func(w *world) []byte {
		return faults.Frame(faults.Final|faults.Binary, w.on.snapshot())
	}, transport.KindNetwork)},
	{name: "frame of 2^62 bytes", modes: sockets, play: lie(true, saying([]byte{faults.Final | faults.Text, 127}, binary.BigEndian.AppendUint64(nil, 1<<62)), transport.KindData, transport.KindNetwork)},
	{name: "frame of 2^63 bytes", modes: sockets, play: lie(true, saying([]byte{faults.Final | faults.Text, 127}, binary.BigEndian.AppendUint64(nil, 1<<63)), transport.KindData, transport.KindNetwork)},
	{name: "frame that never ends", modes: sockets, play: lie(true, saying(faults.Frame(faults.Final|faults.Text, make([]byte, 200))[:100]), transport.KindNetwork)},
	{name: "fragments that never end", modes: sockets, play: lie(true, saying(faults.Frame(faults.Text, []byte("{"))), transport.KindNetwork)},
	{name: "fragments larger than a message may be", modes: sockets, play: lie(true, func(*world) []byte {
		return append(faults.Frame(faults.Text, []byte("{")), bytes.Repeat(faults.Frame(faults.Continuation, bytes.Repeat([]byte(" "), 1<<16-1)), 20)...)
	}, transport.KindData)},
	{name: "continuation of nothing", modes: sockets, play: lie(true, saying(faults.Frame(faults.Final|faults.Continuation, []byte("{}"))), transport.KindNetwork)},
	{name: "reserved bits", modes: sockets, play: lie(true, saying(faults.Frame(faults.Final|0x70|faults.Text, []byte("{}"))), transport.KindNetwork)},
	{name: "unknown opcode", modes: sockets, play: lie(true, saying(faults.Frame(faults.Final|0x7, []byte("{}"))), transport.KindNetwork)},
	{name: "masked frame", modes: sockets, play: lie(true, saying([]byte{faults.Final | faults.Text, 0x80 | 2, 0, 0, 0, 0, '{', '}'}), transport.KindNetwork)},
	{name: "control frame that is too large", modes: sockets, play: lie(true, saying(faults.Frame(faults.Final|faults.Ping, make([]byte, 126))), transport.KindNetwork)},
	{name: "thousands of ping frames", modes: sockets, play: lie(true, saying(bytes.Repeat(faults.Frame(faults.Final|faults.Ping, []byte("?")), 5000)), transport.KindNetwork)},
	{name: "HTTP again", modes: sockets, play: lie(false, saying([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")), transport.KindNetwork)},
	{name: "text that is not UTF-8", modes: sockets, play: lie(true, saying(faults.Frame(faults.Final|faults.Text, []byte("{\"messageType\":\"\xff\"}"))), transport.KindNetwork)},
	{name: "data that is not JSON", modes: sockets, play: lie(true, saying(faults.Frame(faults.Final|faults.Text, []byte("<html>"))), transport.KindData)},
	{name: "data that is cut short", modes: sockets, play: lie(true, func(w *world) []byte {
		data := w.on.snapshot(w.flags("v3")...)
		return faults.Frame(faults.Final|faults.Text, data[:len(data)/2])
	}, transport.KindData)},
	{name: "data of the wrong shape", modes: sockets, play: lie(true,
		saying(faults.Frame(faults.Final|faults.Text, []byte(`{"messageType":"data-sync","data":{"eventType":"full","featureFlags":7}}`))), transport.KindData)},
	{name: "full with zero timestamps", modes: sockets,
		before: func(w *world) {
			w.network()
			w.impostor = w.liar(true, func(w *world) []byte {
				data := timestamps.ReplaceAll(w.on.snapshot(w.flags("v2")...), []byte(`"$1":0`))
				return faults.Frame(faults.Final|faults.Text, data)
			})
		},
		play: func(w *world) string {
			if got := w.client.Variation(w.Context(), "release", worldUser, "fallback"); got != "v2" || !w.client.Initialized() {
				w.Errorf("initialized: %v, release is %q", w.client.Initialized(), got)
			}
			w.put("v1")
			w.truth(w.impostor)
			return "v1"
		}},
	{name: "full in fragments between pings", modes: sockets, play: func(w *world) string {
		liar := w.liar(true, func(w *world) []byte {
			data := w.on.snapshot(w.flags("v2")...)
			var frames []byte
			for i, b := range data {
				first := byte(faults.Continuation)
				if i == 0 {
					first = faults.Text
				}
				frames = append(frames, faults.Frame(first, []byte{b})...)
				if i%100 == 0 {
					frames = append(frames, faults.Frame(faults.Final|faults.Ping, nil)...)
				}
			}
			return append(frames, faults.Frame(faults.Final|faults.Continuation, nil)...)
		})
		w.until("the data is there", func() bool { return w.client.Variation(w.Context(), "release", worldUser, "fallback") == "v2" })
		w.put("v1")
		w.truth(liar)
		return "v1"
	}},
	{name: "empty full", modes: all, everything: true, play: func(w *world) string {
		w.absent.Store(true)
		empty := w.on.server(nil)
		held := w.server
		w.run(empty)
		w.follows("the flags are gone", func() bool { return !w.client.FlagKnown("release") })
		w.evaluates()
		w.run(held)
		w.follows("the flags are back", func() bool { return w.client.FlagKnown("release") && w.client.FlagKnown("targeted") })
		w.put("v1")
		w.heals("v1")
		return "v1"
	}},
	{name: "restored from a backup", modes: all, everything: true, play: func(w *world) string {
		w.put("v1")
		w.heals("v1")
		w.run(w.on.server(w.on.snapshot(w.with("v3", w.server.Version()-3_600_000)...)))
		w.follows("the older flags are there", func() bool {
			return w.client.Variation(w.Context(), "release", worldUser, "fallback") == "v3"
		})
		return "v3"
	}},
	{name: "empty environment at the start", modes: all,
		before: func(w *world) {
			w.absent.Store(true)
			w.run(w.on.server(nil))
		},
		play: func(w *world) string {
			if s := w.client.Status(); !w.client.Initialized() || s.State != ffc.StateOK || s.DataVersion != 0 {
				w.Errorf("initialized: %v, status: %+v", w.client.Initialized(), s)
			}
			w.put("v1")
			return "v1"
		}},
}

// follows waits until the client believes a platform that has gone back to older
// data: it asks three times, with new connections.
func (w *world) follows(what string, holds func() bool) {
	w.Helper()
	var asked time.Time
	wait := 2 * resync // doubles, as answers are late on a busy machine
	w.until(what, func() bool {
		if holds() && w.client.Status().State == ffc.StateOK {
			return true
		}
		if time.Since(asked) > wait {
			w.proxy.Break()
			asked, wait = time.Now(), 2*wait
		}
		return false
	})
	w.evaluates()
}
