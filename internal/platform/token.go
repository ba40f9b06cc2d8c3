package platform

import (
	"math/rand/v2"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// tokenDigits are the letters that stand for 0 to 9 in a token.
const tokenDigits = "QBWSPHDXZU"

// StreamURL returns the URL of the push endpoint under base, with a fresh
// token for now. The URL is a credential: it must never be logged.
func (p *Protocol) StreamURL(base, secret string, now time.Time) string {
	token := appendToken(nil, secret, now.UnixMilli(), rand.Float64())
	return strings.TrimRight(base, "/") + "/streaming?token=" + url.QueryEscape(string(token)) + p.StreamQuery
}

// appendToken hides the time inside the secret: 3 digits of position, 2 digits
// of length, then the secret with the time, in letters, at that position
// (protocol reference, section 2.2). random is in [0, 1).
func appendToken(dst []byte, secret string, unixMilli int64, random float64) []byte {
	text := strings.TrimRight(secret, "=")
	// The platform cannot parse a time at position 0 or 1, and a position has
	// three digits.
	start := min(max(int(random*float64(len(text))), 2), len(text), 999)
	// A clock before 1970 must not put a sign among the digits.
	stamp := strconv.AppendInt(make([]byte, 0, 20), max(unixMilli, 0), 10)

	dst = appendTokenNumber(dst, start, 3)
	dst = appendTokenNumber(dst, len(stamp), 2)
	dst = append(dst, text[:start]...)
	for _, digit := range stamp {
		dst = append(dst, tokenDigits[digit-'0'])
	}
	return append(dst, text[start:]...)
}

func appendTokenNumber(dst []byte, n, digits int) []byte {
	for div := pow10(digits - 1); div > 0; div /= 10 {
		dst = append(dst, tokenDigits[n/div%10])
	}
	return dst
}

func pow10(n int) int {
	p := 1
	for range n {
		p *= 10
	}
	return p
}
