package main

import "C"

import (
	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/socket"
)

// C: socket_loop socket_loop_create(int mode)
//
// socket_loop_create makes a loop without a thread, which the host drives: SOCKET_LOOP_CALLBACKS
// with socket_loop_run, SOCKET_LOOP_RECORDS with socket_loop_poll. Nothing happens on its sockets
// until it is run or polled; a connect does not begin.
// Errors:
//   - SOCKET_ERROR_PARAMETER: there is no such mode.
//   - SOCKET_ERROR_MFILE: no descriptor is left.
//
//export goSocketLoopCreate
func goSocketLoopCreate(mode int32) (result int64) {
	defer guard(&result)
	l, code := socket.NewLoop(abi.LoopMode(mode))
	if code != errcode.OK {
		return -int64(code)
	}
	return l.Handle()
}

// C: int socket_loop_fd(socket_loop loop)
//
// socket_loop_fd returns the descriptor to watch for reading (poll, epoll, libuv, asyncio, GLib,
// Qt), level-triggered. It is readable while socket_loop_run or socket_loop_poll would do
// something, which need not be a callback or a record. Do not read, write or close it.
// Errors:
//   - SOCKET_ERROR_BADF: the loop is not valid.
//   - SOCKET_ERROR_NOTSUP: it is a default loop.
//
//export goSocketLoopFD
func goSocketLoopFD(loop int64) (result int32) {
	defer guard(&result)
	return answerLoop(loop, func(l *socket.Loop) (int32, errcode.Code) {
		if !l.IsHosted() {
			return 0, errcode.NotSupported
		}
		return int32(l.FD()), errcode.OK
	})
}

// C: int socket_loop_run(socket_loop loop, int timeout_ms)
//
// socket_loop_run waits up to timeout_ms (0: not at all, -1: without limit) for events of a loop
// in callback mode, and handles one batch of them on the calling thread. Returns the number of
// callbacks made. It returns 0 early if a signal arrives. Another thread ends the wait with
// socket_loop_post. It is no cancellation point.
// Errors:
//   - SOCKET_ERROR_PARAMETER: timeout_ms is out of range.
//   - SOCKET_ERROR_BADF: the loop is not valid.
//   - SOCKET_ERROR_NOTSUP: it is in record mode or a default loop.
//   - SOCKET_ERROR_ALREADY: it is in use.
//
//export goSocketLoopRun
func goSocketLoopRun(thread uintptr, loop int64, timeoutMs int32) (result int32) {
	defer guard(&result)
	return answerLoop(loop, func(l *socket.Loop) (int32, errcode.Code) {
		n, code := l.Run(abi.Thread(thread), timeoutMs)
		return int32(n), code
	})
}

// C: int socket_loop_poll(socket_loop loop, socket_event *events, int capacity, int timeout_ms)
//
// socket_loop_poll waits up to timeout_ms (0: not at all, -1: without limit) for events of a loop
// in record mode and writes up to capacity (1 to 65536) of them. Data that records point to is
// valid until the next socket_loop_poll or socket_loop_close of the loop. From now on sends of the
// calling thread are gathered until socket_loop_flush or the next poll. Returns the number of
// records. It returns 0 early if a signal arrives.
// Errors:
//   - SOCKET_ERROR_PARAMETER: events is NULL, or capacity or timeout_ms is out of range.
//   - SOCKET_ERROR_BADF: the loop is not valid.
//   - SOCKET_ERROR_NOTSUP: it is in callback mode or a default loop.
//   - SOCKET_ERROR_ALREADY: it is in use.
//
//export goSocketLoopPoll
func goSocketLoopPoll(thread uintptr, loop int64, events uintptr, capacity, timeoutMs int32) (result int32) {
	defer guard(&result)
	return answerLoop(loop, func(l *socket.Loop) (int32, errcode.Code) {
		if events == 0 || events%8 != 0 || capacity < 1 || capacity > maxRecords {
			return 0, errcode.Parameter
		}
		n, code := l.Poll(abi.Thread(thread), eventSlice(events, capacity), timeoutMs)
		return int32(n), code
	})
}

// C: int socket_loop_flush(socket_loop loop)
//
// socket_loop_flush writes what has been gathered since the last poll and ends the gathering. Call
// it on the thread that polled, before that thread waits on the loop's descriptor by other means.
// Errors:
//   - SOCKET_ERROR_BADF: the loop is not valid.
//   - SOCKET_ERROR_ALREADY: it is in use.
//
//export goSocketLoopFlush
func goSocketLoopFlush(loop int64) (result int32) {
	defer guard(&result)
	return withLoop(loop, (*socket.Loop).Flush)
}

// C: int socket_loop_post(socket_loop loop, socket_function function, void *user_data)
//
// socket_loop_post runs a function on the loop's thread, once, in the order of posting; loop 0 is
// the first default loop. In record mode function is NULL and a SOCKET_EVENT_POST record with
// user_data is made. A function that was accepted runs even if the loop is closed or shut
// down meanwhile.
// Errors:
//   - SOCKET_ERROR_PARAMETER: function is NULL in callback mode, or not NULL in record mode.
//   - SOCKET_ERROR_BADF: the loop is not valid.
//
//export goSocketLoopPost
func goSocketLoopPost(loop int64, function, userData uintptr) (result int32) {
	defer guard(&result)
	l, code := loopOrDefault(loop)
	if code != errcode.OK {
		return fail(code)
	}
	return fail(l.Post(abi.Function{Func: function, UserData: userData}))
}

