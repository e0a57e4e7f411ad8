package factlog

import "sync"

// Waker is told after every commit that wrote facts. It carries nothing, must not block, and may be lost: polling is the
// guarantee, the wake only makes it fast.
type Waker interface{ Wake() }

var _ Waker = (*Signal)(nil)

// Signal wakes the readers of this process.
type Signal struct {
	mu  sync.Mutex // guards ch and all
	ch  chan struct{}
	all bool
}

// NewSignal is shared by the writers and readers of one process.
func NewSignal() *Signal { return &Signal{ch: make(chan struct{})} }

// Wake tells all who wait that there is something to read.
func (s *Signal) Wake() {
	s.mu.Lock()
	s.wakeLocked()
	s.mu.Unlock()
}

func (s *Signal) wakeLocked() {
	close(s.ch)
	s.ch = make(chan struct{})
}

// Hears says whether the wakes of all other processes are heard, too: then readers poll slowly. A change wakes them, for wakes may have
// been missed, or will be.
func (s *Signal) Hears(all bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all != all {
		s.all = all
		s.wakeLocked()
	}
}

func (s *Signal) hearsAll() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.all
}

// Wait returns a channel that the next Wake closes. Take it before reading: a wake during the read is then not lost.
func (s *Signal) Wait() <-chan struct{} {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.ch
}
