package ffctest

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagjson"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platformserver"
)

// parseToken reads a token of the classic platform. Issued is in Unix ms.
func parseToken(token string) (env flagjson.Classic, issued int64, err error) {
	secret, issued, err := platformserver.SplitToken(token)
	if err != nil {
		return flagjson.Classic{}, 0, err
	}
	env, ok := parseSecret(platformserver.Padded(secret))
	if !ok {
		return flagjson.Classic{}, 0, platformserver.ErrToken
	}
	return env, issued, nil
}