// C: int64_t socket_loop_set_timer(socket_loop loop, int64_t delay_ms, int64_t interval_ms, socket_function function, void *user_data)
//
// socket_loop_set_timer runs a function on the loop's thread after delay_ms and then, if
// interval_ms is not 0, every interval_ms. Both are 0 to 2^40. A busy loop leaves out the
// intervals that it misses. Loop 0 is the first default loop. In record mode function is NULL, and
// the timer makes SOCKET_EVENT_TIMER records with its id as size. Timers end with their loop.
// Returns the timer's id (> 0).
// Errors:
//   - SOCKET_ERROR_PARAMETER: a time is out of range, or function is as in socket_loop_post.
//   - SOCKET_ERROR_BADF: the loop is not valid.
//
//export goSocketLoopSetTimer
func goSocketLoopSetTimer(loop, delayMs, intervalMs int64, function, userData uintptr) (result int64) {
	defer guard(&result)
	l, code := loopOrDefault(loop)
	if code != errcode.OK {
		return -int64(code)
	}
	id, code := l.SetTimer(delayMs, intervalMs, abi.Function{Func: function, UserData: userData})
	if code != errcode.OK {
		return -int64(code)
	}
	return id
}

// C: int socket_loop_clear_timer(socket_loop loop, int64_t timer)
//
// socket_loop_clear_timer stops a timer. If it is called on the loop's thread, the timer's
// function is not called again. On another thread one call may still be running.
// Errors:
//   - SOCKET_ERROR_PARAMETER: there is no such timer (any more).
//   - SOCKET_ERROR_BADF: the loop is not valid.
//
//export goSocketLoopClearTimer
func goSocketLoopClearTimer(loop, timer int64) (result int32) {
	defer guard(&result)
	l, code := loopOrDefault(loop)
	if code != errcode.OK {
		return fail(code)
	}
	return fail(l.ClearTimer(timer))
}

// C: int socket_loop_close(socket_loop loop)
//
// socket_loop_close aborts the sockets of a host-driven loop and releases them. In callback mode
// their completions and close events run before it returns, and the loop is gone. In record mode
// keep polling (with any timeout) until a poll returns -SOCKET_ERROR_BADF: then the loop is gone.
// A second socket_loop_close drops the remaining records.
// Errors:
//   - SOCKET_ERROR_BADF: the loop is not valid, or is a default loop (socket_shutdown ends those).
//   - SOCKET_ERROR_ALREADY: it is in use.
//
//export goSocketLoopClose
func goSocketLoopClose(thread uintptr, loop int64) (result int32) {
	defer guard(&result)
	return withLoop(loop, func(l *socket.Loop) errcode.Code {
		return l.Close(abi.Thread(thread))
	})
}

// C: int socket_set_dispatch_threads(int count)
//
// socket_set_dispatch_threads sets how many default loops there are, each with a thread (1 to 256,
// default 1). New sockets and accepted clients are spread over them in turn.
// Errors:
//   - SOCKET_ERROR_PARAMETER: count is out of range.
//   - SOCKET_ERROR_ALREADY: a default loop is running (socket_shutdown ends them).
//
//export goSocketSetDispatchThreads
func goSocketSetDispatchThreads(count int32) (result int32) {
	defer guard(&result)
	return fail(socket.SetDispatchThreads(int(count)))
}

// C: int socket_run(void)
//
// socket_run waits until no socket of the default loops is open and nothing is left to deliver.
// Returns 0. Timers and posted functions do not keep it waiting, except those of loops that are
// being shut down.
// Errors:
//   - SOCKET_ERROR_DEADLK: it was called inside a callback of a default loop.
//
//export goSocketRun
func goSocketRun(thread uintptr) (result int32) {
	defer guard(&result)
	return fail(socket.RunDefault(abi.Thread(thread)))
}

// C: int socket_shutdown(int timeout_ms)
//
// socket_shutdown aborts the sockets of the default loops, delivers their completions and close
// events, releases their handles and ends the loops; afterwards none of their callbacks runs.
// A call after one that ran out of time, or beside another, waits for the same loops.
// Host-driven loops are not touched. The next construct starts anew. timeout_ms: 0 to 86400000.
// Errors:
//   - SOCKET_ERROR_PARAMETER: timeout_ms is out of range.
//   - SOCKET_ERROR_TIMEDOUT: a callback did not return in time (the rest is done when it does).
//   - SOCKET_ERROR_DEADLK: it was called inside a callback of a default loop.
//
//export goSocketShutdown
func goSocketShutdown(thread uintptr, timeoutMs int32) (result int32) {
	defer guard(&result)
	return fail(socket.Shutdown(abi.Thread(thread), timeoutMs))
}
