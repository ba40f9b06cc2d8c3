package store_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/testkit"
)

// client is a snapshot and what decides about it.
type client struct {
	t    *testing.T
	hold store.Hold
	s    *eval.Snapshot
	mark uint64
}

func newClient(t *testing.T) *client {
	t.Helper()
	return &client{t: t, s: eval.NewSnapshot(&eval.Source{
		Semantics:     eval.Classic(),
		DecodeFlag:    func([]byte) (*model.Flag, error) { return &model.Flag{}, nil },
		DecodeSegment: func([]byte) (*model.Segment, error) { return &model.Segment{}, nil },
		Report:        func(eval.Problem) {},
	})}
}

// ask returns a mark for a question.
func (c *client) ask() uint64 {
	c.mark++
	return c.mark
}

// items reads "a5 b6x S:s7": flag a of version 5, a tombstone, a segment.
func items(t *testing.T, text string) (flags, segments []store.Item) {
	t.Helper()
	for _, word := range strings.Fields(text) {
		name, isSegment := strings.CutPrefix(word, "S:")
		name, isArchived := strings.CutSuffix(name, "x")
		name, isBroken := strings.CutSuffix(name, "!")
		item := store.Item{Key: name[:1], Archived: isArchived, Broken: isBroken, Raw: []byte(word)}
		if _, err := fmt.Sscan(name[1:], &item.Version); err != nil {
			t.Fatal(err)
		}
		if isSegment {
			segments = append(segments, item)
		} else {
			flags = append(flags, item)
		}
	}
	return flags, segments
}

// apply applies a full or a patch that was asked for at a mark.
func (c *client) apply(kind, text string, asked uint64) store.Decision {
	c.t.Helper()
	u := &store.Update{Full: kind == "full"}
	u.Flags, u.Segments = items(c.t, text)
	return c.update(u, asked)
}

func (c *client) update(u *store.Update, asked uint64) store.Decision {
	d := c.hold.Decide(c.s, u, asked)
	c.mark++
	d.Terms.Arrived = c.mark
	c.s, _ = c.s.ApplyOn(u, c.s.Prepare(u), &d.Terms)
	return d
}

// full applies a full, patch the response to a request with a cursor, push a
// patch that was not requested, cached a full that may be old.
func (c *client) full(text string) store.Decision   { return c.apply("full", text, c.ask()) }
func (c *client) patch(text string) store.Decision  { return c.apply("patch", text, c.ask()) }
func (c *client) push(text string) store.Decision   { return c.apply("patch", text, 0) }
func (c *client) cached(text string) store.Decision { return c.apply("full", text, 0) }

// has checks what the snapshot has.
func (c *client) has(want string) {
	c.t.Helper()
	var texts []string
	flags, segments, _ := c.s.Items()
	for _, item := range slices.Concat(flags, segments) {
		texts = append(texts, string(item.Raw))
	}
	if got := strings.Join(texts, " "); got != want {
		c.t.Errorf("got %s, want %s", got, want)
	}
}

// held checks how many items an answer held back.
func held(t *testing.T, d store.Decision, older, missing int) {
	t.Helper()
	if d.Older != older || d.Missing != missing || d.Held != older+missing {
		t.Errorf("held %d (%d older, %d missing), want %d older and %d missing", d.Held, d.Older, d.Missing, older, missing)
	}
}

const ten = "a5 b5 c5 d5 e5 f5 g5 h5 i5 j5"

