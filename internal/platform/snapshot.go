package platform

import (
	"slices"

	"github.com/valyala/fastjson"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// AppendSnapshot appends the data of s as a whole message (protocol reference,
// section 10). It copies the elements as they arrived, so nothing is lost. It
// leaves out elements that are broken or not JSON, because no one could load
// them.
func (p *Protocol) AppendSnapshot(dst []byte, s *eval.Snapshot) []byte {
	dst, _ = p.appendSnapshot(dst, s, false)
	return dst
}

// AppendData is AppendSnapshot for a publisher: it also writes broken elements,
// because a newer version of the SDK may be able to read them. It also returns
// the number of elements.
func (p *Protocol) AppendData(dst []byte, s *eval.Snapshot) ([]byte, int) {
	return p.appendSnapshot(dst, s, true)
}

func (p *Protocol) appendSnapshot(dst []byte, s *eval.Snapshot, broken bool) ([]byte, int) {
	flags, segments, tags := s.Items()
	count, size := 0, len(`{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[],"segments":[],"userTags":[]}}`)
	for _, items := range [][]store.Item{flags, segments, tags} {
		for i := range items {
			size += len(items[i].Raw) + len(",\n")
		}
	}
	dst = slices.Grow(dst, size) // growing it step by step would copy it several times
	appendItems := func(items []store.Item) {
		first := true
		for _, item := range items {
			if item.Broken && !broken || fastjson.ValidateBytes(item.Raw) != nil {
				continue
			}
			if !first {
				dst = append(dst, ",\n"...)
			}
			first = false
			dst = append(dst, item.Raw...)
			count++
		}
	}
	dst = append(dst, `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[`...)
	appendItems(flags)
	dst = append(dst, `],"segments":[`...)
	appendItems(segments)
	if p.UserTags {
		dst = append(dst, `],"userTags":[`...)
		appendItems(tags)
	}
	return append(dst, `]}}`...), count
}

// Whole is a writer for ffc.Client.WriteSnapshot. Instead of writing a snapshot, the
// client sets its fields, for readers of all items: package relay serves them. Items
// are sorted by key. Items that are broken for this version are included, because other
// SDKs may be able to read them. The items share memory with the client and must not be
// changed.
type Whole struct {
	Codec                 *Codec // set even if the client has no data
	Flags, Segments, Tags []store.Item
}

// Write implements io.Writer. It drops p.
func (*Whole) Write(p []byte) (int, error) { return len(p), nil }
