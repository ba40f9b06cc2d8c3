package model

const (
	// freeItems is the number of flags, segments and user tags that any message
	// may have, whatever its size.
	freeItems = 20_000
	// ItemSize is the average number of bytes that each further item needs. Items
	// of the platforms have several hundred bytes. The client keeps about 200
	// bytes for an item in addition to its JSON.
	ItemSize = 128
)

// MaxItems returns the number of flags, segments and user tags that clients accept
// in a message of size bytes.
func MaxItems(size int) int { return freeItems + size/ItemSize }