// TestHold: what one answer does to what is stored.
func TestHold(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name           string
		stored         string
		play           func(c *client) store.Decision
		want           string
		older, missing int
	}{
		{"the first full is taken as it is", "", func(c *client) store.Decision { c.push("a9"); return c.full("b5") }, "a9 b5", 0, 0},
		{"nothing new", "a5 b6 S:s5", func(c *client) store.Decision { return c.full("a5 b6 S:s5") }, "a5 b6 S:s5", 0, 0},
		{"everything newer", "a5 b6 S:s5", func(c *client) store.Decision { return c.full("a7 b8 S:s9") }, "a7 b8 S:s9", 0, 0},

		{"one older item beside newer ones", "a5 b6 c5", func(c *client) store.Decision { return c.full("a7 b5 c8") }, "a7 b6 c8", 1, 0},
		{"an item from the year 2255 vetoes no other", "a5 b9000000000000", func(c *client) store.Decision { return c.full("a6 b6") }, "a6 b9000000000000", 1, 0},
		{"an older segment", "a5 S:s6", func(c *client) store.Decision { return c.full("a5 S:s5") }, "a5 S:s6", 1, 0},
		{"an older item in the answer to a cursor", "a5 b6", func(c *client) store.Decision { return c.patch("a7 b5") }, "a7 b6", 1, 0},
		{"an older item that was pushed", "a5 b6", func(c *client) store.Decision { return c.push("a7 b5") }, "a7 b6", 0, 0},
		{"an older copy of what is archived", "a6x b5", func(c *client) store.Decision { return c.full("a5 b5") }, "a6x b5", 1, 0},
		{"a copy of what is archived, of the same version", "a6x b5", func(c *client) store.Decision { return c.full("a6 b5") }, "a6x b5", 1, 0},
		{"the same version, archived", "a6 b5", func(c *client) store.Decision { return c.full("a6x b5") }, "a6x b5", 0, 0},
		{"a broken item says nothing of its version", "a5 b6", func(c *client) store.Decision { return c.full("a5 b0!") }, "a5 b0!", 0, 0},

		{"pushed after asking, older in the answer", ten, func(c *client) store.Decision {
			asked := c.ask()
			c.push("a9")
			return c.apply("full", "a6 b5 c5 d5 e5 f5 g5 h5 i5 j5", asked)
		}, "a9 b5 c5 d5 e5 f5 g5 h5 i5 j5", 0, 0},
		{"pushed after asking, not in the answer, which has an item from 2255", ten, func(c *client) store.Decision {
			asked := c.ask()
			c.push("k9")
			return c.apply("full", "a9000000000000 b5 c5 d5 e5 f5 g5 h5 i5 j5", asked)
		}, "a9000000000000 b5 c5 d5 e5 f5 g5 h5 i5 j5 k9", 0, 0},
		{"pushed before asking, older in the answer", "a5 b5", func(c *client) store.Decision { c.push("a9"); return c.full("a6 b5") }, "a9 b5", 1, 0},

		{"a tenth is missing", ten, func(c *client) store.Decision { return c.full("b6 c5 d5 e5 f5 g5 h5 i5 j5") }, "b6 c5 d5 e5 f5 g5 h5 i5 j5", 0, 0},
		{"more than a tenth is missing", ten, func(c *client) store.Decision { return c.full("c6 d5 e5 f5 g5 h5 i5 j5") }, "a5 b5 c6 d5 e5 f5 g5 h5 i5 j5", 0, 2},
		{"tombstones may be missing", "a5 b6x c6x d6x", func(c *client) store.Decision { return c.full("a5") }, "a5", 0, 0},
		{"nothing is there", "a5 b6x S:s5", func(c *client) store.Decision { return c.full("") }, "a5 S:s5", 0, 2},
		{"nothing was there either", "a5x", func(c *client) store.Decision { return c.full("") }, "", 0, 0},
		{"what is missing is newer than the answer", ten + " k9", func(c *client) store.Decision { return c.full(ten) }, ten + " k9", 0, 1},
		{"what is missing is newer than the answer but for an item from 2255", ten + " k9 l9000000000000",
			func(c *client) store.Decision { return c.full(ten + " l9000000000000") }, ten + " k9 l9000000000000", 0, 1},
		{"an older copy of what was missing", ten + " k5", func(c *client) store.Decision { c.full(ten); return c.full(ten + " k5") }, ten, 1, 0},
		{"an older copy of what was missing is pushed", ten + " k5", func(c *client) store.Decision { c.full(ten); return c.push("k5") }, ten, 0, 0},
		{"what was missing is made anew", ten + " k5", func(c *client) store.Decision { c.full(ten); return c.full(ten + " k6") }, ten + " k6", 0, 0},
		{"an older copy of what was archived and forgotten", ten + " k6x", func(c *client) store.Decision { c.full(ten); return c.full(ten + " k5") }, ten, 1, 0},

		{"a cache's older item", "a5 b6", func(c *client) store.Decision { return c.cached("a7 b5") }, "a7 b6", 1, 0},
		{"a cache does not know a newer item", ten + " k9", func(c *client) store.Decision { return c.cached(ten) }, ten + " k9", 0, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c := newClient(t)
			if test.stored != "" {
				c.full(test.stored)
			}
			held(t, test.play(c), test.older, test.missing)
			c.has(test.want)
		})
	}
}

