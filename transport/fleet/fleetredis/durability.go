package fleetredis

import (
	"context"
	"strconv"
	"strings"

	"github.com/redis/rueidis"
)

// Durability is what a server reports about how it stores values. A managed engine
// may store them more safely than it reports.
type Durability struct {
	// AppendOnly: writes are appended to a file.
	AppendOnly bool
	// Replicas is how many replicas are connected.
	Replicas int
	// Evicts: the server removes values, also those of a fleet, when its memory is
	// full.
	Evicts bool
}

// Durability asks the server how it stores values. The user needs the right to INFO
// (+info), which publishers and readers do not need otherwise. Durability blocks until
// the server has responded or ctx ends, and may be called concurrently.
func (b *Backend) Durability(ctx context.Context) (Durability, error) {
	reply, err := b.do(ctx, func(c rueidis.Client) rueidis.Completed { return c.B().Info().Build() })
	if err != nil {
		return Durability{}, err
	}
	text, err := reply.ToString()
	if err != nil {
		return Durability{}, replyError(err)
	}
	fields := make(map[string]string)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		fields[name] = value
	}
	replicas, _ := strconv.Atoi(fields["connected_slaves"])
	return Durability{
		AppendOnly: fields["aof_enabled"] == "1",
		Replicas:   replicas,
		Evicts:     fields["maxmemory"] != "0" && fields["maxmemory_policy"] != "noeviction" && fields["maxmemory_policy"] != "",
	}, nil
}
