package control

import (
	"slices"
	"sync"

	"hotline/telephony"
)

// A call's mailbox takes that many messages. When it is full a signal is dropped, counted, and the call is compared with the
// exchange: a busy call costs a delay of its own, never one of the others.
const mailboxSize = 256

// message is what an actor is told.
//
//sumtype:decl
type message interface{ message() }

type (
	// signalled brings what the exchange reports.
	signalled struct{ telephony.Signal }
	// happened brings an event of the house.
	happened struct{ telephony.Event }
	// acted brings the answer of an act; never dropped: there are no more of them than acts under way.
	acted struct{ telephony.ActEnded }
	// command brings a person's event, and takes the answer.
	command struct {
		event telephony.Event
		actor string
		reply chan<- error
	}
	// matched brings a seat.
	matched struct{ match }
	// viewed brings a snapshot.
	viewed struct {
		*view
		done func() // once it is taken over
	}
)

func (signalled) message() {}
func (happened) message()  {}
func (acted) message()     {}
func (command) message()   {}
func (matched) message()   {}
func (viewed) message()    {}

// mailbox hands messages to one actor, all that are there at once: what has been said is heard before any timer is looked at
// (RT1).
type mailbox struct {
	mu    sync.Mutex // guards items and over
	items []message
	over  bool
	ring  chan struct{}
}

func (b *mailbox) init() { b.ring = make(chan struct{}, 1) }

// Answers of a mailbox.
type taking int

const (
	taken taking = iota
	tooFull
	callOver
)

// put adds a message, if there is room and the call goes on.
func (b *mailbox) put(m message) taking {
	_, result := m.(acted)
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.over {
		return callOver
	}
	if len(b.items) >= mailboxSize && !result {
		return tooFull
	}
	b.items = append(b.items, m)
	select {
	case b.ring <- struct{}{}:
	default: // rung already
	}
	return taken
}

func (b *mailbox) take() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	items := b.items
	b.items = nil
	return items
}

// peek shows what is there and leaves it.
func (b *mailbox) peek() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.items)
}

// close takes no more and returns what is left.
func (b *mailbox) close() []message {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.over = true
	items := b.items
	b.items = nil
	return items
}

func (b *mailbox) isOver() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.over
}
