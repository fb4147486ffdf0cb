package reactor

// Runner does scheduled work on the loop's thread.
type Runner interface{ RunTask() }

// keptTasks is the length of the line of tasks that an empty queue keeps room for.
const keptTasks = 256

// taskQueue is a line of tasks, first in, first out.
type taskQueue struct {
	line []Runner
	head int
}

func (q *taskQueue) len() int { return len(q.line) - q.head }

func (q *taskQueue) push(r Runner) {
	if q.head > 0 && len(q.line) == cap(q.line) && q.head >= len(q.line)/2 {
		n := copy(q.line, q.line[q.head:])
		clear(q.line[n:])
		q.line, q.head = q.line[:n], 0
	}
	q.line = append(q.line, r)
}

func (q *taskQueue) pop() Runner {
	r := q.line[q.head]
	q.line[q.head] = nil
	q.head++
	if q.head == len(q.line) {
		q.line, q.head = q.line[:0], 0
		if cap(q.line) > keptTasks {
			q.line = nil
		}
	}
	return r
}

// Schedule queues a task, once for each call, and wakes the loop if it sleeps. Safe from
// any thread.
func (l *Reactor) Schedule(r Runner) {
	l.mu.Lock()
	l.tasks.push(r)
	l.mu.Unlock()
	l.wake()
}

// Pending reports whether tasks wait.
func (l *Reactor) Pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.tasks.len() > 0
}

// runTasks runs what is queued now, as far as it gets in its turn; what these schedule waits
// for the next step, so that descriptors are looked at in between.
func (l *Reactor) runTasks() {
	l.mu.Lock()
	count := l.tasks.len()
	l.mu.Unlock()
	began := int64(0)
	for i := 1; i <= count; i++ {
		l.mu.Lock()
		r := l.tasks.pop()
		l.mu.Unlock()
		r.RunTask()
		l.host.AfterEvent()
		if i%clockEvery != 0 {
			continue
		}
		if began == 0 {
			began = l.refresh()
		} else if l.isOver(began) {
			return
		}
	}
}
