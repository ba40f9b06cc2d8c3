package stream_test

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/stream"
)

// readToken takes a token apart (protocol reference, section 2.2).
func readToken(t *testing.T, token string) (secret string, at time.Time) {
	t.Helper()
	number := func(letters string) int64 {
		digits := strings.Map(func(r rune) rune { return rune('0' + strings.IndexRune("QBWSPHDXZU", r)) }, letters)
		n, err := strconv.ParseInt(digits, 10, 64)
		if err != nil {
			t.Fatalf("the token has a bad number %q: %s", letters, token)
		}
		return n
	}
	position, length := number(token[:3]), number(token[3:5])
	payload := token[5:]
	return payload[:position] + payload[position+length:], time.UnixMilli(number(payload[position : position+length]))
}

// tokenTime is when a token says that it was made.
func (c *peer) tokenTime() time.Time {
	c.p.t.Helper()
	_, at := readToken(c.p.t, c.token())
	return at
}

// upgradeAt accepts the handshake on a platform whose clock is ahead of this machine's.
func (c *peer) upgradeAt(ahead time.Duration) *peer {
	return c.upgrade("Date: " + time.Now().Add(ahead).UTC().Format(http.TimeFormat))
}

func TestRefusal(t *testing.T) {
	const s = time.Second
	tests := []struct {
		name   string
		aheads []time.Duration // how far the platform's clock is ahead at each attempt
		// final: the last of the attempts is the last for good.
		final bool
		// offsets of the time in the token of each attempt, and of one more
		// unless the last is final
		offsets []time.Duration
	}{
		{"same clock", []time.Duration{0}, true, []time.Duration{0}},
		{"nearly the same clock", []time.Duration{15 * s}, true, []time.Duration{0}},
		{"nearly the same clock, ours ahead", []time.Duration{-15 * s}, true, []time.Duration{0}},
		{"ours behind", []time.Duration{time.Hour}, false, []time.Duration{0, time.Hour}},
		{"ours a little behind", []time.Duration{25 * s}, false, []time.Duration{0, 25 * s}},
		{"ours years behind", []time.Duration{20000 * time.Hour}, false, []time.Duration{0, 20000 * time.Hour}},
		{"ours ahead", []time.Duration{-time.Hour}, false, []time.Duration{0, -time.Hour}},
		{"ours behind and a bad secret", []time.Duration{time.Hour, time.Hour}, true, []time.Duration{0, time.Hour}},
		{"ours ahead and a bad secret", []time.Duration{-time.Hour, -time.Hour}, true, []time.Duration{0, -time.Hour}},
		{"ours behind, then set right", []time.Duration{time.Hour, 0}, false, []time.Duration{0, time.Hour, 0}},
		{"ours behind, then nearly right", []time.Duration{time.Hour, 10 * s}, false, []time.Duration{0, time.Hour, 0}},
		{"ours behind, then more so", []time.Duration{time.Hour, 2 * time.Hour}, false, []time.Duration{0, time.Hour, 2 * time.Hour}},
		{"ours behind, then ahead", []time.Duration{time.Hour, -time.Hour}, false, []time.Duration{0, time.Hour, -time.Hour}},
		{"ours behind, set right, bad secret", []time.Duration{time.Hour, 0, 0}, true, []time.Duration{0, time.Hour, 0}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				sn := start(t, p, stream.Transport{})
				checkOffset := func(c *peer, want time.Duration) {
					t.Helper()
					if got := c.tokenTime().Sub(c.at); got < want-2*time.Second || got > want+time.Second {
						t.Errorf("the token's time is %v ahead, want %v", got, want)
					}
				}
				for i, ahead := range tt.aheads {
					c := p.accept()
					checkOffset(c, tt.offsets[i])
					c.upgradeAt(ahead)
					c.closeWith(4003, "invalid request, close by server")
					if tt.final && i == len(tt.aheads)-1 {
						sn.store.awaitError("off", transport.KindRefused, "check the secret")
						sn.ended()
						time.Sleep(time.Hour)
						if n := len(p.conns); n > 0 {
							t.Error("the client goes on connecting")
						}
						return
					}
					why := "clock differs by"
					if ahead.Abs() <= 15*s {
						why = "agree again" // rather than "differs by 0s"
					}
					sn.store.awaitError("interrupted", transport.KindRefused, why)
				}
				c := p.accept()
				checkOffset(c, tt.offsets[len(tt.aheads)])
				c.upgradeAt(tt.aheads[len(tt.aheads)-1])
				c.expect(opText, syncRequest)
				c.send(full)
				sn.store.await("confirmed")
			})
		})
	}
}

