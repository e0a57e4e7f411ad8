// Package store keeps units, people, seats, sessions, logins and the answers to commands in Postgres. Each write is one short
// transaction that ends with its facts. It knows no HTTP, no Redis, and decides nothing: the presence machine does.
package store