// TestClassicPollingHasNoSegments: an answer that does not speak of segments
// does not lack them.
func TestClassicPollingHasNoSegments(t *testing.T) {
	t.Parallel()
	c := newClient(t)
	c.full("a5 S:r5 S:s5 S:t5")
	flags, _ := items(t, "a6")
	held(t, c.update(&store.Update{Full: true, NoSegments: true, Flags: flags}, c.ask()), 0, 0)
	c.has("a6 S:r5 S:s5 S:t5")
}

// TestFollow: three answers in a row that agree, over the time, are followed.
func TestFollow(t *testing.T) {
	const before, after = "a5 b6 S:s5", "a4 b6"
	for _, test := range []struct {
		name string
		// between happens between the second answer and the third, which comes
		// when the time is over.
		between func(c *client)
		follows bool
	}{
		{"nothing else", func(*client) {}, true},
		{"a patch without the item", func(c *client) { c.patch("b6") }, true},
		{"another answer that agrees", func(c *client) { c.full(after) }, true},
		{"an older item is pushed", func(c *client) { c.push("a3") }, true},
		{"an answer with what is stored", func(c *client) { c.full(before) }, false},
		{"a patch with what is stored", func(c *client) { c.patch("a5 S:s5") }, false},
		{"a push of what is stored", func(c *client) { c.push("a5"); c.push("S:s5") }, false},
		{"an answer with another old version", func(c *client) { c.full("a3 b6 S:s4") }, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				c := newClient(t)
				c.hold.After = time.Minute
				c.full(before)
				held(t, c.full(after), 1, 1)
				time.Sleep(30 * time.Second)
				if d := c.full(after); d.Answers != 2 || d.For != 30*time.Second {
					t.Errorf("%d answers over %v agree, want 2 over 30s", d.Answers, d.For)
				}
				test.between(c)
				time.Sleep(30 * time.Second)
				d := c.full(after)
				if test.follows {
					held(t, d, 0, 0)
					c.has(after)
					if d.Followed != 2 {
						t.Errorf("followed %d items, want 2", d.Followed)
					}
				} else {
					held(t, d, 1, 1)
					c.has(before)
				}
			})
		})
	}
}

// TestFollowTakesTime: many answers within the time are not enough, nor are two
// over more than that.
func TestFollowTakesTime(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		c := newClient(t)
		c.full("a5")
		for range 30 {
			held(t, c.full("a4"), 1, 0)
			time.Sleep(store.DefaultAfter/30 - time.Millisecond)
		}
		time.Sleep(time.Second)
		held(t, c.full("a4"), 0, 0)
		c.has("a4")

		held(t, c.full("a3"), 1, 0)
		time.Sleep(time.Hour)
		held(t, c.full("a3"), 1, 0)
		held(t, c.full("a3"), 0, 0)
		c.has("a3")
	})
}

// TestOneQuestionCountsOnce: the messages that come while a question is open
// may all be its answer.
func TestOneQuestionCountsOnce(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		c := newClient(t)
		c.hold.After = time.Nanosecond
		c.full("a5")
		asked := c.ask()
		for range 5 {
			if d := c.apply("patch", "a4", asked); d.Answers != 1 {
				t.Fatalf("%d answers, want 1", d.Answers)
			}
			time.Sleep(time.Second)
		}
		asked = c.ask()
		for range 5 {
			if d := c.apply("patch", "a4", asked); d.Answers != 2 {
				t.Fatalf("%d answers, want 2", d.Answers)
			}
		}
		c.patch("a4")
		c.has("a4")
	})
}

// TestFollowIsPerItem: each item is followed when enough answers agree about it.
func TestFollowIsPerItem(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		c := newClient(t)
		c.hold.After = time.Nanosecond
		c.full("a5 b5 c5")
		for _, answer := range []string{"a4 b5 c5", "a4 b4 c5", "a4 b4 c6"} {
			c.full(answer)
			time.Sleep(time.Second)
		}
		c.has("a4 b5 c6")
	})
}

// TestCachesOnly: where all data comes from caches, they are followed like
// servers. Where data came from the platform they are not.
func TestCachesOnly(t *testing.T) {
	for _, platform := range []bool{false, true} {
		t.Run(fmt.Sprint("platform ", platform), func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				c := newClient(t)
				c.hold.After = time.Minute
				first, want := c.cached, "a4"
				if platform {
					first, want = c.full, "a5 b5"
				}
				first("a5 b5")
				for range 5 {
					c.cached("a4")
					time.Sleep(30 * time.Second)
				}
				c.has(want)
			})
		})
	}
}

