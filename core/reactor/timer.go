package reactor

import "container/heap"

// Expirer is told that its timer has expired, on the loop's thread.
type Expirer interface{ Expire(*Timer) }

// A Timer belongs to one loop. The zero value with an owner is ready.
type Timer struct {
	Owner Expirer
	when  int64
	// place in the heap plus one, 0 when it is not set
	place int
}

// IsSet reports whether the timer is running.
func (t *Timer) IsSet() bool { return t.place != 0 }

// When returns the time at which a running timer expires.
func (t *Timer) When() int64 { return t.when }

// SetTimer (re)starts a timer to expire at a time of Now's clock.
func (l *Reactor) SetTimer(t *Timer, when int64) {
	t.when = when
	if t.place != 0 {
		heap.Fix(&l.timers, t.place-1)
		return
	}
	heap.Push(&l.timers, t)
}

// StopTimer stops a timer that may be running.
func (l *Reactor) StopTimer(t *Timer) {
	if t.place != 0 {
		heap.Remove(&l.timers, t.place-1)
	}
}

// runTimers runs the timers that have expired by now, as far as it gets in its turn.
func (l *Reactor) runTimers() {
	if len(l.timers) == 0 {
		return
	}
	now := l.refresh()
	for i := 1; len(l.timers) > 0 && l.timers[0].when <= now; i++ {
		t := heap.Pop(&l.timers).(*Timer)
		t.Owner.Expire(t)
		l.host.AfterEvent()
		if i%clockEvery == 0 && l.isOver(now) {
			return
		}
	}
}

// keptTimers is the number of timers that a heap keeps room for when most have gone.
const keptTimers = 256

type timerHeap []*Timer

func (h timerHeap) Len() int           { return len(h) }
func (h timerHeap) Less(i, j int) bool { return h[i].when < h[j].when }
func (h timerHeap) Swap(i, j int) {
	h[i], h[j] = h[j], h[i]
	h[i].place, h[j].place = i+1, j+1
}
func (h *timerHeap) Push(x any) {
	t := x.(*Timer)
	*h = append(*h, t)
	t.place = len(*h)
}
func (h *timerHeap) Pop() any {
	last := len(*h) - 1
	t := (*h)[last]
	(*h)[last] = nil
	*h = (*h)[:last]
	if cap(*h) > keptTimers && last < cap(*h)/4 {
		*h = append(make(timerHeap, 0, cap(*h)/2), *h...)
	}
	t.place = 0
	return t
}
