package transporttest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport"
)

// rule is a rule of the contract.
type rule struct {
	name  string
	check func(k *kit)
}

// rules are all rules, as doc.go lists them.
var rules = []rule{
	{"OpenStartsNothing", openStartsNothing},
	{"LoadsAndConfirms", loadsAndConfirms},
	{"FollowsChanges", followsChanges},
	{"TakesMarkBeforeAsking", takesMarkBeforeAsking},
	{"PassesNoMarkWithPushes", passesNoMarkWithPushes},
	{"WithholdsHeldData", withholdsHeldData},
	{"ReportsUnusableData", reportsUnusableData},
	{"StartsDuringOutage", startsDuringOutage},
	{"HealsAfterOutage", healsAfterOutage},
	{"StopsWhenRejected", stopsWhenRejected},
	{"EndsWhileIdle", endsWhileIdle},
	{"EndsWhileAsking", endsWhileAsking},
	{"IdlesBetweenCalls", idlesBetweenCalls},
	{"BoundsRefresh", boundsRefresh},
	{"SharesNothing", sharesNothing},
	{"AllowsConcurrentCalls", allowsConcurrentCalls},
}

func openStartsNothing(k *kit) {
	k.publish()
	s := k.open()
	k.quiet("after Open")
	if k.store.total() > 0 {
		k.Errorf("Open called the store: %v", k.store)
	}
	k.store.with(func(st *store) {
		if len(st.marks) > 0 {
			k.Errorf("Open called Mark: expected one for each request")
		}
	})
	if stats := s.stats.Stats(); stats != (transport.Stats{}) {
		k.Errorf("Stats after Open: got %+v, expected zero", stats)
	}
	if holder, ok := s.stats.(transport.Holder); ok && holder.HoldFor() <= 0 {
		k.Errorf("HoldFor: got %v, expected more than 0", holder.HoldFor())
	}
}

func loadsAndConfirms(k *kit) {
	k.publish()
	s := k.start()
	s.sync()
	if n := k.store.count(applied); n != 1 {
		k.Errorf("Apply was called %d times for one message", n)
	}
	if stats := s.stats.Stats(); stats.Connects == 0 {
		k.Errorf("Stats: got %+v, expected at least one connect", stats)
	}
}

func followsChanges(k *kit) {
	k.publish()
	s := k.start()
	s.sync()
	var first, last transport.Mark
	k.store.with(func(st *store) { first = st.lastLocked(applied).asked })
	for range 3 {
		k.publish()
		s.sync()
	}
	k.store.with(func(st *store) { last = st.lastLocked(applied).asked })
	if last != 0 && last <= first {
		k.Errorf("mark %d served a request that came three messages after the one with mark %d: take one for each request", last, first)
	}
}

func takesMarkBeforeAsking(k *kit) {
	asked, resume := k.stall()
	k.publish()
	s := k.start()
	var loading *outcome
	if s.refresher != nil {
		loading = s.load(context.Background())
	}
	k.await("a request", asked)
	before := k.store.pass()
	resume()
	if loading != nil {
		k.await("Load", loading.done)
	}
	s.until("the session applies the data", func(st *store) bool { return st.countLocked(applied) > 0 })
	k.store.with(func(st *store) {
		if got := st.calls[0]; got.what == applied && got.asked > before {
			k.Errorf("the request was received at mark %d, Apply got mark %d: take it before the request is sent", before, got.asked)
		}
	})
}

func passesNoMarkWithPushes(k *kit) {
	if !k.source.Pushes {
		k.Skip("Source.Pushes is false")
	}
	k.publish()
	s := k.start()
	s.sync()
	k.publish()
	s.sync()
	k.store.with(func(st *store) {
		if asked := st.lastLocked(applied).asked; asked != 0 {
			k.Errorf("a message that was pushed was applied with mark %d, expected 0", asked)
		}
	})
}

func withholdsHeldData(k *kit) {
	k.publish()
	k.store.holds = true
	s := k.start()
	s.until("the session asks again after an answer that was held back", func(st *store) bool { return st.asOf || st.countLocked(applied) >= 2 })
	if k.store.atSecondHand() {
		k.Skip("the session calls ApplyAsOf, which holds nothing back")
	}
	if n := k.store.count(confirmed); n > 0 {
		k.Fatalf("Confirm was called %d times although each answer was held back", n)
	}
	k.store.with(func(st *store) { st.holds = false })
	version := k.version
	s.until("the session confirms data that is not held back", func(st *store) bool { return st.complete >= version })
}

func reportsUnusableData(k *kit) {
	k.publish()
	k.store.rejects = 1
	s := k.start()
	s.until("the session reports unusable data", func(st *store) bool {
		return slices.ContainsFunc(st.calls, func(c call) bool {
			var typed *transport.Error
			return c.what == interrupted && errors.As(c.err, &typed) && typed.Kind == transport.KindData
		})
	})
	version := k.version
	s.until("the session gets the data again", func(st *store) bool { return st.complete >= version })
}

func startsDuringOutage(k *kit) {
	k.publish()
	restore := k.fail()
	s := k.start()
	var loading *outcome
	if s.refresher != nil {
		loading = s.load(context.Background())
	}
	s.waitFor("the session reports the outage", func(st *store) bool { return st.countLocked(interrupted) > 0 })
	if k.fake {
		time.Sleep(time.Hour)
	}
	restore()
	if loading == nil {
		s.sync()
		return
	}
	k.await("Load", loading.done)
	if loading.err != nil {
		k.Errorf("Load did not retry: %v", loading.err)
	}
	version := k.version
	s.waitFor("the session has the data", func(st *store) bool { return st.complete >= version })
}

