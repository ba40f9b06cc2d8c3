package relay_test

import (
	"github.com/feature-flags-co/ffc-server-go-sdk/relay"
	"github.com/feature-flags-co/ffc-server-go-sdk/relay/queuetest"
)

var _ relay.Queue = (*queuetest.Memory)(nil) // stands for a queue of SQS
