package ffctest

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
)

// EnvSecret is the secret of environment 11/22/33 of the classic platform, the
// one that [Snapshot] writes flags for and that a [Server] has unless its data say
// otherwise. It opens nothing outside of tests.
const EnvSecret = "ZDJmLTQxYWEtNCUyMDIyMDEwMTAwMDAwMF9fMTFfXzIyX18zM19fZGVmYXVsdF85YzBkZQ=="

// environment is the place in the platform that a secret stands for.
type environment struct{ account, project, id int }

// defaultEnvironment is the environment of [EnvSecret].
func defaultEnvironment() environment { return environment{account: 11, project: 22, id: 33} }

// parseSecret is the platform's own reading of a secret: Base64 with its
// padding, whose second to fourth parts are integers other than 0.
func parseSecret(secret string) (environment, bool) {
	text, err := base64.StdEncoding.DecodeString(secret)
	if err != nil {
		return environment{}, false
	}
	parts := strings.Split(string(text), "__")
	if len(parts) < 4 {
		return environment{}, false
	}
	return parseEnvironment(parts[1:4])
}

// parseFlagID splits FF__account__project__environment__key. The key may hold
// the separator.
func parseFlagID(id string) (env environment, key string, ok bool) {
	parts := strings.SplitN(id, "__", 5)
	if len(parts) < 5 || parts[0] != "FF" || parts[4] == "" {
		return environment{}, "", false
	}
	env, ok = parseEnvironment(parts[1:4])
	// An id is compared as text: "011" would never be found again.
	return env, parts[4], ok && env.flagID(parts[4]) == id
}

func parseEnvironment(parts []string) (environment, bool) {
	var n [3]int
	for i, part := range parts {
		v, err := strconv.ParseInt(part, 10, 32)
		if err != nil || v == 0 {
			return environment{}, false
		}
		n[i] = int(v)
	}
	return environment{account: n[0], project: n[1], id: n[2]}, true
}

// secret returns a secret that stands for e.
func (e environment) secret() string {
	if e == defaultEnvironment() {
		return EnvSecret
	}
	text := fmt.Sprintf("d2f-41aa-4%%20220101000000__%d__%d__%d__default_9c0de", e.account, e.project, e.id)
	return base64.StdEncoding.EncodeToString([]byte(text))
}

func (e environment) flagID(key string) string {
	return fmt.Sprintf("FF__%d__%d__%d__%s", e.account, e.project, e.id, key)
}

func (e environment) userID(key string) string {
	return fmt.Sprintf("WU__%d__%s", e.id, key)
}
