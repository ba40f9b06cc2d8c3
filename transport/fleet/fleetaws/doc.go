// Package fleetaws has backends for package fleet on AWS: S3, a bucket of S3, and
// DynamoDB, a table of DynamoDB. SQS is a queue of events on SQS.
//
//	cfg, err := config.LoadDefaultConfig(ctx) // of github.com/aws/aws-sdk-go-v2/config
//	if err != nil {
//		return err
//	}
//	engine, err := fleetaws.NewS3(fleetaws.S3Config{
//		Bucket:      "flags",
//		Region:      cfg.Region,
//		Credentials: cfg.Credentials,
//	})
//	if err != nil {
//		return err
//	}
//	client, err := ffc.New(ctx, ffc.Config{
//		Platform:  ffc.PlatformFeatBit,
//		Transport: &fleet.Transport{
//			Backends:    []fleet.Backend{engine},
//			Environment: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
//		},
//		Events: flush.Config{Sink: queue}, // of NewSQS
//	})
//
// The package signs requests with version 4 of AWS's signatures. It links the
// signer of aws-sdk-go-v2, and no client of a service.
//
// # Connections and retries
//
// A backend has connections of its own, which stay open between units of work. A
// call closes those that were idle for more than 60 s, and connects again; the time
// in which a process was frozen counts as idle.
//
// A call is retried once if its connection breaks or the service responds with 5xx,
// and also if the credentials have expired, with new credentials of the provider. A
// call that the service throttles is not retried: the call returns the error, and
// package fleet reads the next backend and pauses.
//
// Credentials that lack a right, wrong signatures and wrong clocks are errors of
// the type *transport.Error with the kind transport.KindRefused.
//
// # What is stored
//
// The value named environment/object is the object, or the item, with the key
// ffc/environment/object. "ffc" is Prefix.
//
// On S3, Swap writes with If-Match or If-None-Match, and the tag is the ETag. The
// store must support both; S3 does.
//
// On DynamoDB an item has three attributes: the partition key name, of type S; the
// value, of type B; and a version, of type S, which each write sets to a random
// text, and which is the tag. Swap writes with a condition on the version. Values
// have at most 31 KiB.
//
// A message of SQS is JSON with the environment and the route of a batch, and its body
// in gzip and Base64.
//
// # Rights
//
// A reader needs s3:GetObject or dynamodb:GetItem. A publisher writes with
// s3:PutObject and s3:DeleteObject, and needs s3:ListBucket, without which S3 does not
// say that an object is missing; or with dynamodb:PutItem and dynamodb:DeleteItem.
// A function that puts events needs sqs:SendMessage. A relay.Forwarder needs that and
// sqs:ReceiveMessage, sqs:DeleteMessage and sqs:ChangeMessageVisibility, and with dead
// letters those of a publisher. SQS.Size needs sqs:GetQueueAttributes. docs/fleet.md has
// the policies.
//
// The values have all rules and the keys of targeted users: encrypt them. Anyone
// who can write them can switch every flag. Messages have the data of users.
package fleetaws
