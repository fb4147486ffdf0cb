package handle

import "sync/atomic"

// BurstSize is how many objects leave behind what is worth collecting.
const BurstSize = 1024

// A Counter counts those that come and go.
type Counter struct {
	live atomic.Int64
	peak atomic.Int64 // the most there were since Rebase
}

// Live is how many there are.
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
	peak := c.peak.Load()
	return peak >= BurstSize && c.live.Load() <= peak/2
}

// Rebase begins anew; it reports whether a burst was over.
func (c *Counter) Rebase() bool {
	over := c.BurstOver()
	if over {
		c.peak.Store(c.live.Load())
	}
	return over
}
