package reactor

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func (t *slotTable) add(h Handler) uint32 {
	i, generation := t.take()
	t.set(i, generation, h)
	return i
}

func (t *slotTable) kept() int {
	n := 0
	for _, c := range t.chunks {
		if c.slots != nil {
			n++
		}
	}
	return n
}

// Every handler is found where it was put, whatever comes and goes, and nobody's slot is
// another's.
func TestSlotsComeAndGo(t *testing.T) {
	var table slotTable
	names := map[uint32]int{}
	called := 0
	for round := range 20000 {
		// Tides, so that chunks fill and become empty.
		if len(names) == 0 || rand.IntN(100) < 50+20*(1-round/4000%2*2) {
			i := table.add(ready(func(uint32) { called = round }))
			require.NotContains(t, names, i)
			names[i] = round
			continue
		}
		for i, round := range names {
			table.at(i).handler.Ready(0)
			require.Equal(t, round, called)
			table.remove(i)
			delete(names, i)
			break
		}
	}
	for i := range names {
		table.remove(i)
	}
	assert.Equal(t, 1, table.kept(), "one empty chunk is kept")
}

// BOUND-7: the table of a burst goes with it, even if one of it stays.
func TestSlotsOfABurstAreLetGo(t *testing.T) {
	var table slotTable
	first := table.add(nil)
	for range 100 * slotChunk {
		table.add(nil)
	}
	stays := uint32(50 * slotChunk)
	for i := range uint32(100*slotChunk + 1) {
		if i != first && i != stays {
			table.remove(i)
		}
	}
	assert.Equal(t, 3, table.kept())
	generation := table.at(stays).generation
	assert.Nil(t, table.at(stays+slotChunk), "an event of one that was let go finds nothing")
	for i := range uint32(100 * slotChunk) {
		require.Less(t, table.add(nil), uint32(102*slotChunk), "%d: the low ones are used first", i)
	}
	assert.Equal(t, generation, table.at(stays).generation)
	assert.NotEqual(t, generation, table.at(stays+1).generation)
}

// BOUND-7: so does the room of many timers.
func TestTimersOfABurstAreLetGo(t *testing.T) {
	l := newLoop(t, false)
	timers := make([]Timer, 20000)
	for i := range timers {
		l.SetTimer(&timers[i], int64(i))
	}
	for i := range timers {
		l.StopTimer(&timers[i])
		require.False(t, timers[i].IsSet())
	}
	assert.LessOrEqual(t, cap(l.timers), keptTimers)
}

// BOUND-7: so does the room of a long line of tasks, and one that never ends does not grow.
func TestTaskQueueKeepsLittle(t *testing.T) {
	var q taskQueue
	for range 100000 {
		q.push(run(nil))
	}
	for q.len() > 0 {
		q.pop()
	}
	assert.LessOrEqual(t, cap(q.line), keptTasks)
	for range 3 {
		q.push(run(nil))
	}
	for range 100000 {
		q.push(q.pop())
	}
	assert.Equal(t, 3, q.len())
	assert.Less(t, cap(q.line), 64)
}
