package lambda

import (
	"context"
	"os"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// closeTime is less than the 500 ms between SIGTERM and SIGKILL.
const closeTime = 300 * time.Millisecond

// Start is aws-lambda-go's Start with a client: see the package documentation. It
// does not return, and panics if the client is nil. When Lambda ends the
// environment with SIGTERM, Start closes the client, which delivers the queued
// events within 300 ms. Then it exits the process as soon as no invocation is under
// way that has time left, so that neither Lambda nor the caller of an invocation
// that has timed out waits for SIGKILL. With [KeepProcess] it does not exit.
//
// To use options of aws-lambda-go, call [Wrap]:
//
//	awslambda.StartWithOptions(lambda.Wrap(client, handler),
//		awslambda.WithContext(ctx),
//		awslambda.WithEnableSIGTERM(func() { lambda.Close(client) }))
func Start(client *ffc.Client, handler any, opts ...Option) {
	w := wrapperFor(client, opts)
	awslambda.StartWithOptions(w.wrap(handler), awslambda.WithEnableSIGTERM(w.terminate))
}

// terminate ends the process after SIGTERM.
func (w *wrapper) terminate() {
	Close(w.client)
	if w.keep {
		return
	}
	w.calls.wait()
	os.Exit(0)
}

// Close closes a client within 300 ms, which is less than the time that Lambda gives
// a process after SIGTERM. Start calls Close itself. Close does not end the process.
func Close(client *ffc.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = client.Close(ctx) // the client logs and counts dropped events
}
