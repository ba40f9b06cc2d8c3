package stream_test

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
	"github.com/feature-flags-co/ffc-server-go-sdk/ffc/ffctest"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// unusable is a message that the store cannot use, although it is JSON.
const unusable = `{"messageType":"data-sync","data":{"secret plan":"unusable"}}`

// After the data has come, a message that cannot be used changes nothing, and
// is in the log once.
func TestUnusableMessages(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := start(t, inMemory(t), stream.Transport{})
		c := s.ready()
		for range 3 {
			for _, message := range []string{unusable, "null", "5", `"data-sync"`, "[]", " [1, {}] "} {
				c.send(message)
			}
		}
		synctest.Wait()
		s.store.checkTold()
		c.send(patch)
		s.store.await("patch")
		s.store.await("confirmed")
		c.answerPings(time.Hour)
		if got, want := s.stats(), (transport.Stats{Connects: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
		log := s.log.String()
		if n := strings.Count(log, "cannot be used"); n != 5 || !strings.Contains(log, "unusable") {
			t.Errorf("want one line for each of five reasons:\n%s", log)
		}
		if strings.Contains(log, "secret plan") {
			t.Errorf("the log has contents:\n%s", log)
		}
	})
}

// One that comes before the answer does not keep that from being taken.
func TestUnusableMessageBeforeTheAnswer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := start(t, inMemory(t), stream.Transport{})
		c := s.p.accept().upgrade()
		c.expect(opText, syncRequest)
		c.send(unusable)
		s.store.awaitError("interrupted", transport.KindData, "unusable")
		c.answerPings(29 * time.Second)
		c.send(full)
		s.store.await("confirmed")
		c.answerPings(time.Hour)
		if got, want := s.stats(), (transport.Stats{Connects: 1}); got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	})
}

// If the answer itself cannot be used there is another attempt, but not at
// once; the status says why as soon as it is known, and goes on to.
func TestUnusableAnswer(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := start(t, inMemory(t), stream.Transport{})
		for _, pause := range pauses[:4] {
			c := s.p.accept().upgrade()
			asked := time.Now()
			c.expect(opText, syncRequest)
			c.send(unusable)
			e := s.store.awaitError("interrupted", transport.KindData, "unusable")
			checkExactly(t, "told", e.at.Sub(asked), 0)
			c.send(unusable)
			go func() { // a platform that is alive
				for f := range c.frames {
					if f.payload == ping {
						_, _ = c.conn.Write(append(head(true, opText, len(pong)), pong...))
					}
				}
			}()
			s.store.await("interrupted")
			e = s.store.awaitError("interrupted", transport.KindData, "unusable")
			checkExactly(t, "given up", e.at.Sub(asked), 30*time.Second)
			time.Sleep(pause/2 - time.Millisecond)
			if len(s.p.conns) > 0 {
				t.Error("connects at once")
			}
		}
		s.ready()
		if n := strings.Count(s.log.String(), "cannot be used"); n != 1 {
			t.Errorf("%d lines in the log, want 1:\n%s", n, s.log)
		}
	})
}

// On demand there is less time: Refresh waits for its budget, and the reason is
// told after ConnectTimeout.
func TestUnusableAnswerOnDemand(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		s := onDemand(t, inMemory(t), stream.Transport{PingInterval: 20 * time.Second})
		for range 2 {
			began := time.Now()
			done := s.refresh()
			c := s.p.accept().upgrade()
			c.expect(opText, syncRequest)
			c.send(unusable)
			if o := s.wait(done); o.err == nil || o.took != 500*time.Millisecond {
				t.Errorf("Refresh: got %v after %v, want an error after its budget", o.err, o.took)
			}
			c.goodbye()
			e := s.store.awaitError("interrupted", transport.KindData, "unusable")
			checkExactly(t, "told", e.at.Sub(began), 10*time.Second)
			synctest.Wait()
			s.checkNotTried()
			s.checkQuiet()
		}
		done := s.refresh()
		c := s.p.accept().upgrade()
		c.expect(opText, syncRequest)
		c.send(unusable)
		c.send(full)
		c.goodbye()
		if o := s.wait(done); o.err != nil || o.took != 0 {
			t.Errorf("Refresh: got %v after %v", o.err, o.took)
		}
		if n := s.store.count("interrupted"); n != 2 {
			t.Errorf("interrupted %d times, want 2", n)
		}
		s.checkQuiet()
	})
}

// The same with a client, which decides what it can use.
func TestUnusableMessagesOfThePlatform(t *testing.T) {
	t.Parallel()
	srv := newServer(t, ffctest.Flag("f").Variations("old", "new"))
	settings := quick()
	client, log := newClient(t, srv, &settings)
	ready(t, client)
	for range 2 {
		for _, message := range []string{
			`{"messageType":"data-sync","data":{"eventType":"delta","featureFlags":[]}}`,
			`{"messageType":"data-sync","data":{"eventType":"patch","featureFlags":{"id":"hunter2"}}}`,
			`{"messageType":"data-sync","data":{"eventType":"patch","segments":"hunter2"}}`,
			`{"messageType":"data-sync","data":{"featureFlags":[]}}`,
			`{"messageType":"data-sync","data":["hunter2"]}`,
			`{"messageType":"data-sync","data":null}`,
			`{"messageType":"data-sync"}`,
			`["hunter2"]`,
		} {
			srv.Send([]byte(message))
		}
	}
	changed := changes(t, client)
	srv.Put(ffctest.Flag("f").Variations("old", "new").Serve("new"))
	until(t, "the change", changed, func() bool { return client.Variation(t.Context(), "f", anyUser, "none") == "new" })
	if got, want := client.Stats().Transport, (transport.Stats{Connects: 1}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := client.Status(); got.State != ffc.StateOK || got.Err != nil {
		t.Errorf("got status %+v", got)
	}
	said := log.String()
	told := make(map[string]int)
	for line := range strings.Lines(said) {
		if _, reason, ok := strings.Cut(line, "cannot be used"); ok {
			told[reason]++
		}
	}
	for reason, n := range told {
		if n > 1 {
			t.Errorf("told %d times: %s", n, reason)
		}
	}
	if len(told) < 3 || strings.Contains(said, "hunter2") {
		t.Errorf("want a line for each reason and no contents:\n%s", said)
	}
}
