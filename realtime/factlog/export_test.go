package factlog

import (
	"context"
	"time"
)

// Look is one look of a feed whose last fact was stored at that time.
func (r *Reader) Look(ctx context.Context, after Position, stored time.Time, limit int) ([]Fact, error) {
	seen, err := r.look(ctx, after, stored, limit)
	return seen.facts, err
}
