// Package fleetnats is a fleet.Backend on a key-value bucket of NATS JetStream, and a
// flush.Queue on one of its streams. It is tested with nats-server 2.15, alone and in a
// cluster of three.
//
//	engine, err := fleetnats.New(fleetnats.Config{
//		Servers:              []string{"tls://flags.example.com:4222"},
//		Options:              []nats.Option{nats.UserCredentials("/run/secrets/reader.creds"), nats.CustomInboxPrefix("_INBOX_reader")},
//		EventuallyConsistent: true, // not for a publisher
//	})
//	if err != nil {
//		return err
//	}
//	defer engine.Close()
//	client, err := ffc.New(ctx, ffc.Config{
//		Platform:  ffc.PlatformFeatBit,
//		Transport: &fleet.Transport{
//			Backends:    []fleet.Backend{engine},
//			Environment: "6f9619ff-8b86-d011-b42d-00cf4fc964ff",
//		},
//		Events: flush.Config{Disabled: true},
//	})
//
// The bucket is made once, by Backend.Create or by the command of NATS. Values must not
// expire:
//
//	nats kv add ffc --storage=file --replicas=3
//
// # Connections
//
// A Backend and a Queue have one connection each, which all calls share, those of Watch
// and Take included. The first call connects. The connection stays open between units
// of work. The next call closes it if it was idle for more than 60 s, and connects
// again; the time in which a process was frozen counts as idle.
//
// A call whose connection breaks is retried once, over a new connection to any of
// Config.Servers. A write that was sent twice is made once: JetStream recognizes it for
// 2 min. No connection is opened without a call: options of nats.go for reconnecting
// and pings have no effect.
//
// # What is stored
//
// The value named environment/object is the key environment.object of the bucket "ffc",
// which is Config.Bucket; dots in the two parts are slashes there. The tag is the
// revision of the key. Delete removes a key and leaves no mark. After each Swap the
// publisher sends the value to the subject BUCKET.changed.environment.object, to which
// Watch subscribes: JetStream has no work for readers that wait.
//
// A consistent read is answered by the leader of the bucket. With EventuallyConsistent
// any server that has the bucket answers, and a read needs fewer rights.
//
// # Queue
//
// Queue.Create makes the stream "ffc_events" and its consumer "forwarder". The stream
// is a work queue in files. It rejects new batches when it is full, and does not
// remove old ones. A batch that is taken is hidden for 60 s.
//
// # Rights
//
// A reader needs these rights, with EventuallyConsistent. "_INBOX_reader" is its
// nats.CustomInboxPrefix: with a prefix of its own it cannot read the responses to
// others.
//
//	{user: reader, password: PASSWORD, permissions: {
//		publish:   ["$JS.API.DIRECT.GET.KV_ffc.$KV.ffc.>"],
//		subscribe: ["_INBOX_reader.>", "ffc.changed.>"]}},
//	{user: publisher, password: PASSWORD, permissions: {
//		publish:   ["$KV.ffc.>", "ffc.changed.>", "$JS.API.STREAM.MSG.GET.KV_ffc", "$JS.API.STREAM.PURGE.KV_ffc"],
//		subscribe: ["_INBOX_publisher.>"]}},
//	{user: sender, password: PASSWORD, permissions: {
//		publish:   ["ffc_events"],
//		subscribe: ["_INBOX_sender.>"]}},
//	{user: forwarder, password: PASSWORD, permissions: {
//		publish:   ["$JS.API.CONSUMER.MSG.NEXT.ffc_events.forwarder", "$JS.ACK.ffc_events.forwarder.>", "$JS.API.STREAM.INFO.ffc_events"],
//		subscribe: ["_INBOX_forwarder.>"]}}
//
// A sender puts batches into the queue, a forwarder takes them; the right to
// STREAM.INFO is for Queue.Size only. With environment.> in
// place of the first > of a right, a reader has one environment only.
//
// The values have all rules and the keys of targeted users, and the batches have users
// and their events. Encrypt connections, and the files of JetStream (its setting
// "encryption_key"). Anyone who can write the bucket, or send to ffc.changed.>, can
// switch every flag.
package fleetnats
