package main

import (
	"fmt"
	"unsafe"

	"ohsocket/core/abi"
	"ohsocket/core/errcode"
	"ohsocket/core/netaddr"
	"ohsocket/core/socket"
)

const (
	maxBuffers = 1024
	maxRecords = 65536
	// maxText bounds what is read of a caller's string: more than the longest host
	// name with a zone.
	maxText = 1024
)

// pointer turns a caller's address into a pointer. It is the one place where that
// happens: addresses travel as uintptr until they are used.
func pointer(p uintptr) unsafe.Pointer {
	return *(*unsafe.Pointer)(unsafe.Pointer(&p))
}

// guard turns a panic into an error: none may reach the host.
func guard[T int32 | int64](result *T) {
	if recover() != nil {
		socket.Panicked()
		*result = -T(errcode.Internal)
	}
}

func fail(code errcode.Code) int32 { return -int32(code) }

func truth(b bool) int32 {
	if b {
		return 1
	}
	return 0
}

// with calls a function with the socket of a handle, if that is valid.
func with(handle int64, do func(*socket.Socket) errcode.Code) int32 {
	s := socket.Lookup(handle)
	if s == nil {
		return fail(errcode.BadFD)
	}
	return fail(do(s))
}

// answer is with for a function that has a result, unless there is an error.
func answer[T int32 | int64](handle int64, do func(*socket.Socket) (T, errcode.Code)) T {
	s := socket.Lookup(handle)
	if s == nil {
		return -T(errcode.BadFD)
	}
	result, code := do(s)
	if code != errcode.OK {
		return -T(code)
	}
	return result
}

// withLoop is with for a loop.
func withLoop(loop int64, do func(*socket.Loop) errcode.Code) int32 {
	l, code := lookupLoop(loop)
	if code != errcode.OK {
		return fail(code)
	}
	return fail(do(l))
}

// answerLoop is answer for a loop.
func answerLoop[T int32 | int64](loop int64, do func(*socket.Loop) (T, errcode.Code)) T {
	l, code := lookupLoop(loop)
	if code != errcode.OK {
		return -T(code)
	}
	result, code := do(l)
	if code != errcode.OK {
		return -T(code)
	}
	return result
}

func construct(loop int64, kind abi.Kind) int64 {
	l, code := loopOrNext(loop)
	if code != errcode.OK {
		return -int64(code)
	}
	s, code := socket.Construct(l, kind)
	if code == errcode.BadFD && loop == 0 {
		// A shutdown has taken this one down meanwhile.
		return construct(loop, kind)
	}
	if code != errcode.OK {
		return -int64(code)
	}
	return s.Handle()
}

func loopOrNext(loop int64) (*socket.Loop, errcode.Code) {
	if loop == 0 {
		return socket.NextDefaultLoop()
	}
	return lookupLoop(loop)
}

func loopOrDefault(loop int64) (*socket.Loop, errcode.Code) {
	if loop == 0 {
		return socket.DefaultLoop()
	}
	return lookupLoop(loop)
}

func lookupLoop(loop int64) (*socket.Loop, errcode.Code) {
	if l := socket.LookupLoop(loop); l != nil {
		return l, errcode.OK
	}
	return nil, errcode.BadFD
}

// cText looks at a caller's string, up to maxText bytes of it.
func cText(p uintptr) []byte {
	if p == 0 {
		return nil
	}
	n := 0
	for n < maxText && *(*byte)(pointer(p + uintptr(n))) != 0 {
		n++
	}
	return unsafe.Slice((*byte)(pointer(p)), n)
}

// cString copies a caller's string, up to maxText bytes of it.
func cString(p uintptr) string { return string(cText(p)) }

func localAddress(s *socket.Socket, p uintptr) (netaddr.Sockaddr, errcode.Code) {
	if p == 0 || p%unsafe.Alignof(abi.Address{}) != 0 {
		return netaddr.Sockaddr{}, s.Refuse("bind", "address is NULL or not aligned")
	}
	a := (*abi.Address)(pointer(p))
	return s.LocalAddress(cString(a.Address), a.Port, abi.Family(a.Family))
}

func receiver(s *socket.Socket, t abi.Thread, p uintptr) (netaddr.Sockaddr, errcode.Code) {
	if p == 0 || p%unsafe.Alignof(abi.Address{}) != 0 {
		return netaddr.Sockaddr{}, s.Refuse("send_to", "address is NULL or not aligned")
	}
	a := (*abi.Address)(pointer(p))
	return s.Receiver(t, cText(a.Address), a.Port, abi.Family(a.Family))
}

func bufferSlice(p uintptr, count int32) []abi.Buffer {
	return unsafe.Slice((*abi.Buffer)(pointer(p)), count)
}

func eventSlice(p uintptr, capacity int32) []abi.Event {
	return unsafe.Slice((*abi.Event)(pointer(p)), capacity)
}

