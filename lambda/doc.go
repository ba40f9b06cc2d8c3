// Package lambda runs a function on AWS Lambda with flags that are fresh at the
// start of every invocation and events that leave before the process is frozen.
//
//	func main() {
//		client, err := ffc.New(context.Background(), ffc.Config{
//			EnvSecret: os.Getenv("FFC_ENV_SECRET"),
//			Transport: &poll.Transport{}, // works on demand
//			Bootstrap: snapshot,          // embedded, for a platform that is down
//			StartWait: time.Second,
//		})
//		if err != nil {
//			log.Fatal(err)
//		}
//		lambda.Start(client, handler)
//	}
//
// [Start] takes the handlers that aws-lambda-go's Start takes. Around each
// invocation it
//
//   - calls [ffc.Client.Refresh], which does nothing while the data is young;
//   - calls the handler;
//   - lets aws-lambda-go post the response, and then delivers the events, before
//     aws-lambda-go asks for the next invocation and Lambda freezes the process.
//
// So the caller does not wait for events. The time they take is billed, and the
// environment is busy for as long: [FlushEvery] makes that rarer. Where a
// handler fails or panics, events are delivered before Lambda gets the response, as no
// code of the SDK runs afterwards.
//
// # Bounds
//
// Each step leaves a margin before the deadline of the invocation: 100 ms or
// 5 % of the remaining time when the step begins, whichever is more, or what
// [Margin] says. A delivery takes at most 5 s after the response, and 2 s where
// the caller waits for it. What could not be sent stays queued for the next
// invocation. After a delivery has failed there is none for 1 s, then 2 s, up to
// a minute (less a random part of up to a half), and for at least 5 times what the
// delivery took, so that an endpoint that is down does not cost each invocation.
// A delivery that had 2 s or more and was cut has failed. With less time, only
// the second one in a row has.
//
// No flag problem fails an invocation: not an outage, nor a panic in
// Config.HTTPClient.
//
// # The end
//
// On SIGTERM, [Start] closes the client, which delivers what is queued, and exits
// the process when no invocation is under way that has time left. See
// [KeepProcess].
//
// # Several invocations in one process
//
// With AWS_LAMBDA_MAX_CONCURRENCY one refresh serves all invocations that begin
// meanwhile, and one of those that end delivers the events of all. There the
// process is not frozen, so that a transport that pushes works as well.
package lambda
