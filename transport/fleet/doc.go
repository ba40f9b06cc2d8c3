// Package fleet gets data from an engine, a store that many processes can read:
// Redis, S3, DynamoDB, a CDN or a directory. A publisher (package relay) gets the
// data from the platform and writes it to the engine. A fleet, which is thousands
// of functions and containers, reads the engine and needs no connection to the
// platform.
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
// A read gets one small value, the head. The client reads the data, the bodies,
// only if the head names other data than the client has. The data is replaced as
// a whole: an evaluation never sees a part of it.
//
// ffc.Status.DataAge counts from the platform's last response to the publisher.
// If the data is older than Transport.StaleAfter, the state is
// ffc.StateInterrupted and the client keeps serving the cached data. It never
// connects to the platform for data.
//
// Requests with events have the header Ffc-Revision, with the lineage and
// revision of the client's data, so that a relay can report which clients are
// behind. A revision is the number of a version of the data, and a lineage names
// a sequence of revisions.
//
// A reader needs the right to get values below one prefix, and writes nothing.
// Anyone who can write to the engine can switch every flag.
//
// Backends for engines that need another module are in modules of their own,
// such as fleetredis, fleetnats and fleetaws. Package fleettest has a backend in memory and
// the conformance suite for any Backend.
package fleet
