package abi

// Thread identifies a thread of the process; 0 is none.
type Thread uintptr

// Listener is a caller's function and the data it wants with each call.
type Listener struct{ Func, UserData uintptr }

// Completion is called once, when an operation is complete. Func 0: nobody asks.
type Completion struct{ Func, UserData uintptr }

// Function is posted work or a timer's. Func 0 makes a record.
type Function struct{ Func, UserData uintptr }

// Caller reaches the host of the library.
type Caller struct {
	Event      func(l Listener, e *Event)
	Completion func(c Completion, handle int64, err int32)
	Function   func(f Function)
	ThreadID   func() Thread
}