// TestCachesDoNotCount: where data came from the platform, a cache's answer does not
// count among the three that have to agree, and does not start the count again.
func TestCachesDoNotCount(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		c := newClient(t)
		c.hold.After = time.Minute
		c.full("a5 b5")
		for _, answer := range []func(string) store.Decision{c.cached, c.full, c.cached, c.full, c.cached} {
			held(t, answer("a4 b5"), 1, 0)
			time.Sleep(time.Minute)
		}
		held(t, c.cached("a3 b5"), 1, 0)
		c.has("a5 b5")
		c.full("a4 b5")
		c.has("a4 b5")
	})
}

// history is what a platform had, one state after the other.
type history struct {
	keys   string
	states []map[string]store.Item
}

// newHistory changes, makes and removes flags at random. Tombstones stay or, as
// on the classic platform, are left out.
func newHistory(random *rand.Rand, length int, tombstones bool) *history {
	h := &history{keys: "abcdefghijklmnopqrstuvwxyz"}
	state := make(map[string]store.Item)
	for version := range int64(length) {
		next := make(map[string]store.Item, len(state))
		for key, item := range state {
			next[key] = item
		}
		changes := 1
		if version == 0 {
			changes = 20
		}
		for range changes {
			key := string(h.keys[random.IntN(len(h.keys))])
			item := store.Item{Key: key, Version: version + 1}
			if _, ok := next[key]; ok && random.IntN(4) == 0 {
				if item.Archived = true; !tombstones {
					delete(next, key)
					continue
				}
			}
			item.Raw = fmt.Appendf(nil, "%s%d", key, item.Version)
			next[key] = item
		}
		state = next
		h.states = append(h.states, state)
	}
	return h
}

func (h *history) at(i int) map[string]store.Item { return h.states[max(0, min(i, len(h.states)-1))] }

// full is everything at a time, since is what is newer than a cursor.
func (h *history) full(i int) *store.Update {
	u := &store.Update{Full: true}
	for _, item := range h.at(i) {
		u.Flags = append(u.Flags, item)
	}
	return u
}

func (h *history) since(i int, cursor int64) *store.Update {
	u := &store.Update{}
	for _, item := range h.at(i) {
		if item.Version > cursor {
			u.Flags = append(u.Flags, item)
		}
	}
	return u
}

// flag is what evaluations see of a flag: its version, or 0.
func flag(s *eval.Snapshot, key string) int64 {
	if item, _ := s.Stored(false).Find(key); item != nil && !item.Archived {
		return item.Version
	}
	return 0
}

// TestLaggingServerFlapsNothing plays random histories with two servers behind
// one address, of which one lags or is stuck for less than the time of
// agreement: no flag is ever seen in an older state again.
func TestLaggingServerFlapsNothing(t *testing.T) {
	t.Parallel()
	for seed := range uint64(400) {
		random := rand.New(rand.NewPCG(seed, 15))
		classic := seed%2 == 0
		h := newHistory(random, 120, !classic)
		c := newClient(t)
		c.hold.After = time.Hour
		// seen are, for each flag, the states it was in: none comes back.
		seen := make(map[string][]int64)
		lag := 1 + random.IntN(30)
		c.update(h.full(30), c.ask())
		for now := 30; now < 120; now++ {
			server := now
			if random.IntN(2) == 0 {
				server = now - lag
			}
			if server < 30 {
				continue
			}
			switch {
			case classic || random.IntN(3) == 0:
				c.update(h.full(server), c.ask())
			case random.IntN(2) == 0:
				c.update(h.since(server, max(0, int64(now-lag-5))), c.ask())
			default:
				c.update(h.since(server, int64(server)), 0) // a push
			}
			for _, key := range h.keys {
				was := seen[string(key)]
				is := flag(c.s, string(key))
				if len(was) > 0 && was[len(was)-1] == is {
					continue
				}
				if is > 0 && slices.ContainsFunc(was, func(v int64) bool { return v >= is }) {
					t.Fatalf("seed %d, lag %d: flag %c goes back to version %d after %v", seed, lag, key, is, was)
				}
				// Gone and back in the same version is the worst of flapping.
				seen[string(key)] = append(was, is)
			}
		}
	}
}

