// Package registry knows which platforms there are, and finds the one that a name,
// a secret or data belongs to.
package registry

import (
	"fmt"
	"strings"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/classic"
	"github.com/feature-flags-co/ffc-server-go-sdk/internal/platform/featbit"
)

// All returns the protocols of all platforms. If a secret has the shape of several
// platforms, the first counts. Secrets of FeatBit are random, so practically none
// is valid for featureflag.co, but some of featureflag.co also have 44 characters.
func All() []*platform.Protocol {
	return []*platform.Protocol{classic.Protocol(), featbit.Protocol()}
}

// Default returns the platform to use if nothing else decides.
func Default() *platform.Protocol { return classic.Protocol() }

// ProtocolOf returns the protocol of a platform by name. It fails if there is no
// such platform.
func ProtocolOf(name string) (*platform.Protocol, error) {
	for _, p := range All() {
		if p.Name == name {
			return p, nil
		}
	}
	return nil, fmt.Errorf("unknown platform %q: expected %s", name, Names())
}

// Names returns the names of all platforms as a choice: classic or featbit.
func Names() string {
	var names []string
	for _, p := range All() {
		names = append(names, p.Name)
	}
	return strings.Join(names, " or ")
}
