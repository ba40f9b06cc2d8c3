package wire

import (
	"github.com/valyala/fastjson"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/eval"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/store"
)

// AppendSnapshot appends the data of s as a whole message (protocol reference,
// section 10). Elements stand as they came, so nothing is lost in between;
// those that are broken or not JSON are left out, as nobody could load them.
func (d *Dialect) AppendSnapshot(dst []byte, s *eval.Snapshot) []byte {
	flags, segments, tags := s.Items()
	dst = append(dst, `{"messageType":"data-sync","data":{"eventType":"full","featureFlags":[`...)
	dst = appendItems(dst, flags)
	dst = append(dst, `],"segments":[`...)
	dst = appendItems(dst, segments)
	if d.UserTags {
		dst = append(dst, `],"userTags":[`...)
		dst = appendItems(dst, tags)
	}
	return append(dst, `]}}`...)
}

func appendItems(dst []byte, items []store.Item) []byte {
	first := true
	for _, item := range items {
		if item.Broken || fastjson.ValidateBytes(item.Raw) != nil {
			continue
		}
		if !first {
			dst = append(dst, ",\n"...)
		}
		first = false
		dst = append(dst, item.Raw...)
	}
	return dst
}
