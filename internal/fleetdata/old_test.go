package fleetdata

import (
	"strconv"
	"testing"
	"time"
)

func entry(i int, until time.Time) Old {
	h := example()
	Pack([]byte(strconv.Itoa(i))).Describe(h, 1)
	h.Revision = int64(i + 1)
	return OldOf(h, until)
}

func TestOldListRoundTrip(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	var list OldList
	for i := range 3 {
		list = list.With(entry(i, now))
	}
	list = list.With(entry(1, now.Add(time.Hour))) // becomes the newest
	again := entry(0, now)
	again.Revision = 9 // the body of the first entry came back
	list = list.With(again)
	got, err := ParseOld(list.Encode())
	if err != nil || len(got) != 4 || got[2] != entry(1, now.Add(time.Hour)) || got[3] != again {
		t.Errorf("list %+v, error %v", got, err)
	}
	if got.Find(got[2].Body) == nil || got.Without(got[2]).Find(got[2].Body) != nil {
		t.Error("an entry is not found, or is there after it was removed")
	}
	if left := got.Without(again).Find(again.Body); left == nil || *left != entry(0, now) {
		t.Errorf("%+v is left of a body of two revisions", left)
	}
	h := example()
	got[0].Name(h)
	if h.Body != got[0].Body || h.Data != got[0].Data || h.Size != got[0].Size {
		t.Errorf("head %+v does not name %+v", h, got[0])
	}
	if list, err := ParseOld(nil); err != nil || len(list) != 0 {
		t.Errorf("a missing list is %v, error %v", list, err)
	}
	if string(OldList(nil).Encode()) != "[]" {
		t.Error("an empty list is not an array")
	}
}

func TestExpiredKeepsTheNewest(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	var list OldList
	for i := range 30 {
		list = list.With(entry(i, now.Add(time.Duration(i-25)*time.Minute)))
	}
	const unlimited = 1 << 20
	tests := []struct {
		name            string
		at              time.Time
		keep, most, out int
	}{
		{"all too new", now.Add(-time.Hour), 20, unlimited, 0},
		{"the newest stay", now.Add(time.Hour), 20, unlimited, 10},
		{"some are old", now, 2, unlimited, 26},
		{"too long a list", now.Add(-time.Hour), 2, len(list.Encode()) - 1, 1},
		{"far too long a list", now.Add(-time.Hour), 2, 1, 28},
	}
	for _, test := range tests {
		expired := list.Expired(test.at, test.keep, test.most)
		if len(expired) != test.out || len(expired) > 0 && expired[0].Body != list[0].Body {
			t.Errorf("%s: %d expire, want the oldest %d", test.name, len(expired), test.out)
		}
	}
}

// Data that changes to and fro does not drive other bodies out of the list, and does
// not make the list grow.
func TestExpiredKeepsBodiesNotRevisions(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	list := OldList{}.With(entry(7, now))
	for i := range 30 {
		o := entry(i%2, now)
		o.Revision = int64(100 + i)
		list = list.With(o)
	}
	expired := list.Expired(now.Add(time.Hour), 3, 1<<20)
	if len(expired) != 28 || expired.Find(entry(7, now).Body) != nil || expired[27].Revision != 127 {
		t.Errorf("%d expire, want all but the newest of each body: %+v", len(expired), expired)
	}
}

func FuzzOld(f *testing.F) {
	f.Add(OldList{entry(1, time.Unix(1e9, 0))}.Encode())
	f.Fuzz(func(t *testing.T, text []byte) {
		list, err := ParseOld(text)
		if err != nil {
			return
		}
		if _, err := ParseOld(list.Encode()); err != nil {
			t.Errorf("%s: %v", list.Encode(), err)
		}
		list.Expired(time.Unix(1e9, 0), 1, 100)
	})
}
