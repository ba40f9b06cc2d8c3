// Package callers reads flags through another package only.
package callers

import (
	"context"
	"fmt"
	"os"

	"wrappers"
)

type service struct{ reader wrappers.Reader }

func (s service) handle(ctx context.Context, f *wrappers.Features) {
	f.On(ctx, "on")                    // want `reads flag "on"`
	f.Any("any-1", "any-2")            // want `reads flag "any-1"` `reads flag "any-2"`
	f.Hook("hook")                     // want `reads flag "hook"`
	wrappers.First(f, "generic", 1, 2) // want `reads flag "generic"`
	s.reader.On(ctx, "interface")      // want `reads flag "interface"`
	_ = wrappers.Flag{Key: "field"}    // want `reads flag "field"`
	var flag wrappers.Flag
	flag.Key = "assigned"              // want `reads flag "assigned"`
	flag.Key, _ = os.LookupEnv("FLAG") // want `cannot be known: expected a constant, got flag.Key`
	fmt.Sscan("scanned", &flag.Key)    // want `cannot be known: expected a constant, got flag.Key`
	s.indirect(f, "indirect")          // want `reads flag "indirect"`
}

func (s service) indirect(f *wrappers.Features, key string) { f.Twice(key) } // want indirect:`keys in parameters \[1\]`
