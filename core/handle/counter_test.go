package handle

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

// BOUND-7: a burst is over when half of the most there were have gone, and each burst is over once.
func TestBurst(t *testing.T) {
	var c Counter
	for range BurstSize - 1 {
		c.Enter()
	}
	for range BurstSize - 1 {
		c.Leave()
	}
	assert.False(t, c.BurstOver(), "so few leave nothing behind")
	for range BurstSize {
		c.Enter()
	}
	for range BurstSize/2 - 1 {
		c.Leave()
	}
	assert.False(t, c.BurstOver(), "most of them are still there")
	c.Leave()
	assert.True(t, c.BurstOver())
	assert.EqualValues(t, BurstSize/2, c.Live())
	assert.EqualValues(t, BurstSize, c.Rebase())
	assert.Zero(t, c.Rebase())
	for range BurstSize / 2 {
		c.Leave()
	}
	assert.False(t, c.BurstOver())
	assert.Zero(t, c.Live())
}

// BOUND-7: objects that cost much are a burst sooner.
func TestBurstOfItsOwnSize(t *testing.T) {
	c := Counter{Burst: 4}
	for range 4 {
		c.Enter()
	}
	assert.False(t, c.BurstOver())
	c.Leave()
	c.Leave()
	assert.True(t, c.BurstOver())
	assert.EqualValues(t, 4, c.Rebase())
	assert.Zero(t, c.Rebase())
}
