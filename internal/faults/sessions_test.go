package faults_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// failing is an endpoint that fails, and its clients with it.
func failing(f ffctest.Failure, kinds ...transport.Kind) func(*world) string {
	return func(w *world) string {
		stream, polled := w.server.Fail(ffctest.Streaming, f), func() {}
		if f.Status < 1000 {
			polled = w.server.Fail(ffctest.Polling, f)
		}
		w.proxy.Break()
		w.suffers(kinds...)
		w.put("v1")
		w.attempts()
		stream()
		polled()
		return "v1"
	}
}

// handshakes are answers to requests that are not what was asked for.
var handshakes = func() (list []scenario) {
	for _, status := range []int{200, 400, 401, 403, 404, 408, 426, 429, 500, 502, 503, 504} {
		list = append(list, scenario{name: fmt.Sprintf("answered %d", status), modes: []*mode{&streaming, &dialling}, play: failing(
			ffctest.Failure{Status: status, Body: "<html>" + strings.Repeat("no ", 3000)}, transport.KindWebSocket)})
	}
	for _, status := range []int{401, 403, 404, 408, 429, 500, 503} {
		kind := transport.KindNetwork
		if status == 401 {
			kind = transport.KindRefused
		}
		list = append(list, scenario{name: fmt.Sprintf("polling answered %d", status), modes: []*mode{&asking, &polling}, play: failing(
			ffctest.Failure{Status: status}, kind)})
	}
	for _, code := range []int{1000, 1001, 1011, 1012, 4000, 4003} {
		kind := transport.KindUnavailable
		switch code {
		case 1000, 4000:
			kind = transport.KindClosed
		case 4003:
			kind = transport.KindRefused
		}
		list = append(list, scenario{name: fmt.Sprintf("closed with %d after the handshake", code), modes: []*mode{&streaming, &dialling}, play: failing(
			ffctest.Failure{Status: code}, kind)})
	}
	return append(list,
		scenario{name: "websockets are blocked", modes: []*mode{&falling}, play: func(w *world) string {
			w.server.RejectUpgrade(403)
			w.proxy.Break()
			w.until("the fallback serves", func() bool {
				s := w.client.Status()
				return s.State == ffc.StateOK && s.Fallback
			})
			w.put("v1")
			w.until("the fallback brings the change", func() bool {
				return w.client.Variation(w.Context(), "release", worldUser, "fallback") == "v1"
			})
			w.server.RejectUpgrade(0)
			w.until("the socket serves again", func() bool { return !w.client.Status().Fallback })
			return "v1"
		}},
		scenario{name: "both transports fail", modes: []*mode{&falling}, play: func(w *world) string {
			w.server.RejectUpgrade(403)
			stop := w.server.Fail(ffctest.Polling, ffctest.Failure{Reset: true})
			w.proxy.Break()
			w.until("interrupted", func() bool {
				s := w.client.Status()
				return s.State == ffc.StateInterrupted && !s.Fallback
			})
			w.put("v1")
			w.evaluates()
			w.server.RejectUpgrade(0)
			stop()
			return "v1"
		}})
}()

// poisonous is in an event that the platform cannot store.
const poisonous = "poisonous-8c1f"