// TestRestoredPlatformIsFollowed plays random histories of a platform that is
// restored from a backup and then stays as it is: before the rule is met no flag
// goes back, and when it is met the client has what the platform has.
func TestRestoredPlatformIsFollowed(t *testing.T) {
	t.Parallel()
	for seed := range uint64(50) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			testkit.Bubble(t, func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, 16))
				h := newHistory(random, 60, seed%2 == 0)
				c := newClient(t)
				c.update(h.full(59), c.ask())
				before := make(map[string]int64)
				for _, key := range h.keys {
					before[string(key)] = flag(c.s, string(key))
				}
				backup := random.IntN(55)
				began := time.Now()
				for answers := 1; ; answers++ {
					d := c.update(h.full(backup), c.ask())
					early := answers < 3 || time.Since(began) < store.DefaultAfter
					for _, key := range h.keys {
						is, was := flag(c.s, string(key)), before[string(key)]
						if early && is != was && is > 0 && is < was {
							t.Fatalf("flag %c goes back from %d to %d after %d answers in %v", key, was, is, answers, time.Since(began))
						}
					}
					if !early {
						held(t, d, 0, 0)
						break
					}
					time.Sleep(time.Duration(random.Int64N(int64(3 * time.Minute))))
				}
				for _, key := range h.keys {
					item := h.at(backup)[string(key)]
					want := item.Version
					if item.Archived {
						want = 0
					}
					if got := flag(c.s, string(key)); got != want {
						t.Errorf("flag %c has version %d, the platform has %d", key, got, want)
					}
				}
			})
		})
	}
}

// TestDisputedItemTakesMoreAnswers: an answer in between that has the stored
// version shows that servers differ, so that it takes twice as many answers.
func TestDisputedItemTakesMoreAnswers(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		c := newClient(t)
		c.full("a5 b5")
		older := func(n int) (followed int) {
			for i := range n {
				time.Sleep(store.DefaultAfter)
				if d := c.patch("a3"); d.Followed > 0 {
					return i + 1
				}
			}
			return 0
		}
		if n := older(2); n != 0 {
			t.Fatalf("followed after %d answers", n)
		}
		c.patch("a5")
		if n := older(5); n != 0 {
			t.Errorf("followed after %d answers, though one before them had the stored version", n)
		}
		c.patch("a5")
		if n := older(100); n != 12 {
			t.Errorf("followed after %d answers, want 12", n)
		}
		c.has("a3 b5")
		c.patch("a7") // a change: it is disputed no more
		if n := older(100); n != 3 {
			t.Errorf("after a change followed after %d answers, want 3", n)
		}
	})
}

// TestDecisionTellsOfHeldItems: what a transport needs to request the held items again
// is that of the newest, and of the item about which most answers agree.
func TestDecisionTellsOfHeldItems(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		for name, test := range map[string]struct {
			stored, first, second string
			version               int64
		}{
			"older":   {"a6 b9 c8 d7", "a5 b9 c8 d7", "a5 b9 c6 d6", 8},
			"missing": {"a5 b8 c6 d5", "a5 c6 d5", "a5 d5", 8},
		} {
			c := newClient(t)
			c.full(test.stored)
			c.full(test.first)
			time.Sleep(time.Minute)
			d := c.full(test.second)
			if d.HeldVersion != test.version || d.Answers != 2 || d.For != time.Minute || d.Example.Key == "" {
				t.Errorf("%s: got %+v, want version %d, and 2 answers over a minute", name, d, test.version)
			}
		}
	})
}

// TestNewerVersionStartsCountsAgain: answers from before a change do not count.
func TestNewerVersionStartsCountsAgain(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		c := newClient(t)
		c.full("a5")
		for range 2 {
			held(t, c.patch("a3"), 1, 0)
			time.Sleep(store.DefaultAfter)
		}
		c.patch("a7")
		held(t, c.patch("a3"), 1, 0)
		c.has("a7")
	})
}

// TestOldCopyOfWhatIsGone: an item that was removed because answers agree does not come
// back with a push that is late.
func TestOldCopyOfWhatIsGone(t *testing.T) {
	testkit.Bubble(t, func(t *testing.T) {
		c := newClient(t)
		c.full("a5 b5")
		for range 3 {
			c.full("b5")
			time.Sleep(store.DefaultAfter)
		}
		c.has("b5")
		c.push("a5")
		c.has("b5")
	})
}