// Without the platform's time there is nothing to compare.
func TestRefusalWithoutDate(t *testing.T) {
	for _, header := range [][]string{nil, {"Date: yesterday"}, {"Date: "}} {
		t.Run(strings.Join(header, ""), func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				p := inMemory(t)
				s := start(t, p, stream.Transport{})
				p.accept().upgrade(header...).closeWith(4003, "")
				s.store.awaitError("off", transport.KindRefused, "code 4003")
				s.ended()
				if n := s.store.count("interrupted"); n > 0 {
					t.Errorf("interrupted %d times", n)
				}
			})
		})
	}
}

// A platform that gave data before is asked again, but not often.
func TestRefusalAfterData(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		s := start(t, p, stream.Transport{})
		c := s.ready()
		c.closeWith(4003, "")
		for range 3 {
			refused := s.store.awaitError("interrupted", transport.KindRefused, "code 4003").at
			c = p.accept()
			checkBetween(t, "pause", c.at.Sub(refused), 60*time.Second, 75*time.Second)
			c.upgradeAt(0).closeWith(4003, "")
		}
		s.store.awaitError("interrupted", transport.KindRefused, "code 4003")
		s.ready()
	})
}

// A patch is not what the platform was asked for: it does not prove that the
// secret is good for more.
func TestRefusalAfterPatchOnly(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		s := start(t, p, stream.Transport{})
		c := p.accept().upgrade()
		c.expect(opText, syncRequest)
		c.send(patch)
		c.closeWith(4003, "")
		s.store.awaitError("off", transport.KindRefused, "")
	})
}

// Once corrected, the time stays so while it works, and is measured again when
// it does not.
func TestClockThatStepsBack(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		s := start(t, p, stream.Transport{})
		p.accept().upgradeAt(time.Hour).closeWith(4003, "")
		s.store.awaitError("interrupted", transport.KindRefused, "differs by")
		c := p.accept().upgradeAt(time.Hour)
		c.expect(opText, syncRequest)
		c.send(full)
		s.store.await("confirmed")
		c.cut()
		c = p.accept()
		checkBetween(t, "offset", c.tokenTime().Sub(c.at), time.Hour-2*time.Second, time.Hour+time.Second)

		// Our clock is set right. The platform takes tokens from the future.
		c.upgradeAt(0)
		c.expect(opText, syncRequest)
		c.send(full)
		s.store.await("confirmed")
		c.cut()
		s.store.awaitError("interrupted", transport.KindNetwork, "")

		// It steps back by two hours, so that the token is an hour old.
		p.accept().upgradeAt(2*time.Hour).closeWith(4003, "")
		s.store.awaitError("interrupted", transport.KindRefused, "differs by")
		c = p.accept()
		checkBetween(t, "offset", c.tokenTime().Sub(c.at), 2*time.Hour-2*time.Second, 2*time.Hour+time.Second)
		c.upgradeAt(2 * time.Hour)
		c.expect(opText, syncRequest)
		c.send(full)
		s.store.await("confirmed")
	})
}

// A platform may refuse and hang up before it has read anything.
func TestRefusalWithoutManners(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		p := inMemory(t)
		s := start(t, p, stream.Transport{})
		c := p.accept()
		c.accepted()
		c.closeWith(4003, "")
		synctest.Wait()
		c.cut()
		s.store.awaitError("off", transport.KindRefused, "")
	})
}
