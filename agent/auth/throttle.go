package auth

import (
	"net/netip"
	"sync"
	"time"
)

// Limits are those of sign-in failures.
type Limits struct {
	Account   int           // failures in a row from one address, or one known device, that lock an account there (等保: 3 to 10)
	Strangers int           // failures in a row from all devices that the account does not know that lock it for them
	Address   int           // failures that bar an address; a whole hall may sit behind one
	Lock      time.Duration // how long (等保: 5 to 30 min)
}

func (l Limits) withDefaults() Limits {
	if l.Account == 0 {
		l.Account = 5
	}
	if l.Strangers == 0 {
		l.Strangers = 50
	}
	if l.Address == 0 {
		l.Address = 30
	}
	if l.Lock == 0 {
		l.Lock = 15 * time.Minute
	}
	return l
}

// delay is how long the answer to the nth failure waits: 1 s for the last but two before the lock, then 2 s and 4 s.
func (l Limits) delay(n int) time.Duration {
	const delayed = 3
	first := max(1, l.Account-delayed+1)
	if n < first {
		return 0
	}
	return time.Second << (min(n, l.Account) - first)
}

// maxThrottled bounds the memory of a throttle; beyond it, entries that have run out go first.
const maxThrottled = 10_000

// throttle counts failures by a key, of what the database knows nothing about: addresses, and names that nobody has.
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

// barred is how long the key still is; 0: it is not.
func (t *throttle) barred(key string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.currentLocked(key, now)
	if f.n < t.limit {
		return 0
	}
	return t.lock - now.Sub(f.last)
}

// count adds a failure and says the how manieth it is; 0: the key is barred, and knocking does not prolong that.
func (t *throttle) count(key string, now time.Time) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	f := t.currentLocked(key, now)
	if f.n >= t.limit {
		return 0
	}
	if _, known := t.entries[key]; !known && len(t.entries) >= maxThrottled {
		t.evictLocked(now)
	}
	t.entries[key] = failures{n: f.n + 1, last: now}
	return f.n + 1
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
