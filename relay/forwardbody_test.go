package relay

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

// FuzzHalves halves the items of a body until each part has one event. All elements of
// lists must be in one part each, in order, and what is not a list in all of them.
func FuzzHalves(f *testing.F) {
	for _, body := range []string{
		`[]`, ` [ 1 , "x", null ] `,
		`[{"user":{"keyId":"a\"b"},"variations":[{"x":1},{"x":[2,3]}],"metrics":[ 3 , "4" ]},{"user":{},"metrics":[]}]`,
		`[{"é\u0000":[1,2],"":[[],{}],"a":{"b":[1]}}]`, `[{"a":[1],"a":[2,3]}]`, `{`, `[1`, `[] []`,
	} {
		f.Add([]byte(body))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		items, err := itemsOf(body)
		if (err == nil) != (json.Valid(body) && bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("["))) {
			t.Fatalf("error %v for %q", err, body)
		}
		if err != nil || len(items) == 0 {
			return
		}
		whole := newPart(nil, items, false)
		if out := bodyOf([]*part{whole}); !json.Valid(out) {
			t.Fatalf("%q becomes %q", body, out)
		}
		todo, events := []*part{whole}, 0
		var lists [][]byte
		for len(todo) > 0 {
			p := todo[0]
			first, second, ok := p.halves()
			if ok {
				if first.events+second.events != p.events || first.events == 0 || second.events == 0 {
					t.Fatalf("%d events become %d and %d", p.events, first.events, second.events)
				}
				todo = append([]*part{first, second}, todo[1:]...)
				continue
			}
			todo = todo[1:]
			events += p.events
			if p.events != 1 || !json.Valid(bodyOf([]*part{p})) {
				t.Fatalf("a part of %d events: %q", p.events, bodyOf([]*part{p}))
			}
			lists = append(lists, elements(p.items)...)
		}
		if events != whole.events {
			t.Errorf("%d events of %d", events, whole.events)
		}
		if want := elements(items); !equalAll(lists, want) {
			t.Errorf("the elements are %q, want %q", lists, want)
		}
	})
}

// elements returns the elements of all lists in items.
func elements(items []item) (all [][]byte) {
	for _, i := range items {
		for _, value := range jsontext.Members(i.text) {
			if value[0] == '[' {
				for e := range jsontext.Elements(value) {
					all = append(all, e)
				}
			}
		}
	}
	return all
}

func equalAll(a, b [][]byte) bool {
	return bytes.Equal(bytes.Join(a, []byte{0}), bytes.Join(b, []byte{0}))
}
