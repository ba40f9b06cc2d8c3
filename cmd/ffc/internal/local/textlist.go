package local

import (
	"bytes"
	"encoding/json"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/model"
)

// texts is a list of texts as the page gets it. It holds them in one piece, as the
// flag does: a slice of strings would take several times as much memory.
type texts model.List

// MarshalJSON implements json.Marshaler.
func (t texts) MarshalJSON() ([]byte, error) {
	list := model.List(t)
	var out bytes.Buffer
	out.Grow(len(list.Text) + 4*list.Len() + 2)
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false) // the caller's encoder decides
	out.WriteByte('[')
	for i := range list.Len() {
		if i > 0 {
			out.WriteByte(',')
		}
		if err := encoder.Encode(list.At(i)); err != nil {
			return nil, err
		}
	}
	out.WriteByte(']')
	return out.Bytes(), nil
}
