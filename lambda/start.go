package lambda

import (
	"context"
	"time"

	awslambda "github.com/aws/aws-lambda-go/lambda"

	"github.com/feature-flags-co/ffc-server-go-sdk/ffc"
)

// closeTime is less than the 500 ms between SIGTERM and SIGKILL.
const closeTime = 300 * time.Millisecond

// Start is aws-lambda-go's Start with a client: see the package. It does not
// return. When Lambda ends the environment the client is closed, which delivers
// what is still queued, within 300 ms.
//
// Options of aws-lambda-go go with [Wrap]:
//
//	awslambda.StartWithOptions(lambda.Wrap(client, handler),
//		awslambda.WithContext(ctx),
//		awslambda.WithEnableSIGTERM(func() { lambda.Close(client) }))
func Start(client *ffc.Client, handler any, opts ...Option) {
	awslambda.StartWithOptions(Wrap(client, handler, opts...), awslambda.WithEnableSIGTERM(func() { Close(client) }))
}

// Close closes a client within the time that Lambda leaves after SIGTERM. Start
// does so by itself.
func Close(client *ffc.Client) {
	ctx, cancel := context.WithTimeout(context.Background(), closeTime)
	defer cancel()
	_ = client.Close(ctx) // what was lost is logged and counted
}