// readStruct copies a caller's struct that begins with its size. A smaller one, of an
// older header, is refused while there is only one version; a larger one is accepted
// if what this library does not know is zero.
func readStruct[T any](p uintptr, to *T) errcode.Code {
	if p == 0 || p%unsafe.Alignof(*to) != 0 {
		return errcode.Parameter
	}
	size := uintptr(*(*uint32)(pointer(p)))
	if size < unsafe.Sizeof(*to) || size > maxText {
		return errcode.Parameter
	}
	for i := unsafe.Sizeof(*to); i < size; i++ {
		if *(*byte)(pointer(p + i)) != 0 {
			return errcode.Parameter
		}
	}
	*to = *(*T)(pointer(p))
	return errcode.OK
}

// readOptions is readStruct for a call of a socket, which remembers what is wrong. initializer is
// the macro that a caller may have forgotten.
func readOptions[T any](s *socket.Socket, operation, initializer string, p uintptr, to *T) errcode.Code {
	code := readStruct(p, to)
	if code == errcode.OK {
		return code
	}
	return s.Refuse(operation, structMistake(initializer, p, unsafe.Sizeof(*to), unsafe.Alignof(*to)))
}

// structMistake says why readStruct has refused a struct that has size bytes here.
func structMistake(initializer string, p, size, alignment uintptr) string {
	switch {
	case p == 0:
		return "options is NULL"
	case p%alignment != 0:
		return "options is not aligned"
	}
	switch given := uintptr(*(*uint32)(pointer(p))); {
	case given == 0:
		return "options.struct_size is 0: begin with " + initializer
	case given < size || given > maxText:
		return fmt.Sprintf("options.struct_size is %d, %d is expected: begin with %s", given, size, initializer)
	}
	return "options has members that this version of the library does not know"
}

// writeStruct fills a caller's struct that begins with its size, which it keeps.
func writeStruct[T any](p uintptr, from *T) errcode.Code {
	if p == 0 || p%unsafe.Alignof(*from) != 0 {
		return errcode.Parameter
	}
	size := *(*uint32)(pointer(p))
	if uintptr(size) < unsafe.Sizeof(*from) {
		return errcode.Parameter
	}
	*(*uint32)(unsafe.Pointer(from)) = size
	*(*T)(pointer(p)) = *from
	return errcode.OK
}

// writeText writes text as snprintf does and returns its whole length.
func writeText(text string, p, capacity uintptr) int32 {
	if p != 0 && capacity > 0 {
		n := min(len(text), int(min(capacity, 1<<30))-1)
		to := unsafe.Slice((*byte)(pointer(p)), n+1)
		copy(to, text[:n])
		to[n] = 0
	}
	return int32(len(text))
}

// readExtra checks what fields names, and says what is wrong.
func readExtra(o *abi.ExtraOptions) (socket.Extra, string, errcode.Code) {
	const all = abi.ExtraBroadcast<<1 - 1
	e := socket.Extra{}
	if o.Fields&^all != 0 {
		return e, fmt.Sprintf("fields has unknown bits: %#x", o.Fields&^all), errcode.Parameter
	}
	for _, f := range []struct {
		name  string
		bit   uint32
		value int32
		to    *socket.Flag
	}{
		{"keep_alive", abi.ExtraKeepAlive, o.KeepAlive, &e.KeepAlive},
		{"oob_inline", abi.ExtraOOBInline, o.OobInline, &e.OOBInline},
		{"tcp_no_delay", abi.ExtraTCPNoDelay, o.TcpNoDelay, &e.NoDelay},
		{"reuse_address", abi.ExtraReuseAddress, o.ReuseAddress, &e.ReuseAddress},
		{"broadcast", abi.ExtraBroadcast, o.Broadcast, &e.Broadcast},
	} {
		if o.Fields&f.bit == 0 {
			continue
		}
		if f.value != 0 && f.value != 1 {
			return e, fmt.Sprintf("%s is %d, neither 0 nor 1", f.name, f.value), errcode.Parameter
		}
		*f.to = socket.FlagOf(f.value == 1)
	}
	if o.Fields&abi.ExtraLinger != 0 {
		if o.LingerOn != 0 && o.LingerOn != 1 || o.LingerMs < 0 || o.LingerMs > 65535 {
			return e, fmt.Sprintf("linger_on is %d (0 or 1), linger_ms %d (0 to 65535)", o.LingerOn, o.LingerMs), errcode.Parameter
		}
		e.Linger = socket.FlagOf(o.LingerOn == 1)
		e.LingerMs = o.LingerMs
	}
	if o.Fields&abi.ExtraReceiveBufferSize != 0 {
		e.ReceiveBufferSize = bufferSize(o.ReceiveBufferSize)
		e.SetReceiveBufferSize = true
	}
	if o.Fields&abi.ExtraSendBufferSize != 0 {
		e.SendBufferSize = bufferSize(o.SendBufferSize)
		e.SetSendBufferSize = true
	}
	if o.Fields&abi.ExtraSocketTimeout != 0 {
		if o.SocketTimeoutMs < 0 {
			return e, fmt.Sprintf("socket_timeout_ms is %d", o.SocketTimeoutMs), errcode.Domain
		}
		e.SocketTimeoutMs = o.SocketTimeoutMs
		e.SetSocketTimeout = true
	}
	return e, "", errcode.OK
}

// bufferSize applies the API's rule for sizes out of range.
func bufferSize(n int32) int32 {
	if n < 0 || n > 262144 {
		return 8192
	}
	return n
}
