package auth

import (
	"context"
	"crypto/rand"
	"fmt"
	"strings"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"

	"hotline/agent"
)

const (
	minPassword = 12
	maxPassword = 128
)

// hasher makes and checks password hashes, one at a time: memory and one core are bounded whatever the crowd (B10).
type hasher struct {
	params *argon2id.Params
	turn   chan struct{}
	dummy  string // of nobody's password; checked when there is none, so that every sign-in does the same work
}

// defaultParams is OWASP's first choice: 46 MiB, one pass, one lane.
func defaultParams() *argon2id.Params {
	return &argon2id.Params{Memory: 46 * 1024, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

func newHasher(params *argon2id.Params) (*hasher, error) {
	h := &hasher{params: params, turn: make(chan struct{}, 1)}
	dummy, err := argon2id.CreateHash(rand.Text(), params)
	if err != nil {
		return nil, fmt.Errorf("dummy hash: %w", err)
	}
	h.dummy = dummy
	return h, nil
}

// alone runs fn when it is its turn. Whoever gives up waiting leaves the queue.
func (h *hasher) alone(ctx context.Context, fn func() error) error {
	select {
	case h.turn <- struct{}{}:
	case <-ctx.Done():
		return fmt.Errorf("wait for the turn to hash: %w", ctx.Err())
	}
	defer func() { <-h.turn }()
	return fn()
}

func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	var hash string
	err := h.alone(ctx, func() error {
		var err error
		hash, err = argon2id.CreateHash(password, h.params)
		return err
	})
	return hash, err
}

// weaker says that a hash was made with less work than we ask today.
func (h *hasher) weaker(p *argon2id.Params) bool {
	return p.Memory < h.params.Memory || p.Iterations < h.params.Iterations || p.KeyLength < h.params.KeyLength
}

// CheckPassword holds a password against the policy: 12 to 128 characters, not of a handful repeated, none of the
// person's or the product's own words. *agent.FieldError.
func CheckPassword(password string, p agent.Person) error {
	switch n := utf8.RuneCountInString(password); {
	case !utf8.ValidString(password):
		return &agent.FieldError{Field: "password", Mend: "is not text"}
	case n < minPassword:
		return &agent.FieldError{Field: "password", Mend: fmt.Sprintf("at least %d characters", minPassword)}
	case n > maxPassword:
		return &agent.FieldError{Field: "password", Mend: fmt.Sprintf("at most %d characters", maxPassword)}
	}
	lower := strings.ToLower(password)
	distinct := map[rune]bool{}
	for _, r := range lower {
		distinct[r] = true
	}
	const fewest = 5
	if len(distinct) < fewest {
		return &agent.FieldError{Field: "password", Mend: fmt.Sprintf("at least %d different characters", fewest)}
	}
	for _, word := range ownWords(p) {
		if strings.Contains(lower, word) {
			return &agent.FieldError{Field: "password", Mend: "must not contain the name, the login name, the unit or a word like 12345 or password"}
		}
	}
	return nil
}

// ownWords are what guessers try first: the common sequences, the product, and what is known of the person.
func ownWords(p agent.Person) []string {
	words := []string{
		"12345", "54321", "password", "passw0rd", "qwerty", "asdfgh", "1qaz2wsx", "abcdef", "iloveyou", "admin123", "hotline", "anhui", "5201314",
		"热线", "安徽", "密码",
	}
	for _, w := range []string{p.LoginName, p.Name, p.Unit, p.UnitName} {
		if w = strings.ToLower(w); utf8.RuneCountInString(w) > 1 {
			words = append(words, w)
		}
	}
	return words
}

// RandomPassword makes a first password: 26 letters and digits, 130 bits.
func RandomPassword() string { return strings.ToLower(rand.Text()) }
