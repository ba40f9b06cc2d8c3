package fleetdata

import (
	"encoding/json"
	"errors"
	"slices"
	"time"
)

// Old is an entry of an OldList: a revision that no head has any more, or a body
// that the next head will name.
type Old struct {
	Body   string `json:"body"`
	Data   string `json:"data"`
	Chunks int    `json:"chunks"`
	Size   int64  `json:"size"`
	GZip   int64  `json:"gzip"`
	// Revision, AsOf and Owner are those of the last head of the revision; they
	// are zero for a body that the next head will name.
	Revision int64     `json:"revision,omitempty"`
	AsOf     time.Time `json:"asOf,omitzero"`
	Owner    string    `json:"owner,omitempty"`
	// Until is the platform's time until which the body stays.
	Until time.Time `json:"until"`
}

// OldList is the list of earlier revisions, oldest first. Several may have the
// same body: data comes back after an undo.
type OldList []Old

// OldOf returns the entry for the body of a head.
func OldOf(h *Head, until time.Time) Old {
	return Old{
		Body: h.Body, Data: h.Data, Chunks: h.Chunks, Size: h.Size, GZip: h.GZip,
		Revision: h.Revision, AsOf: h.AsOf, Owner: h.Owner, Until: until,
	}
}

// Name makes a head name the body of the entry.
func (o *Old) Name(h *Head) {
	h.Body, h.Data, h.Chunks, h.Size, h.GZip = o.Body, o.Data, o.Chunks, o.Size, o.GZip
}

var errOld = errors.New("the list of earlier bodies is not valid: expected the JSON that a publisher writes")

// ParseOld reads a list. An empty text is an empty list.
func ParseOld(text []byte) (OldList, error) {
	if len(text) == 0 {
		return nil, nil
	}
	var list OldList
	if json.Unmarshal(text, &list) != nil {
		return nil, errOld
	}
	for i := range list {
		if o := &list[i]; !isSum(o.Body) || !isSum(o.Data) || o.Chunks < 1 || o.GZip < 1 || int64(o.Chunks) > o.GZip {
			return nil, errOld
		}
	}
	return list, nil
}

// Encode returns the JSON of a list.
func (l OldList) Encode() []byte {
	if l == nil {
		l = OldList{}
	}
	text, _ := json.Marshal(l) // there is nothing in it that can fail
	return text
}

// With returns the list with an entry as the newest, in place of one for the same
// revision and body.
func (l OldList) With(o Old) OldList {
	return append(l.Without(o), o)
}

// Without returns the list without the entry for the revision and body of o.
func (l OldList) Without(o Old) OldList {
	return slices.DeleteFunc(slices.Clone(l), func(other Old) bool { return other.Body == o.Body && other.Revision == o.Revision })
}

// Find returns the first entry for a body, or nil.
func (l OldList) Find(body string) *Old {
	if i := slices.IndexFunc(l, func(o Old) bool { return o.Body == body }); i >= 0 {
		return &l[i]
	}
	return nil
}

// Expired returns the entries whose time is over at now, and as many of the oldest
// as make the list longer than most bytes. The newest entries of the newest keep
// bodies do not expire.
func (l OldList) Expired(now time.Time, keep, most int) (expired OldList) {
	size := len(l.Encode())
	kept := make(map[string]int, keep) // bodies, and their newest entries
	for i := len(l) - 1; i >= 0 && len(kept) < keep; i-- {
		if _, ok := kept[l[i].Body]; !ok {
			kept[l[i].Body] = i
		}
	}
	for i := range l {
		newest, ok := kept[l[i].Body]
		if ok && newest == i || l[i].Until.After(now) && size <= most {
			continue
		}
		expired = append(expired, l[i])
		size -= len(OldList{l[i]}.Encode()) - 1
	}
	return expired
}
