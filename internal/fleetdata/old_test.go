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
	got, err := ParseOld(list.Encode())
	if err != nil || len(got) != 3 || got[2] != entry(1, now.Add(time.Hour)) {
		t.Errorf("list %+v, error %v", got, err)
	}
	if got.Find(got[0].Body) == nil || got.Without(got[0].Body).Find(got[0].Body) != nil {
		t.Error("an entry is not found, or is there after it was removed")
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
