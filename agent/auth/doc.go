// Package auth signs people in and knows on each request who acts: passwords (argon2id), logins behind a cookie, lock-out,
// and the HTTP middleware that puts an agent.Identity into the context. It knows neither seats nor calls; its SQL is in
// agent/store. Rules: reliability.md 6 (V6, V7) and 7.
package auth
