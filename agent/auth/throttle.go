package auth

import (
	"net/netip"
	"sync"
	"time"
)

// Limits are those of sign-in failures.
type Limits struct {
	Account int           // failures in a row that lock an account (等保: 3 to 10)
	Address int           // failures that lock an address; a whole hall may sit behind one
	Lock    time.Duration // how long (等保: 5 to 30 min)
}

func (l Limits) withDefaults() Limits {
	if l.Account == 0 {
		l.Account = 5
	}
	if l.Address == 0 {
		l.Address = 30
	}
	if l.Lock == 0 {
		l.Lock = 15 * time.Minute
	}
	return l
}

// maxThrottled bounds the memory of a throttle; beyond it, entries that have run out go first.
const maxThrottled = 10_000

// throttle counts failures by a key, known to us or not, so that an unknown name is slowed down like a known one.
type throttle struct {
	limit int
	lock  time.Duration

	mu      sync.Mutex
	entries map[string]failures // guarded by mu
}

type failures struct {
	n    int
	last time.Time
}

func newThrottle(limit int, lock time.Duration) *throttle {
	return &throttle{limit: limit, lock: lock, entries: map[string]failures{}}
}

// look says how long the next attempt has to wait, and whether there may be none: 1 s after the last failure but one before
// the lock, 2 s after the last.
func (t *throttle) look(key string, now time.Time) (time.Duration, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.currentLocked(key, now)
	switch {
	case f.n >= t.limit:
		return 0, true
	case f.n > 0 && f.n >= t.limit-2:
		return time.Second << (f.n - max(1, t.limit-2)), false
	}
	return 0, false
}

func (t *throttle) fail(key string, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.currentLocked(key, now)
	if _, known := t.entries[key]; !known && len(t.entries) >= maxThrottled {
		t.evictLocked(now)
	}
	if f.n < t.limit { // a lock is not prolonged by knocking
		f = failures{n: f.n + 1, last: now}
	}
	t.entries[key] = f
}

func (t *throttle) forgive(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.entries, key)
}

func (t *throttle) currentLocked(key string, now time.Time) failures {
	f := t.entries[key]
	if now.Sub(f.last) >= t.lock {
		return failures{}
	}
	return f
}

// evictLocked drops what has run out, and if that is nothing, any tenth: the map stays bounded in a flood.
func (t *throttle) evictLocked(now time.Time) {
	for k, f := range t.entries {
		if now.Sub(f.last) >= t.lock {
			delete(t.entries, k)
		}
	}
	for k := range t.entries {
		if len(t.entries) < maxThrottled*9/10 {
			return
		}
		delete(t.entries, k)
	}
}

// address is the key of a remote address: an IPv6 customer has a whole /64.
func address(remote string) string {
	addr, err := netip.ParseAddr(remote)
	if err != nil {
		port, err := netip.ParseAddrPort(remote)
		if err != nil {
			return "unknown"
		}
		addr = port.Addr()
	}
	addr = addr.Unmap().WithZone("")
	if addr.Is4() {
		return addr.String()
	}
	prefix, err := addr.Prefix(64)
	if err != nil {
		return "unknown"
	}
	return prefix.String()
}
