package main

// coreShare is on how many cores the server runs its code at once: half of those that it has, since Asterisk, Postgres and Redis
// live on them too. On the hot path a step that is handed to another core waits there behind them, and to wake that core costs
// two system calls: with one of two cores a call costs a fifth less, and the next telephone rings a tenth sooner (B2). What the
// operator has set in the environment stands.
func coreShare(getenv func(string) string, have int) int {
	if getenv("GOMAXPROCS") != "" {
		return have
	}
	return max(1, have/2)
}
