package ffctest

import (
	"errors"
	"strconv"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
)

// maxTokenAge is the maximum age of a token, in milliseconds.
const maxTokenAge = 30_000

// errToken gives no cause, as the platform does.
var errToken = errors.New("ffctest: token rejected")

// parseToken reads a token of the classic platform. Issued is in Unix ms.
func parseToken(token string) (env flagjson.Classic, issued int64, err error) {
	secret, issued, err := splitToken(token)
	if err != nil {
		return flagjson.Classic{}, 0, err
	}
	if n := len(secret) % 4; n != 0 {
		secret += strings.Repeat("=", 4-n)
	}
	env, ok := parseSecret(secret)
	if !ok {
		return flagjson.Classic{}, 0, errToken
	}
	return env, issued, nil
}

// splitToken splits a token: 3 digits of position, 2 digits of length, and a
// secret without padding that has the time at that position. Digits are letters.
// The platform cannot read a time at position 0. Issued is in Unix ms.
func splitToken(token string) (secret string, issued int64, err error) {
	if len(token) < 5 {
		return "", 0, errToken
	}
	position, ok1 := parseTokenDigits(token[:3])
	length, ok2 := parseTokenDigits(token[3:5])
	payload := token[5:]
	if !ok1 || !ok2 || position == 0 || position+length > int64(len(payload)) {
		return "", 0, errToken
	}
	issued, ok := parseTokenDigits(payload[position : position+length])
	if !ok {
		return "", 0, errToken
	}
	return payload[:position] + payload[position+length:], issued, nil
}

// parseTokenDigits reads a number written in the token's letters.
func parseTokenDigits(letters string) (int64, bool) {
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
