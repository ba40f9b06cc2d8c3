package platformserver

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// MaxTokenAge is the maximum age of a token.
const MaxTokenAge = 30 * time.Second

// ErrToken is the error of SplitToken. It gives no cause, as the platforms do.
var ErrToken = errors.New("the token is rejected")

// SplitToken splits a token: 3 digits of position, 2 digits of length, and a
// secret without padding that has the time at that position. Digits are letters.
// The platforms cannot read a time at position 0. issued is in Unix ms.
func SplitToken(token string) (secret string, issued int64, err error) {
	if len(token) < 5 {
		return "", 0, ErrToken
	}
	position, ok1 := tokenNumber(token[:3])
	length, ok2 := tokenNumber(token[3:5])
	payload := token[5:]
	if !ok1 || !ok2 || position == 0 || position+length > int64(len(payload)) {
		return "", 0, ErrToken
	}
	issued, ok := tokenNumber(payload[position : position+length])
	if !ok {
		return "", 0, ErrToken
	}
	return payload[:position] + payload[position+length:], issued, nil
}

// tokenNumber reads a number written in the token's letters.
func tokenNumber(letters string) (int64, bool) {
	digits := make([]byte, len(letters))
	for i := range len(letters) {
		d := strings.IndexByte("QBWSPHDXZU", letters[i])
		if d < 0 {
			return 0, false
		}
		digits[i] = byte('0' + d)
	}
	n, err := strconv.ParseInt(string(digits), 10, 64)
	return n, err == nil
}

// Padded returns Base64 text with its padding.
func Padded(text string) string {
	if n := len(text) % 4; n != 0 {
		text += strings.Repeat("=", 4-n)
	}
	return text
}
