package loop

// Runner does scheduled work on the loop's thread.
type Runner interface{ RunTask() }

// A Task is work that waits for the loop. The zero value with an owner is ready.
type Task struct {
	Owner  Runner
	next   *Task
	queued bool
}

// Schedule queues a task and wakes the loop if it sleeps. A task that is queued
// already stays where it is. Safe from any thread.
func (l *Loop) Schedule(t *Task) {
	l.mu.Lock()
	if t.queued {
		l.mu.Unlock()
		return
	}
	t.queued = true
	t.next = nil
	if l.last == nil {
		l.first = t
	} else {
		l.last.next = t
	}
	l.last = t
	l.mu.Unlock()
	l.wake()
}

// Pending reports whether tasks wait.
func (l *Loop) Pending() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.first != nil
}

// runTasks runs what is queued now; what these schedule waits for the next step, so
// that descriptors are looked at in between.
func (l *Loop) runTasks() {
	l.mu.Lock()
	end := l.last
	l.mu.Unlock()
	if end == nil {
		return
	}
	for {
		l.mu.Lock()
		t := l.first
		l.first = t.next
		if l.first == nil {
			l.last = nil
		}
		t.next = nil
		t.queued = false
		l.mu.Unlock()
		// t may be queued again, and even be another loop's, from here on.
		last := t == end
		t.Owner.RunTask()
		l.after()
		if last {
			return
		}
	}
}
