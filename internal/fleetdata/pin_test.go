package fleetdata

import (
	"strings"
	"testing"
	"time"
)

func TestPinsOfHeadsAndRevisions(t *testing.T) {
	until := time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	list := PinList{}.With(Pin{By: "ann", Until: until, Revision: 5, Body: "a"}).With(Pin{By: "bob", Until: until.Add(time.Hour), Revision: 6, Body: "a"})
	list = ParsePins(list.Encode())
	for want, h := range map[string]*Head{"ann": {Body: "a", Pin: until}, "bob": {Body: "a", Pin: until.Add(time.Hour)}, "": {Body: "b", Pin: until}} {
		if got := list.Of(h).By; got != want {
			t.Errorf("head %+v: by %q, want %q", h, got, want)
		}
	}
	if list.Between(4, 5, "a").By != "ann" || list.Between(5, 9, "a").By != "bob" || list.Between(4, 9, "a").By != "bob" ||
		list.Between(6, 9, "a").By != "" || list.Between(4, 9, "b").By != "" {
		t.Errorf("list %+v", list)
	}
	if got := ParsePins([]byte("{")); got != nil {
		t.Errorf("%+v from what is not a list", got)
	}
}

func TestPinsStaySmall(t *testing.T) {
	var list PinList
	for i := range 100 {
		list = list.With(Pin{By: strings.Repeat("\x00", 500), Revision: int64(i)})
	}
	if n := len(list.Encode()); n > maxPins || list[len(list)-1].Revision != 99 {
		t.Errorf("%d bytes, the last is %d", n, list[len(list)-1].Revision)
	}
}
