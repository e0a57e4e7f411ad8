package audit

import (
	"context"
	"sync"
)

// Act is what a request does, as far as it is known to whoever records it. The door opens one; the handler names what it knows better.
type Act struct {
	address string // where the request comes from

	mu      sync.Mutex // guards what follows
	subject string
	actor   string
	read    string // the action by which something is shown beside what is done
	shown   string // its subject
}

type actKey struct{}

// Open returns a context in which an act can be named, and in which what is appended comes from that address.
func Open(ctx context.Context, address string) (context.Context, *Act) {
	a := &Act{address: address}
	return context.WithValue(ctx, actKey{}, a), a
}

// Name says what the act of this context is done to, and by whom if that is known here only; "" leaves what the door knows. Without a
// door it does nothing.
func Name(ctx context.Context, subject, actor string) {
	a, ok := ctx.Value(actKey{}).(*Act)
	if !ok {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if subject != "" {
		a.subject = subject
	}
	if actor != "" {
		a.actor = actor
	}
}

// Show says that the answer of this context shows what is otherwise read by another action, with a record: a command that was made on
// something older, or changes nothing, is told what there is now.
func Show(ctx context.Context, action, subject string) {
	if a, ok := ctx.Value(actKey{}).(*Act); ok {
		a.mu.Lock()
		defer a.mu.Unlock()
		a.read, a.shown = action, subject
	}
}

// Shown is what has been shown so far; "": nothing.
func (a *Act) Shown() (action, subject string) { //nolint:nonamedreturns // tells which is which
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.read, a.shown
}

// addressOf is where the request of this context comes from; "" outside a request.
func addressOf(ctx context.Context) string {
	if a, ok := ctx.Value(actKey{}).(*Act); ok {
		return a.address
	}
	return ""
}

// Named is what has been named so far.
func (a *Act) Named() (subject, actor string) { //nolint:nonamedreturns // tells which is which
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.subject, a.actor
}