// sessions are connections that end, or fall silent, when they had worked.
var sessions = func() (list []scenario) {
	for _, code := range []int{1000, 1001, 1005, 1011, 1012, 1013, 3000, 4000, 4003} {
		list = append(list, scenario{name: fmt.Sprintf("closed with %d", code), modes: pushing, play: func(w *world) string {
			w.server.CloseConnections(code, "gone")
			w.put("v1")
			return "v1"
		}})
	}
	for _, status := range []int{401, 403, 404, 405, 407, 421, 425, 501} {
		list = append(list, scenario{name: fmt.Sprintf("events are refused with %d", status), modes: all, play: func(w *world) string {
			w.server.FailNext(ffctest.Events, 2, ffctest.Failure{Status: status, Body: "<html>a firewall</html>"})
			w.put("v1")
			w.until("the events get through", func() bool { return w.client.Flush(w.Context()) == nil })
			return "v1"
		}})
	}
	return append(list,
		scenario{name: "cut without a close frame", modes: pushing, play: func(w *world) string {
			w.server.DropConnections()
			w.put("v1")
			return "v1"
		}},
		scenario{name: "no answer to pings", modes: pushing, play: func(w *world) string {
			resume := w.server.Stall(ffctest.Streaming)
			w.put("v1")
			w.suffers(transport.KindNetwork)
			resume()
			return "v1"
		}},
		scenario{name: "no answer to requests", modes: all, play: func(w *world) string {
			resume, resumePolling := w.server.Stall(ffctest.Streaming), w.server.Stall(ffctest.Polling)
			w.proxy.Break()
			w.put("v1")
			w.suffers(transport.KindNetwork)
			resume()
			resumePolling()
			return "v1"
		}},
		scenario{name: "events fail in every way", modes: []*mode{&streaming, &asking}, play: func(w *world) string {
			for _, f := range []ffctest.Failure{
				{Status: 500}, {Status: 503, RetryAfter: "0"}, {Status: 429}, {Status: 408}, {Status: 413},
				{Reset: true}, {Reset: true, Processed: true}, {Status: 200, Body: "half of", Reset: true, Processed: true},
			} {
				w.server.FailNext(ffctest.Events, 3, f)
			}
			w.until("the events get through", func() bool { return w.client.Flush(w.Context()) == nil })
			w.put("v1")
			return "v1"
		}},
		scenario{name: "the platform rejects one event", modes: []*mode{&streaming, &asking},
			before: func(w *world) {
				w.dialer(func(*http.Transport) {})
				passes := w.config.HTTPClient.Transport
				w.config.HTTPClient.Transport = testkit.RoundTrip(func(r *http.Request) (*http.Response, error) {
					if r.Method != http.MethodPost {
						return passes.RoundTrip(r)
					}
					body, err := io.ReadAll(r.Body)
					if err != nil {
						return nil, err
					}
					if bytes.Contains(body, []byte(poisonous)) {
						return &http.Response{StatusCode: http.StatusInternalServerError, Header: http.Header{}, Body: http.NoBody, Request: r}, nil
					}
					r = r.Clone(r.Context())
					r.Body = io.NopCloser(bytes.NewReader(body))
					return passes.RoundTrip(r)
				})
			},
			play: func(w *world) string {
				w.heals("v0")
				w.rejected = 1
				if err := w.client.TrackMetric(w.Context(), ffc.NewUser("visitor"), poisonous, 1); err != nil {
					w.Error(err)
				}
				w.until("it is dropped", func() bool { return w.client.Stats().Events.Dropped.Rejected == 1 })
				w.put("v1")
				return "v1"
			}},
		scenario{name: "events are not answered", modes: []*mode{&streaming, &asking}, play: func(w *world) string {
			resume := w.server.Stall(ffctest.Events)
			w.put("v1")
			w.until("a delivery has failed", func() bool { return w.client.Stats().Events.Requests > 1 })
			w.heals("v1")
			resume()
			return "v1"
		}},
	)
}()

// sent are frames that a connection gets between two changes.
func sent(frames ...string) func(*world) string {
	return func(w *world) string {
		for _, frame := range frames {
			w.server.Send([]byte(frame))
		}
		w.put("v1")
		return "v1"
	}
}

