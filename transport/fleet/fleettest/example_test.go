package fleettest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet"
	"github.com/feature-flags-co/ffc-server-go-sdk/transport/fleet/fleettest"
)

// The test of a backend.
func ExampleRun() {
	connect := func(*testing.T) fleet.Backend { return new(fleettest.Memory) } // yours
	_ = func(t *testing.T) {
		fleettest.Run(t, connect)
	}
}

// An engine that fails after it has written.
func ExampleMemory() {
	ctx := context.Background()
	var engine fleettest.Memory
	engine.After(fleettest.Fault(func(_ context.Context, call fleettest.Call) error {
		return errors.New("the connection broke during " + call.Op)
	}))
	_, err := engine.Swap(ctx, "environment/head", []byte("value"), "")
	fmt.Println(err)
	engine.After(nil)
	value, _, err := engine.Get(ctx, "environment/head")
	fmt.Println(string(value), err)
	// Output:
	// the connection broke during Swap
	// value <nil>
}
