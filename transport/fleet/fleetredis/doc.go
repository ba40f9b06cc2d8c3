// Package fleetredis is a fleet.Backend on Redis 6 or later, or on an engine with
// the same protocol (RESP3), such as Valkey, and a queue of events (Queue). It is tested with Redis 7, alone, with
// a replica, with Sentinel, and as a Redis Cluster.
//
//	engine, err := fleetredis.New(fleetredis.Config{
//		Addresses:   []string{"flags.example.com:6379"},
//		TLS:         &tls.Config{},
//		Credentials: credentials, // called at each connection
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
// # Connections
//
// A Backend has one connection, which all calls share, and one more for each
// Watch. In a Redis Cluster it has one more for each node whose keys it uses. The
// first call connects. The connection stays open between units of work. The next
// call closes it if the connection was idle for more than 60 s, and connects again;
// the time in which a process was frozen counts as idle.
//
// A call whose connection breaks is retried once, over a new connection. So is a
// call that fails with one of the errors READONLY, LOADING, MASTERDOWN, CLUSTERDOWN,
// TRYAGAIN, NOAUTH and WRONGPASS: the name of the server is resolved again, or the
// next of Config.Addresses is used, so that a replica that was promoted is found.
// MOVED and ASK of a Redis Cluster are followed. No connection is opened without a
// call: after the server was down, readers reconnect when they read next, which
// spreads them over their MaxAge.
//
// # What is stored
//
// The value named environment/object is the string with the key
// {ffc:environment}/object. "ffc" is Config.Prefix. Swap is a script that compares,
// sets, and publishes the value to the channel with the same name as the key.
// Values do not expire. The part in braces is a hash tag: all values of an
// environment are in one slot of a Redis Cluster. Use a database that does not evict them (maxmemory-policy
// noeviction): a publisher restores evicted values, but until then new clients get
// no data.
//
// A Swap that Redis confirmed is lost if the server fails before the write is on
// disk or on a replica. Package fleet and package relay tolerate that.
//
// Queues are streams with the key {ffc:environment}/events, with one group and one
// consumer, both named ffc. An entry has the route, the time, and the body in gzip.
// {ffc:environment}/events-size counts the bytes, and {ffc:}/queues is the set of
// environments. They need Redis 6.2.
//
// # Rights
//
// A reader needs GET, and with Watch also SUBSCRIBE and PING. A publisher writes
// with SET, DEL, EVAL and PUBLISH:
//
//	ACL SETUSER reader    on >PASSWORD ~{ffc:* &{ffc:* +get +subscribe +ping
//	ACL SETUSER publisher on >PASSWORD ~{ffc:* &{ffc:* +get +set +del +eval +publish
//
// A process that puts events into a Queue, and a forwarder that takes them:
//
//	ACL SETUSER putter    on >PASSWORD ~{ffc:* +eval +get +incrby +xadd +sadd +smembers +info
//	ACL SETUSER forwarder on >PASSWORD ~{ffc:* +eval +get +incrby +decrby +xadd +sadd +smembers +info +exists +xgroup +xautoclaim +xreadgroup +xpending +xclaim +xack +xdel +xlen +xrange
//
// XLEN and XRANGE are for Queue.Size only.
//
// In a Redis Cluster both also need +cluster|slots, and +cluster|shards from Redis 8
// on. A user of a Sentinel needs +sentinel|get-master-addr-by-name.
//
// The values have all rules and the keys of targeted users. Encrypt the
// connection (Config.TLS) and the server's storage. Anyone who can write the
// keys can switch every flag.
package fleetredis
