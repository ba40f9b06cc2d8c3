package main

import (
	"context"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

func TestClosedClient(t *testing.T) {
	if new(ffc.Client).IsEnabled(context.Background(), "only-in-a-test", ffc.NewUser("ann")) {
		t.Error("a closed client has a flag")
	}
}