func healsAfterOutage(k *kit) {
	k.publish()
	s := k.start()
	s.sync()
	restore := k.fail()
	s.until("the session reports the outage", func(st *store) bool { return st.countLocked(interrupted) > 0 })
	before := k.store.count(confirmed)
	k.publish()
	s.outlast()
	if n := k.store.count(confirmed); n > before {
		k.Errorf("Confirm was called during the outage")
	}
	if s.stats.Stats().Failures == 0 {
		k.Errorf("Stats: no failure after an outage")
	}
	restore()
	version := k.version
	s.until("the session has the new data", func(st *store) bool { return st.complete >= version })
}

// outlast lets an hour of an outage pass, if the clock is fake.
func (s *session) outlast() {
	if !s.k.fake {
		return
	}
	if s.refresher != nil {
		defer s.keepLoading()()
	}
	time.Sleep(time.Hour)
}

func stopsWhenRejected(k *kit) {
	if k.source.Reject == nil {
		k.Skip("Source.Reject is nil")
	}
	k.publish()
	k.source.Reject()
	s := k.start()
	if s.runner != nil {
		k.await("Run, whose secret is rejected", s.returned)
	} else {
		s.load(context.Background()).fails(k, "Load, whose secret is rejected")
		s.load(context.Background()).fails(k, "Load after Off")
		s.refresh(context.Background()).fails(k, "Refresh after Off")
	}
	k.store.with(func(st *store) {
		var typed *transport.Error
		switch n := st.countLocked(off); {
		case n != 1:
			k.Errorf("Off was called %d times, expected once", n)
		case errors.As(st.lastLocked(off).err, &typed) && typed.Kind != transport.KindRefused:
			k.Errorf("Off got kind %q, expected %q", typed.Kind, transport.KindRefused)
		}
	})
	k.quiet("after Off")
}

func endsWhileIdle(k *kit) {
	k.publish()
	s := k.start()
	s.sync()
	s.end()
	s.checkEnded()
}

func endsWhileAsking(k *kit) {
	asked, resume := k.stall()
	k.publish()
	s := k.start()
	if s.runner != nil {
		k.await("a request", asked)
		s.end()
	} else {
		ctx, cancel := context.WithCancel(context.Background())
		loading := s.load(ctx)
		k.await("a request", asked)
		cancel()
		loading.fails(k, "Load, whose context has ended")
		s.end()
		drain(asked)

		s = k.openOn(k.newStore())
		loading = s.load(context.Background())
		k.await("a request", asked)
		s.end()
		loading.fails(k, "Load during Close")
	}
	resume()
	s.checkEnded()
	for _, store := range k.stores {
		if store.count(applied) > 0 {
			k.Errorf("a session that ended before the source responded applied data")
		}
	}
}

// drain takes what is in a channel.
func drain(c <-chan struct{}) {
	for {
		select {
		case <-c:
		default:
			return
		}
	}
}

// checkEnded checks that a session that has ended does nothing.
func (s *session) checkEnded() {
	s.k.Helper()
	if s.refresher != nil {
		s.load(context.Background()).fails(s.k, "Load after Close")
		s.refresh(context.Background()).fails(s.k, "Refresh after Close")
	}
	s.k.publish()
	s.k.quiet("after the end")
	s.stats.Stats()
}

func idlesBetweenCalls(k *kit) {
	k.publish()
	s := k.open()
	if s.runner != nil {
		k.Skip("the session is a Runner")
	}
	for range 2 {
		s.sync()
		before := s.stats.Stats()
		k.quiet("between calls")
		if after := s.stats.Stats(); after != before {
			k.Errorf("Stats changed between calls from %+v to %+v", before, after)
		}
		k.publish()
	}
}

func boundsRefresh(k *kit) {
	asked, resume := k.stall()
	k.publish()
	s := k.open()
	if s.runner != nil {
		k.Skip("the session is a Runner")
	}
	// No deadline: the session has a budget of its own.
	refreshing := s.refresh(context.Background())
	k.await("a request", asked)
	refreshing.fails(k, "Refresh, without a response")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	s.refresh(ctx).fails(k, "Refresh, whose context has ended")
	resume()
}

func sharesNothing(k *kit) {
	k.publish()
	first, second := k.start(), k.openOn(k.newStore())
	second.run()
	first.sync()
	second.sync()
	first.end()
	k.publish()
	second.sync()
}

func allowsConcurrentCalls(k *kit) {
	const callers = 8
	k.publish()
	s := k.start()
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			for range 100 {
				s.stats.Stats()
			}
		})
		if s.refresher != nil {
			group.Go(func() {
				if err := s.refresher.Load(context.Background()); err != nil {
					k.Errorf("Load: %v", err)
				}
			})
			group.Go(func() { _ = s.refresher.Refresh(context.Background()) })
		}
	}
	done := make(chan struct{})
	go func() {
		group.Wait()
		close(done)
	}()
	k.await("concurrent calls", done)
	version := k.version
	s.until("the session confirms the data", func(st *store) bool { return st.complete >= version })
	s.end()
}

// stall stalls the source until resume is called or the rule ends.
func (k *kit) stall() (asked <-chan struct{}, resume func()) {
	k.Helper()
	if k.source.Stall == nil {
		k.Skip("Source.Stall is nil")
	}
	asked, resume = k.source.Stall()
	resume = sync.OnceFunc(resume)
	k.finals = append(k.finals, resume)
	return asked, resume
}

// fail breaks the source until restore is called or the rule ends.
func (k *kit) fail() (restore func()) {
	restore = sync.OnceFunc(k.source.Fail())
	k.finals = append(k.finals, restore)
	return restore
}
