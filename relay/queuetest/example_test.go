package queuetest_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/feature-flags-co/ffc-server-go-sdk/flush"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay/queuetest"
)

// The test of a queue.
func ExampleRun() {
	connect := func(*testing.T) flush.Queue { return new(queuetest.Memory) } // yours
	_ = func(t *testing.T) {
		queuetest.Run(t, queuetest.Config{Open: connect})
	}
}

// A queue that fails after it has stored a batch.
func ExampleMemory() {
	ctx := context.Background()
	var q queuetest.Memory
	q.After(func(_ context.Context, op string) error { return errors.New("the connection broke during " + op) })
	fmt.Println(q.Put(ctx, flush.Batch{Body: []byte("[]")}))
	q.After(nil)
	taken, err := q.Take(ctx, 10)
	fmt.Println(len(taken), err)
	// Output:
	// the connection broke during Put
	// 1 <nil>
}
