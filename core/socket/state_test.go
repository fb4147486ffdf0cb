package socket

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"ohsocket/core/abi"
)

// In tests a transition that must not happen ends the test, as in the strict build.
func init() { illegalTransition = func(what string) { panic(what) } }

// LIFE-10: the legal transitions, by hand. All others panic.
func TestTransitions(t *testing.T) {
	next := map[state][]state{
		stateFresh:        {stateOpening, stateConnected, stateEstablishing},
		stateClosed:       {stateReopening},
		stateOpening:      {stateFresh, stateBound, stateAttached, stateListening, stateConnecting, stateConnected},
		stateReopening:    {stateClosed, stateBound, stateAttached, stateListening, stateConnecting, stateConnected},
		stateBound:        {stateConnecting, stateClosed},
		stateAttached:     {stateConnecting, stateClosed},
		stateListening:    {stateClosed},
		stateConnecting:   {stateBound, stateAttached, stateConnected, stateOpening, stateReopening, stateClosed},
		stateEstablishing: {stateConnected, stateClosed},
		stateConnected:    {stateClosed, stateReopening},
	}
	for from := range states {
		for to := range states {
			s := &Socket{kindID: abi.KindTCP, state: from}
			if legally(next[from], to) {
				assert.NotPanics(t, func() { s.become(to) }, "%d %d", from, to)
				assert.Equal(t, to, s.state)
			} else {
				assert.Panics(t, func() { s.become(to) }, "%d %d", from, to)
			}
		}
	}
}

// LIFE-10
func TestTransitionsOfAClose(t *testing.T) {
	next := map[ending][]ending{
		notEnding:     {flushing},
		flushing:      {flushingLate, lingering, reporting},
		flushingLate:  {lingeringLate, reporting},
		lingering:     {lingeringLate, reporting},
		lingeringLate: {reporting},
		reporting:     {notEnding},
	}
	for from := range endings {
		for to := range endings {
			s := &Socket{kindID: abi.KindTCP}
			s.ending.Store(uint32(from))
			if legally(next[from], to) {
				assert.NotPanics(t, func() { s.setEndingLocked(to) }, "%d %d", from, to)
				assert.Equal(t, to, s.closeStage())
			} else {
				assert.Panics(t, func() { s.setEndingLocked(to) }, "%d %d", from, to)
			}
		}
	}
}

func legally[S comparable](next []S, to S) bool {
	for _, n := range next {
		if n == to {
			return true
		}
	}
	return false
}
