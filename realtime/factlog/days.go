package factlog

import (
	"context"
	"fmt"
)

const (
	// DaysAhead is how many days to come have their part of the log ready.
	DaysAhead = 30
	// FewDays is how many days have to be ready, today among them; with fewer, what prepares them has been failing for weeks.
	FewDays = 7
)

// Prepare readies the log for today and the days to come, and returns how many were missing. Several processes may do it at once, and
// nobody who writes facts waits for it.
func Prepare(ctx context.Context, db DB) (int, error) {
	var made int
	if err := db.QueryRow(ctx, `SELECT fact_days($1)`, DaysAhead).Scan(&made); err != nil {
		return 0, fmt.Errorf("prepare the days of the fact log: %w", err)
	}
	return made, nil
}

// Days is how the log stands with its days.
type Days struct {
	Ready  int   // days that are prepared, from today on
	Strays int64 // facts of days that were not; they are read like all others
}

// LookAtDays changes nothing.
func LookAtDays(ctx context.Context, db DB) (Days, error) {
	var d Days
	if err := db.QueryRow(ctx, `SELECT ready, strays FROM fact_days_state()`).Scan(&d.Ready, &d.Strays); err != nil {
		return Days{}, fmt.Errorf("look at the days of the fact log: %w", err)
	}
	return d, nil
}

// Settle gives strays the days they are of, and returns how many there were. The connection is the owner's; writers of facts wait for it.
func Settle(ctx context.Context, db DB) (int64, error) {
	var n int64
	if err := db.QueryRow(ctx, `SELECT fact_settle()`).Scan(&n); err != nil {
		return 0, fmt.Errorf("settle facts that had no day: %w", err)
	}
	return n, nil
}
