package fleetdata

import (
	"bytes"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

const (
	// Format is the format that this version writes, and the newest it reads.
	Format = 1
	// MaxHead is the maximum size of a head, in bytes.
	MaxHead = 640
	// maxHeadRead is how many bytes a head may have to be read: later versions
	// may add members.
	maxHeadRead = 16 << 10
	// MinLease is the shortest time after which a leader counts as gone.
	MinLease = 15 * time.Second
	// maxEvery is the longest time between beats, in seconds.
	maxEvery = 366 * 24 * 60 * 60
)

// Head is the small object that names the current body of an environment.
type Head struct {
	Format      int    `json:"format"`
	Environment string `json:"environment"`
	Platform    string `json:"platform"`
	// Lineage names a sequence of revisions. A publisher makes a new lineage if
	// the head is missing and the publisher knows of no earlier one.
	Lineage string `json:"lineage"`
	// Revision grows with each body: max(the one before + 1, the platform's time
	// in Unix milliseconds).
	Revision int64 `json:"revision"`
	// Beat is a number that the leader increases with each write of the head.
	Beat int64 `json:"beat"`
	// Every is the time between beats in seconds.
	Every int `json:"every"`
	// AsOf is the platform's time of its last response that confirmed the data.
	AsOf time.Time `json:"asOf"`
	// Body is the SHA-256 of the gzip bytes, Data that of the data.
	Body string `json:"body"`
	Data string `json:"data"`
	// Chunks is how many values the gzip bytes are cut into.
	Chunks int   `json:"chunks"`
	Size   int64 `json:"size"` // of the data
	GZip   int64 `json:"gzip"` // of the gzip bytes
	// Owner is the replica that leads; "" if the leader has resigned.
	Owner string `json:"owner"`
	// Blind: the leader gets no responses from the platform.
	Blind bool `json:"blind"`
	// Pin is the time until which the body stays although the platform has other
	// data; zero is no pin. A person who pins a body, or ends a pin, writes a head
	// with the next revision and the same Owner and Beat, from which the leader
	// continues.
	Pin time.Time `json:"pin,omitzero"`
}

// ErrNewer is the error of a head in a format that this version cannot read.
var ErrNewer = errors.New("the head has a newer format: update the SDK")

// ParseHead reads a head. Its errors quote nothing of the text.
func ParseHead(text []byte) (*Head, error) { return ParseNextHead(text, nil) }

// ParseNextHead is ParseHead, but saves memory: it uses the texts of the head
// before, which may be nil, where they are equal.
func ParseNextHead(text []byte, before *Head) (*Head, error) {
	if len(text) > maxHeadRead {
		return nil, fmt.Errorf("the head has %d bytes: expected at most %d", len(text), MaxHead)
	}
	h := new(Head)
	if !utf8.Valid(text) || jsontext.Check(bytes.TrimSpace(text)) != nil || !h.read(text, before) {
		if h.Format > Format { // of a newer format other members may differ
			return nil, ErrNewer
		}
		return nil, errors.New("the head is not valid: expected the JSON that a publisher writes")
	}
	if h.Format > Format {
		return nil, ErrNewer
	}
	if problem := h.problem(); problem != "" {
		return nil, fmt.Errorf("the head is not valid: %s", problem)
	}
	return h, nil
}

// read reads all members that it can, and reports whether it could read all that
// it knows. Package encoding/json would allocate three times as much, at each
// refresh of a reader.
func (h *Head) read(text []byte, before *Head) (ok bool) {
	ok = true
	if before == nil {
		before = new(Head)
	}
	number := func(value []byte) int64 {
		n, err := strconv.ParseInt(string(value), 10, 64)
		ok = ok && err == nil
		return n
	}
	str := func(value []byte, before string) string {
		if len(value) < 2 || value[0] != '"' {
			ok = false
			return ""
		}
		if inside := value[1 : len(value)-1]; string(inside) != before {
			return jsontext.Text(inside)
		}
		return before
	}
	moment := func(value []byte) time.Time {
		t, err := time.Parse(time.RFC3339, str(value, ""))
		ok = ok && err == nil
		return t
	}
	_, err := jsontext.EachMember(text, jsontext.SkipSpace(text, 0), func(name, value []byte) error {
		switch string(name) {
		case "format":
			h.Format = int(min(number(value), math.MaxInt32))
		case "environment":
			h.Environment = str(value, before.Environment)
		case "platform":
			h.Platform = str(value, before.Platform)
		case "lineage":
			h.Lineage = str(value, before.Lineage)
		case "revision":
			h.Revision = number(value)
		case "beat":
			h.Beat = number(value)
		case "every":
			h.Every = int(min(number(value), maxEvery+1))
		case "asOf":
			h.AsOf = moment(value)
		case "body":
			h.Body = str(value, before.Body)
		case "data":
			h.Data = str(value, before.Data)
		case "chunks":
			h.Chunks = int(min(number(value), math.MaxInt32))
		case "size":
			h.Size = number(value)
		case "gzip":
			h.GZip = number(value)
		case "owner":
			h.Owner = str(value, before.Owner)
		case "blind":
			h.Blind = string(value) == "true"
		case "pin":
			h.Pin = moment(value)
		}
		return nil
	})
	return ok && err == nil
}

// problem returns what is wrong with a head, or "".
func (h *Head) problem() string {
	switch {
	case h.Format < 1:
		return "it has no format"
	case h.Environment == "":
		return "it has no environment"
	case len(escape(h.Environment)) > maxPart:
		return "the name of the environment is too long"
	case h.Platform == "":
		return "it has no platform"
	case h.Lineage == "":
		return "it has no lineage"
	case h.Revision < 1:
		return "it has no revision"
	case h.Beat < 0 || h.Every < 0 || h.Every > maxEvery:
		return "beat or every is out of range"
	case h.AsOf.IsZero():
		return "it has no asOf"
	case !isSum(h.Body) || !isSum(h.Data):
		return "body and data are not SHA-256 sums"
	case h.Chunks < 1 || h.GZip < 1 || int64(h.Chunks) > h.GZip || h.Size < 1:
		return "chunks, size or gzip is out of range"
	}
	return ""
}

// isSum reports whether a text is a SHA-256 sum in lower-case hexadecimal. It
// becomes part of names.
func isSum(text string) bool {
	if len(text) != 64 {
		return false
	}
	for i := range len(text) {
		if c := text[i]; (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// Encode returns the JSON of a head. It fails if that is longer than MaxHead,
// which only a long environment can cause, or if ParseHead would reject it.
func (h *Head) Encode() ([]byte, error) {
	if problem := h.problem(); problem != "" {
		return nil, fmt.Errorf("the head is not valid: %s", problem)
	}
	c := *h
	c.AsOf, c.Pin = c.AsOf.UTC().Truncate(time.Millisecond), c.Pin.UTC().Truncate(time.Second)
	text, err := json.Marshal(&c)
	if err != nil {
		return nil, fmt.Errorf("encoding the head: %w", err)
	}
	if len(text) > MaxHead {
		return nil, fmt.Errorf("the head has %d bytes: expected at most %d; the name of the environment is too long", len(text), MaxHead)
	}
	return text, nil
}

// Lease returns how long the beat of a leader stays the same until the
// leader counts as gone: three beats, at least 15 s.
func (h *Head) Lease() time.Duration {
	return max(MinLease, 3*time.Duration(h.Every)*time.Second)
}

// StaleAfter returns how old data may be by default until it counts as stale:
// three beats, at least 2 min.
func (h *Head) StaleAfter() time.Duration {
	return max(2*time.Minute, 3*time.Duration(h.Every)*time.Second)
}

// Pinned reports whether the head is pinned at the time now.
func (h *Head) Pinned(now time.Time) bool { return now.Before(h.Pin) }

// NewLineage returns a random name for a new lineage.
func NewLineage() string {
	id := make([]byte, 12)
	_, _ = rand.Read(id) // never fails
	return hex.EncodeToString(id)
}
