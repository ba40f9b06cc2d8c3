package ffctest

import (
	"encoding/binary"
	"hash/maphash"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/jsontext"
)

// seed is that of all hashes.
var seed = maphash.MakeSeed()

// meaningOf returns a hash of valid JSON that does not depend on white space, on
// escapes and on the order of members.
func meaningOf(raw []byte) uint64 {
	sum, _ := meaningAt(raw, jsontext.SkipSpace(raw, 0))
	return sum
}

// meaningAt returns the hash of the value that begins at raw[i], and the index after
// the value.
func meaningAt(raw []byte, i int) (sum uint64, end int) {
	var h maphash.Hash
	h.SetSeed(seed)
	switch raw[i] {
	case '{':
		var members uint64 // a sum, which has no order
		end, _ = jsontext.EachMemberAt(raw, i, func(name []byte, i int) (int, error) {
			value, end := meaningAt(raw, i)
			members += hashOf('"', jsontext.AppendText(nil, name), value)
			return end, nil
		})
		return hashOf('{', nil, members), end
	case '[':
		_ = h.WriteByte('[')
		end, _ = jsontext.EachElementAt(raw, i, func(i int) (int, error) {
			value, end := meaningAt(raw, i)
			_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, value))
			return end, nil
		})
		return h.Sum64(), end
	}
	end = jsontext.Skip(raw, i)
	if raw[i] == '"' {
		return hashOf('"', jsontext.AppendText(nil, raw[i+1:end-1]), 0), end
	}
	return hashOf('1', raw[i:end], 0), end
}

// hashOf returns a hash of a text and a number. kind tells values apart that have the
// same text.
func hashOf(kind byte, text []byte, n uint64) uint64 {
	var h maphash.Hash
	h.SetSeed(seed)
	_ = h.WriteByte(kind)
	_, _ = h.Write(text)
	_, _ = h.Write(binary.LittleEndian.AppendUint64(nil, n))
	return h.Sum64()
}
