// Package fleet gets data from an engine that the fleet already has: Redis, S3,
// DynamoDB, a CDN or a directory. One publisher (package relay) gets the data
// from the platform and writes it there. Thousands of functions and containers
// read it, and need no way out to the platform.
//
//	client, err := ffc.New(ctx, ffc.Config{
//		Platform:  ffc.PlatformFeatBit,
//		Transport: &fleet.Transport{
//			Backends:    []fleet.Backend{fleet.Dir{Path: "/mnt/flags"}},
//			Environment: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
//		},
//		Events: flush.Config{Disabled: true},
//	})
//
// A read is one small value, the head. The data is read when the head names
// other data than the client has. The data is replaced as a whole: an evaluation
// never sees a part of it.
//
// ffc.Status.DataAge counts from the platform's last answer to the publisher. A
// client whose data is older than StaleAfter is INTERRUPTED and keeps serving
// the cached data. It never falls back to the platform by itself.
//
// Posts of events carry the header Ffc-Revision, with the lineage and revision that
// the client has, so that a relay can report which clients are behind.
//
// A reader needs the right to get values below one prefix, and writes nothing.
// Who can write to the engine can switch every flag.
//
// Backends for engines that need another module are in modules of their own,
// such as fleetredis and fleetaws. Package fleettest has a backend in memory and
// the conformance suite for any Backend.
package fleet
