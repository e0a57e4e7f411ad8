package auth

import (
	"context"

	"github.com/alexedwards/argon2id"
)

// NobodysHash is what a password is checked against when there is no account, and how much work that is.
func NobodysHash() (string, *argon2id.Params) {
	p := defaultParams()
	return newHasher(p).dummy, p
}

// Enter waits for the turn to hash, as a sign-in does.
func (a *Service) Enter(ctx context.Context, lane string) (func(), error) {
	return a.hasher.enter(ctx, lane)
}

// Waiting is how many wait for it.
func (a *Service) Waiting() int { return Queue{a.hasher.queue}.Waiting() }

// Queue is the queue before the hashes.
type Queue struct{ *queue }

// NewQueue makes one for so many who wait.
func NewQueue(most, each int) Queue { return Queue{newQueue(most, each)} }

// Enter waits in a lane.
func (q Queue) Enter(ctx context.Context, lane string) (func(), bool, error) {
	return q.enter(ctx, lane)
}

// Waiting is how many do.
func (q Queue) Waiting() int {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.waiting
}

// Idle says that nothing is kept of anybody.
func (q Queue) Idle() bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return !q.busy && q.waiting == 0 && len(q.lanes) == 0 && len(q.turns) == 0
}
