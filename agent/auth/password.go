package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/alexedwards/argon2id"
	"golang.org/x/crypto/argon2"

	"hotline/agent"
)

const (
	minPassword = 12
	maxPassword = 128
)

// hasher makes and checks password hashes, one at a time: memory and one core are bounded whatever the crowd (B10).
type hasher struct {
	params *argon2id.Params
	queue  *queue
	dummy  string // of nobody's password; checked when there is none, so that every sign-in does the same work
}

// defaultParams is OWASP's first choice: 46 MiB, one pass, one lane.
func defaultParams() *argon2id.Params {
	return &argon2id.Params{Memory: 46 * 1024, Iterations: 1, Parallelism: 1, SaltLength: 16, KeyLength: 32}
}

func newHasher(params *argon2id.Params) *hasher {
	return &hasher{params: params, queue: newQueue(mostWaiting, eachWaiting), dummy: dummyHash(params)}
}

// dummyHash is random: to make a real one would cost the start of the server a tenth of a second.
func dummyHash(p *argon2id.Params) string {
	random := func(n uint32) string {
		b := make([]byte, n)
		_, _ = rand.Read(b) // never fails
		return base64.RawStdEncoding.EncodeToString(b)
	}
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s",
		argon2.Version, p.Memory, p.Iterations, p.Parallelism, random(p.SaltLength), random(p.KeyLength))
}

// enter waits for the turn to hash, beside others of the same lane, and returns what ends it. *agent.TooManyError: too many wait.
func (h *hasher) enter(ctx context.Context, lane string) (func(), error) {
	leave, ok, err := h.queue.enter(ctx, lane)
	if err != nil {
		return nil, fmt.Errorf("wait for the turn to hash: %w", err)
	}
	if !ok {
		const soon = 2 * time.Second // a third of the whole queue
		return nil, &agent.TooManyError{After: soon}
	}
	return leave, nil
}

func (h *hasher) hash(ctx context.Context, password string) (string, error) {
	leave, err := h.enter(ctx, "people")
	if err != nil {
		return "", err
	}
	defer leave()
	return argon2id.CreateHash(password, h.params)
}

// weaker says that a hash was made with less work than we ask today.
func (h *hasher) weaker(p *argon2id.Params) bool {
	return p.Memory < h.params.Memory || p.Iterations < h.params.Iterations || p.KeyLength < h.params.KeyLength
}

// CheckPassword holds a password against the policy: 12 to 128 characters, not of a handful repeated, none of the
// person's or the product's own words. *agent.FieldError.
func CheckPassword(password string, p agent.Person) error {
	switch n := utf8.RuneCountInString(password); {
	case agent.CheckText(password) != nil:
		return &agent.FieldError{Field: "password", Mend: "is no plain text"}
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
