package local

import (
	"runtime"
	"runtime/debug"

	"github.com/feature-flags-co/ffc-server-go-sdk/internal/flagfile"
)

// What the data of a file takes, roughly, while it is loaded: the text of the file,
// the flags as clients get them, and what the page shows of them.
const (
	memorySpare   = 12 << 20 // bytes, for data of any size
	memoryFactor  = 3        // times the size of the data
	memoryPerFlag = 200      // bytes, for each flag and segment
)

// smallHeap is the percentage of garbage beside the data in use.
const smallHeap = 40

// limitLoading sets the memory above which the collector works harder while doc is
// loaded, beside what is held of the document before. The heap mostly grows then, so that the usual percentage of garbage would
// double what the data takes.
func (p *Platform) limitLoading(doc *flagfile.Document) {
	if !p.cfg.KeepSmall {
		return
	}
	items := doc.Len() + len(doc.SegmentIDs())
	p.memory = memorySpare + memoryFactor*int64(doc.Size()) + memoryPerFlag*int64(items)
	debug.SetMemoryLimit(p.memory + p.held)
}

// limitLoaded sets the limits of memory for a file that is loaded: the collector
// must not work all the time if the data in use is near the limit of loading.
func (p *Platform) limitLoaded() {
	if !p.cfg.KeepSmall {
		return
	}
	runtime.GC()
	var now runtime.MemStats
	runtime.ReadMemStats(&now)
	debug.SetGCPercent(smallHeap)
	p.held = int64(now.HeapAlloc)
	debug.SetMemoryLimit(max(p.memory, p.held*5/4))
}
