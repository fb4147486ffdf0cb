package handle

import "sync/atomic"

// BurstSize is the number of objects that leave behind enough to be worth a collection, unless a
// Counter has a Burst of its own.
const BurstSize = 1024

// A Counter counts those that come and go.
type Counter struct {
	Burst int64 // 0: BurstSize; set before anybody counts

	live atomic.Int64
	peak atomic.Int64 // the most there were since Rebase
}

// Live returns the number of live objects.
func (c *Counter) Live() int64 { return c.live.Load() }

// Enter counts one that comes.
func (c *Counter) Enter() {
	if live := c.live.Add(1); live > c.peak.Load() {
		c.peak.Store(live)
	}
}

// Leave counts one that goes.
func (c *Counter) Leave() { c.live.Add(-1) }

// BurstOver reports whether most of a burst have gone.
func (c *Counter) BurstOver() bool {
	peak, burst := c.peak.Load(), c.Burst
	if burst == 0 {
		burst = BurstSize
	}
	return peak >= burst && c.live.Load() <= peak/2
}

// Rebase begins anew; it returns how large a burst was that is over, 0 if none is.
func (c *Counter) Rebase() int64 {
	if !c.BurstOver() {
		return 0
	}
	return c.peak.Swap(c.live.Load())
}
