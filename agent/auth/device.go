package auth

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"strings"
	"time"

	"hotline/agent/store"
)

// A browser from which somebody has signed in before keeps a cookie that says so, signed by us: strangers' failures do not lock the
// person out there, while its own failures lock it alone (RS9; OWASP: device cookies). One browser may be known to several accounts,
// since a hall's computers serve whoever sits there. The signature's key is the account's stored hash, so it ends with the password.

const (
	mostAccounts  = 16 // that one browser is known to; the one used longest ago gives way
	longestDevice = mostAccounts * 80
	deviceLife    = 400 * 24 * time.Hour // the most that browsers allow
)

// mark is one account's word for a browser that it knows.
type mark struct{ account, device, signature string }

func (m mark) String() string { return m.account + "." + m.device + "." + m.signature }

// signed makes the mark of a device for an account.
func signed(acc store.Account, device string) mark {
	mac := hmac.New(sha256.New, []byte(acc.Hash))
	mac.Write([]byte("hotline device\x00" + string(acc.Person) + "\x00" + device))
	account := sha256.Sum256([]byte(acc.Person))
	return mark{short(account[:9]), device, short(mac.Sum(nil)[:18])}
}

func short(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// marks reads a cookie: what a browser sends back may be anything.
func marks(cookie string) []mark {
	if len(cookie) > longestDevice {
		return nil
	}
	var all []mark
	for word := range strings.SplitSeq(cookie, "~") {
		if parts := strings.Split(word, "."); len(parts) == 3 && len(all) < mostAccounts {
			all = append(all, mark{parts[0], parts[1], parts[2]})
		}
	}
	return all
}

// known is the device that the cookie proves to be known to the account; empty: none.
func known(cookie string, acc store.Account) string {
	if acc.Person == "" {
		return ""
	}
	for _, m := range marks(cookie) {
		if hmac.Equal([]byte(m.String()), []byte(signed(acc, m.device).String())) {
			return m.device
		}
	}
	return ""
}

// remember adds the account to the cookie, or brings it to its front.
func remember(cookie string, acc store.Account) string {
	device := known(cookie, acc)
	if device == "" {
		var id [12]byte
		_, _ = rand.Read(id[:]) // never fails (crypto/rand)
		device = short(id[:])
	}
	own := signed(acc, device)
	words := []string{own.String()}
	for _, m := range marks(cookie) {
		if m.account != own.account && len(words) < mostAccounts {
			words = append(words, m.String())
		}
	}
	return strings.Join(words, "~")
}

func (a *Service) deviceCookieName() string {
	if a.cfg.Secure {
		return "__Host-device"
	}
	return "device"
}

func (a *Service) deviceCookie(ctx context.Context, acc store.Account) http.Cookie {
	c := a.cookie(remember(from(ctx).devices, acc)) //nolint:gosec // Secure is a.cfg.Secure, as there
	c.Name, c.MaxAge = a.deviceCookieName(), int(deviceLife.Seconds())
	return *c
}