// messages are what a platform says that it should not.
var messages = []scenario{
	{name: "not JSON", modes: pushing, play: sent(`{"messageType":"data-sync","data":{"eventType":`, `<html>`, ``, "\xff\xfe", `{`)},
	{name: "JSON of the wrong shape", modes: pushing, play: sent(
		`null`, `[]`, `1`, `"data-sync"`, `{}`, `{"messageType":1}`, `{"messageType":"news","data":{}}`,
		`{"messageType":"data-sync"}`, `{"messageType":"data-sync","data":null}`, `{"messageType":"data-sync","data":[]}`,
		`{"messageType":"data-sync","data":{}}`, `{"messageType":"data-sync","data":{"eventType":"merge","featureFlags":[]}}`,
		`{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":{}}}`,
		`{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":[null,1,"x",[],{}],"segments":[0]}}`,
		`{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":[{"id":7,"timestamp":"now"}]}}`,
		`{"messageType":"pong","data":{"eventType":"full"}}`)},
	{name: "deep nesting", modes: pushing, play: sent(
		strings.Repeat("[", 100_000), strings.Repeat(`{"a":`, 100_000),
		`{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":[`+strings.Repeat("[", 1000)+strings.Repeat("]", 1000)+`]}}`)},
	{name: "oversized", modes: pushing, play: func(w *world) string {
		w.server.Send(bytes.Repeat([]byte(" "), 1<<20+1))
		w.put("v1")
		return "v1"
	}},
	{name: "oversized data", modes: all, everything: true, play: func(w *world) string {
		big := ffctest.Flag("big").Variations("true", strings.Repeat("x", 1<<20))
		w.server.Put(big)
		w.proxy.Break()
		w.suffers(transport.KindData)
		w.server.Archive("big")
		w.put("v1")
		return "v1"
	}},
	{name: "patch before the full", modes: pushing, play: func(w *world) string {
		resume := w.server.Stall(ffctest.Streaming)
		w.proxy.Break()
		w.until("the client is back", func() bool { return w.server.Connections() == 1 })
		w.put("v1") // pushes overtake answers
		resume()
		return "v1"
	}},
	{name: "patch before the first full", modes: pushing,
		before: func(w *world) {
			w.config.StartWait = -1
			w.resume = w.server.Stall(ffctest.Streaming)
		},
		play: func(w *world) string {
			w.until("the client is there", func() bool { return w.server.Connections() == 1 })
			w.put("v1")
			w.resume()
			return "v1"
		}},
	{name: "patches out of order", modes: pushing, play: func(w *world) string {
		old := w.versioned("v3", 1)
		w.put("v1")
		w.server.Send(old)
		w.heals("v1")
		return "v1"
	}},
	{name: "patches twice", modes: pushing, play: func(w *world) string {
		now := time.Now().UnixMilli()
		newer := w.versioned("v1", now+10_000)
		w.server.Send(newer)
		w.server.Send(newer)
		w.server.Send(w.versioned("v0", now)) // older than that
		w.until("v1", func() bool { return w.client.Variation(w.Context(), "release", worldUser, "fallback") == "v1" })
		w.server.Put(w.with("v2", now+20_000)...)
		return "v2"
	}},
	{name: "two versions in one message", modes: pushing, play: func(w *world) string {
		version := w.server.Version()
		older, newer := w.with("v3", version+1), w.with("v1", version+2)
		w.server.Send(w.on.patch(newer, older))
		w.until("the newer", func() bool { return w.client.Variation(w.Context(), "release", worldUser, "fallback") == "v1" })
		w.server.Send(w.on.patch(older, newer))
		w.server.Put(newer...)
		return "v1"
	}},
	{name: "a flag that is broken", modes: all, play: func(w *world) string {
		w.server.Put(ffctest.Flag("regexp").Rule("true", ffctest.Attr("plan").MatchRegex("((")))
		w.put("v1")
		w.heals("v1")
		w.client.BoolVariation(w.Context(), "regexp", worldUser, false)
		return "v1"
	}},
}

// with is the flags in a version.
func (w *world) with(value string, version int64) []ffctest.Item {
	items := w.flags(value)
	for i, item := range items {
		items[i] = item.(*ffctest.FlagBuilder).Version(version)
	}
	return items
}

// versioned is a patch of the flags in a version.
func (w *world) versioned(value string, version int64) []byte {
	return w.on.patch(w.with(value, version))
}
